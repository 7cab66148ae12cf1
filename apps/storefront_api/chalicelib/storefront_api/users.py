"""Users and their sessions, in the Cognito user pool."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from msgspec import UNSET

from chalicelib.storefront_api.documents import refuse_card_numbers
from chassis import log
from chassis.parsing import parse_document
from chassis.problems import (
    Conflict,
    ProblemError,
    ServiceUnavailable,
    Unauthorized,
    Unprocessable,
)
from contracts.orders import NewContact
from contracts.storefront import Confirmation, NewSession, NewUser, Session, User

POLICY = (
    "A password has 12 characters or more, among them a capital and a small letter, a digit and "
    "a sign such as !"
)
"""In words what ``resources.yaml`` asks of a password."""

_WRONG_CREDENTIALS = "The e-mail address or the password is wrong, or the address is not confirmed."
_WRONG_REFRESH_TOKEN = "The refresh token is not valid, or not any more. Sign in again."  # noqa: S105
_BAD_CODE = "The code is wrong or has expired"
_NOT_IN = (
    "NotAuthorizedException",
    "UserNotFoundException",
    "UserNotConfirmedException",
    "PasswordResetRequiredException",
    "InvalidParameterException",
)


class Users:
    """Signs users up and in.

    Parameters
    ----------
    cognito
        Gives a botocore client of the user pool's service.
    pool_id, client_id
        The user pool and its client.
    auto_confirm
        Whether a new user need not confirm the e-mail address.
    """

    def __init__(
        self, cognito: Callable[[], Any], pool_id: str, client_id: str, *, auto_confirm: bool
    ) -> None:
        self._cognito = cognito
        self._pool_id = pool_id
        self._client_id = client_id
        self._auto_confirm = auto_confirm

    def sign_up(self, document: Any) -> User:
        """Sign someone up.

        Parameters
        ----------
        document
            A ``NewUser``, not yet parsed.

        Raises
        ------
        Conflict, Unprocessable
            If the address is taken, or a field or the password breaks a rule.
        """
        refuse_card_numbers(document)
        new = parse_document(document, NewUser)
        email = new.email.lower()
        refusals: dict[str, ProblemError] = {
            "UsernameExistsException": Conflict("There is a user with this e-mail address."),
            "InvalidPasswordException": Unprocessable.at("/password", POLICY),
            "InvalidParameterException": Unprocessable.at(
                "/email", "The user pool does not take this address, name or password"
            ),
        }
        with _refusing(refusals):
            answer = self._cognito().sign_up(
                ClientId=self._client_id,
                Username=email,
                Password=new.password,
                UserAttributes=[
                    {"Name": "email", "Value": email},
                    {"Name": "name", "Value": new.name},
                ],
            )
            if self._auto_confirm:
                self._cognito().admin_confirm_sign_up(UserPoolId=self._pool_id, Username=email)
        return User(id=answer["UserSub"], email=email, name=new.name)

    def confirm(self, confirmation: Confirmation) -> None:
        """Confirm an e-mail address with the code that was sent to it.

        Raises
        ------
        Unprocessable
            If it is not the code of this address.
        """
        # one answer for all of them: whether there is such a user is nobody's business
        refusal = Unprocessable.at("/code", _BAD_CODE)
        refusals = dict.fromkeys(
            (
                "CodeMismatchException",
                "ExpiredCodeException",
                "UserNotFoundException",
                "NotAuthorizedException",
                "InvalidParameterException",
            ),
            refusal,
        )
        with _refusing(refusals):
            self._cognito().confirm_sign_up(
                ClientId=self._client_id,
                Username=confirmation.email.lower(),
                ConfirmationCode=confirmation.code,
            )

    def sign_in(self, new: NewSession) -> Session:
        """Open a session, or renew one.

        Raises
        ------
        Unauthorized
            If the credentials are wrong.
        Unprocessable
            If they are not an e-mail address and a password, or a refresh token alone.
        """
        if new.refresh_token is not UNSET:
            if new.email is not UNSET or new.password is not UNSET:
                raise Unprocessable.at(
                    "/refresh_token", "Send a refresh token alone, or an e-mail and a password"
                )
            return self._session(
                "REFRESH_TOKEN_AUTH", _WRONG_REFRESH_TOKEN, REFRESH_TOKEN=new.refresh_token
            )
        for name, value in (("email", new.email), ("password", new.password)):
            if value is UNSET:
                raise Unprocessable.at(f"/{name}", "This field is required")
        return self._session(
            "USER_PASSWORD_AUTH",
            _WRONG_CREDENTIALS,
            USERNAME=str(new.email).lower(),
            PASSWORD=str(new.password),
        )

    def _session(self, flow: str, refusal: str, **credentials: str) -> Session:
        with _refusing(dict.fromkeys(_NOT_IN, Unauthorized(refusal))):
            answer = self._cognito().initiate_auth(
                ClientId=self._client_id, AuthFlow=flow, AuthParameters=credentials
            )
        tokens = answer.get("AuthenticationResult")
        if not tokens:
            raise Unauthorized("This user must sign in elsewhere first: more is asked than this.")
        return Session(
            access_token=tokens["AccessToken"],
            id_token=tokens["IdToken"],
            # a renewed session goes on with the token that renewed it
            refresh_token=tokens.get("RefreshToken") or credentials["REFRESH_TOKEN"],
            token_type="Bearer",  # noqa: S106
            expires_in=tokens["ExpiresIn"],
        )

    def contact_of(self, access_token: str) -> NewContact:
        """Return whom to write to about what the bearer of a token does.

        Raises
        ------
        Unauthorized
            If the token was revoked.
        """
        refusal = Unauthorized("The access token is not valid any more. Sign in again.")
        with _refusing(dict.fromkeys(_NOT_IN, refusal)):
            answer = self._cognito().get_user(AccessToken=access_token)
        told = {item["Name"]: item["Value"] for item in answer["UserAttributes"]}
        return NewContact(email=told["email"], name=told.get("name") or told["email"])


@contextmanager
def _refusing(refusals: Mapping[str, ProblemError]) -> Iterator[None]:
    """Turn what Cognito refuses into the errors of those codes, and all else into a 503."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in refusals:
            raise refusals[code] from None
        raise _unavailable(code) from None
    except ParamValidationError:
        if "InvalidParameterException" in refusals:
            raise refusals["InvalidParameterException"] from None
        raise
    except BotoCoreError as error:
        raise _unavailable(type(error).__name__) from None


def _unavailable(why: str) -> ServiceUnavailable:
    log.warning("user pool", reason=why)
    return ServiceUnavailable("The user pool does not answer. Try again later.")
