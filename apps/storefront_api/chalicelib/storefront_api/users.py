"""Users and their sessions in the Cognito user pool."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from msgspec import UNSET, ValidationError, convert

from chalicelib.storefront_api.input_checks import refuse_card_numbers
from chassis import email_addresses, log
from chassis.email_addresses import InvalidAddressError
from chassis.parsing import parse_document
from chassis.problems import (
    Conflict,
    Forbidden,
    ProblemError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    Unprocessable,
)
from chassis.redaction import contains_card_number
from contracts.orders import NewContact
from contracts.schema import PersonName
from contracts.storefront import Confirmation, NewSession, NewUser, Session, User

POLICY = (
    "A password must have at least 12 characters, including an upper-case and a lower-case letter, "
    "a digit and a symbol such as !"
)
"""The password policy of ``resources.yaml``, for people."""

_WRONG_CREDENTIALS = "The email address or the password is wrong, or the address is not confirmed."
_WRONG_REFRESH_TOKEN = "The refresh token is not valid or has expired. Sign in again."  # noqa: S105
_BAD_CODE = "The code is wrong or has expired"
_UNVERIFIED = (
    "The email address of your account is not confirmed, so we cannot send you a receipt. "
    "Your order was not placed and nothing was charged. Please contact the shop."
)
_UNMAILABLE = (
    "We cannot send emails to the address of your account, so we cannot send you a receipt. "
    "Your order was not placed and nothing was charged. Please contact the shop."
)
_LONGEST_USERNAME = 128
"""Cognito's limit, in characters. Emails could be sent to addresses of up to 254."""
_LOCKED_OUT = "Password attempts exceeded"
"""Cognito's message of a NotAuthorizedException during a lock-out."""
_LIMITED = ("LimitExceededException", "TooManyFailedAttemptsException")
_WAIT_SECONDS = 60
"""Cognito does not say how long a lock-out lasts: at first seconds, in the end 15 minutes."""
_NOT_SIGNED_IN = (
    "NotAuthorizedException",
    "UserNotFoundException",
    "UserNotConfirmedException",
    "PasswordResetRequiredException",
    "InvalidParameterException",
)


class Users:
    """Creates users and their sessions.

    Parameters
    ----------
    cognito
        Returns a botocore client of Cognito.
    pool_id, client_id
        Ids of the user pool and of its client.
    auto_confirm
        Whether a new user's email address is confirmed without a code.
    """

    def __init__(
        self, cognito: Callable[[], Any], pool_id: str, client_id: str, *, auto_confirm: bool
    ) -> None:
        self._cognito = cognito
        self._pool_id = pool_id
        self._client_id = client_id
        self._auto_confirm = auto_confirm

    def sign_up(self, document: Any) -> User:
        """Create a user.

        Parameters
        ----------
        document
            A ``NewUser`` that has not been parsed.

        Raises
        ------
        Conflict
            If there is a user with this email address.
        Unprocessable
            If a field is not valid, or the password does not meet the policy.
        ServiceUnavailable
            If Cognito does not answer.
        """
        refuse_card_numbers(document)
        new = parse_document(document, NewUser)
        if len(new.email) > _LONGEST_USERNAME:
            raise Unprocessable.at("/email", f"Must have at most {_LONGEST_USERNAME} characters")
        problems: dict[str, ProblemError] = {
            "UsernameExistsException": Conflict("There is already a user with this email address."),
            "InvalidPasswordException": Unprocessable.at("/password", POLICY),
            "InvalidParameterException": Unprocessable.at(
                "/email", "The user pool does not accept this address, name or password"
            ),
        }
        with _translated(problems):
            answer = self._cognito().sign_up(
                ClientId=self._client_id,
                Username=new.email,
                Password=new.password,
                UserAttributes=[
                    {"Name": "email", "Value": new.email},
                    {"Name": "name", "Value": new.name},
                ],
            )
            if self._auto_confirm:
                # first, so that nobody can sign in whose address is not verified
                self._cognito().admin_update_user_attributes(
                    UserPoolId=self._pool_id,
                    Username=new.email,
                    UserAttributes=[{"Name": "email_verified", "Value": "true"}],
                )
                self._cognito().admin_confirm_sign_up(UserPoolId=self._pool_id, Username=new.email)
        return User(id=answer["UserSub"], email=new.email, name=new.name)

    def confirm(self, confirmation: Confirmation) -> None:
        """Confirm an email address with the code that was sent to it.

        Raises
        ------
        TooManyRequests
            If the code was wrong too often.
        Unprocessable
            If the code is not the one of this address.
        ServiceUnavailable
            If Cognito does not answer.
        """
        # the same problem for all of them, so that it does not reveal whether a user exists
        problem = Unprocessable.at("/code", _BAD_CODE)
        problems = dict.fromkeys(
            (
                "CodeMismatchException",
                "ExpiredCodeException",
                "UserNotFoundException",
                "NotAuthorizedException",
                "InvalidParameterException",
            ),
            problem,
        )
        with _translated(problems):
            self._cognito().confirm_sign_up(
                ClientId=self._client_id,
                Username=confirmation.email,
                ConfirmationCode=confirmation.code,
            )

    def sign_in(self, new: NewSession) -> Session:
        """Create a session, or renew one.

        Raises
        ------
        TooManyRequests
            If the password was wrong too often. The answer does not depend on whether the user
            exists.
        Unauthorized
            If the credentials are wrong.
        Unprocessable
            If the body is not an email address and a password, or a refresh token alone.
        ServiceUnavailable
            If Cognito does not answer.
        """
        if new.refresh_token is not UNSET:
            if new.email is not UNSET or new.password is not UNSET:
                raise Unprocessable.at(
                    "/refresh_token",
                    "Send a refresh token alone, or an email address and a password",
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
            USERNAME=_username(str(new.email)),
            PASSWORD=str(new.password),
        )

    def _session(self, flow: str, detail: str, **credentials: str) -> Session:
        with _translated(dict.fromkeys(_NOT_SIGNED_IN, Unauthorized(detail))):
            answer = self._cognito().initiate_auth(
                ClientId=self._client_id, AuthFlow=flow, AuthParameters=credentials
            )
        tokens = answer.get("AuthenticationResult")
        if not tokens:
            raise Unauthorized(
                "This user cannot sign in here: the user pool requires a further step."
            )
        return Session(
            access_token=tokens["AccessToken"],
            id_token=tokens["IdToken"],
            # Cognito returns no new refresh token when a session is renewed
            refresh_token=tokens.get("RefreshToken") or credentials["REFRESH_TOKEN"],
            token_type="Bearer",  # noqa: S106
            expires_in=tokens["ExpiresIn"],
        )

    def contact_of(self, access_token: str) -> NewContact:
        """Return the contact data of the user of an access token.

        The user can change them in the user pool without the storefront. Therefore the address is
        used only if it is verified, and a name that sign-up would refuse is replaced by it.

        Raises
        ------
        Forbidden
            If the email address is not verified, or is not one that emails can be sent to.
        Unauthorized
            If the token was revoked.
        ServiceUnavailable
            If Cognito does not answer.
        """
        problem = Unauthorized("The access token is no longer valid. Sign in again.")
        with _translated(dict.fromkeys(_NOT_SIGNED_IN, problem)):
            answer = self._cognito().get_user(AccessToken=access_token)
        attributes = {item["Name"]: item["Value"] for item in answer["UserAttributes"]}
        if attributes.get("email_verified") != "true":
            raise Forbidden(_UNVERIFIED)
        try:
            email = email_addresses.normalized(attributes.get("email", ""))
        except InvalidAddressError:
            raise Forbidden(_UNMAILABLE) from None
        name = _converted(attributes.get("name"), PersonName)
        if name is None or contains_card_number(name):
            name = email
        return NewContact(email=email, name=name)


def _username(address: str) -> str:
    """Return the name of a user in the user pool: the email address.

    Staff may have created users in the pool whose address sign-up would refuse.
    """
    try:
        return email_addresses.normalized(address)
    except InvalidAddressError:
        return email_addresses.stripped(address).lower()


def _converted(value: str | None, kind: Any) -> str | None:
    """Return an attribute of a user, or None if it is not a valid value of its type."""
    try:
        valid: str = convert(value, kind)
    except ValidationError:
        return None
    return valid


@contextmanager
def _translated(problems: Mapping[str, ProblemError]) -> Iterator[None]:
    """Raise the problem of a Cognito error code; 503 for all other codes."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _LIMITED or error.response["Error"].get("Message") == _LOCKED_OUT:
            raise TooManyRequests(
                "Too many attempts have failed. Wait a minute before you try again; "
                "each further attempt that fails makes the wait longer.",
                _WAIT_SECONDS,
            ) from None
        if code in problems:
            raise problems[code] from None
        raise _unavailable(code) from None
    except ParamValidationError:
        if "InvalidParameterException" in problems:
            raise problems["InvalidParameterException"] from None
        raise
    except BotoCoreError as error:
        raise _unavailable(type(error).__name__) from None


def _unavailable(reason: str) -> ServiceUnavailable:
    log.warning("user pool unavailable", reason=reason)
    return ServiceUnavailable("The sign-in service does not answer. Try again later.")
