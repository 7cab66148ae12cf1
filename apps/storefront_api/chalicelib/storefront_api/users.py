"""Users and their sessions in the Cognito user pool."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from msgspec import UNSET, ValidationError, convert
from msgspec.structs import replace

from chalicelib.storefront_api import passwords
from chalicelib.storefront_api.input_checks import refuse_card_numbers
from chassis import email_addresses, log
from chassis.email_addresses import InvalidAddressError
from chassis.parsing import parse_document
from chassis.problems import (
    Conflict,
    Forbidden,
    NotFound,
    ProblemError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    Unprocessable,
)
from chassis.redaction import contains_card_number
from contracts.orders import NewContact
from contracts.schema import PersonName
from contracts.storefront import (
    CodeRequest,
    Confirmation,
    NewSession,
    NewUser,
    PasswordReset,
    ProfileChange,
    Session,
    User,
)

_WRONG_CREDENTIALS = "The email address or the password is wrong, or the address is not confirmed."
_WRONG_REFRESH_TOKEN = "The refresh token is not valid or has expired. Sign in again."  # noqa: S105
_BAD_CODE = (
    "The code is wrong or has expired. If you have tried several times, request a new one and "
    "wait a quarter of an hour"
)
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
_REVOKED = "The access token is no longer valid. Sign in again."
_LOCKED_OUT = "Password attempts exceeded"
"""Cognito's message of a NotAuthorizedException during a lock-out."""
_LIMITED = ("LimitExceededException", "TooManyFailedAttemptsException")
_WRONG_CODE = (
    "CodeMismatchException",
    "ExpiredCodeException",
    "UserNotFoundException",
    "NotAuthorizedException",
    "InvalidParameterException",
    "UserNotConfirmedException",
    "PasswordResetRequiredException",
    # limits of one user, which an unknown user does not have
    *_LIMITED,
)
"""Errors that a code is answered with, all in one way, so that none shows whether a user exists."""
_NO_SUCH_USER = ("UserNotFoundException", "InvalidParameterException")
_NOT_SENT = (
    "UserNotFoundException",
    "UserNotConfirmedException",
    "PasswordResetRequiredException",
    "NotAuthorizedException",
    "InvalidParameterException",
    "CodeDeliveryFailureException",
    *_LIMITED,
)
"""Reasons not to send a code to an address, which depend on its account."""
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
        passwords.check(new.password)
        if len(new.email) > _LONGEST_USERNAME:
            raise Unprocessable.at("/email", f"Must have at most {_LONGEST_USERNAME} characters")
        problems: dict[str, ProblemError] = {
            "UsernameExistsException": Conflict("There is already a user with this email address."),
            "InvalidPasswordException": Unprocessable.at("/password", passwords.POLICY),
            "InvalidParameterException": Unprocessable.at(
                "/email", "We cannot create an account with this address, name or password"
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
        Unprocessable
            If the code is not the one of this address, or was tried too often.
        ServiceUnavailable
            If Cognito does not answer.
        """
        with _translated(dict.fromkeys(_WRONG_CODE, Unprocessable.at("/code", _BAD_CODE))):
            self._cognito().confirm_sign_up(
                ClientId=self._client_id,
                Username=confirmation.email,
                ConfirmationCode=confirmation.code,
            )

    def resend_code(self, request: CodeRequest) -> None:
        """Send a new code to confirm an address; do nothing if it needs none.

        Raises
        ------
        ServiceUnavailable
            If Cognito does not answer.
        """
        with _concealed():
            self._cognito().resend_confirmation_code(
                ClientId=self._client_id, Username=request.email
            )

    def request_password_reset(self, request: CodeRequest) -> None:
        """Send a code to set a new password; do nothing if no user has this address.

        Raises
        ------
        ServiceUnavailable
            If Cognito does not answer.
        """
        with _concealed():
            self._cognito().forgot_password(ClientId=self._client_id, Username=request.email)

    def reset_password(self, document: Any) -> None:
        """Set a new password, and end the user's sessions.

        Access tokens remain valid until they expire, but neither place orders nor show the profile.

        Parameters
        ----------
        document
            A ``PasswordReset`` that has not been parsed.

        Raises
        ------
        Unprocessable
            If the password does not meet the policy, or the code is not the one of this address,
            or was tried too often.
        ServiceUnavailable
            If Cognito does not answer.
        """
        refuse_card_numbers(document)
        reset = parse_document(document, PasswordReset)
        passwords.check(reset.password)
        problems: dict[str, ProblemError] = {
            **dict.fromkeys(_WRONG_CODE, Unprocessable.at("/code", _BAD_CODE)),
            "InvalidPasswordException": Unprocessable.at("/password", passwords.POLICY),
            "PasswordHistoryPolicyViolationException": Unprocessable.at(
                "/password", "Choose a password that you have not used before"
            ),
        }
        with _translated(problems):
            self._cognito().confirm_forgot_password(
                ClientId=self._client_id,
                Username=reset.email,
                ConfirmationCode=reset.code,
                Password=reset.password,
            )
        try:
            self._cognito().admin_user_global_sign_out(
                UserPoolId=self._pool_id, Username=reset.email
            )
        except (ClientError, BotoCoreError) as error:
            # the password is set, and the code cannot be used again
            log.error("sessions not ended after password reset", reason=_reason(error))

    def profile(self, access_token: str) -> User:
        """Return the profile of the user of an access token.

        Raises
        ------
        Unauthorized
            If the token was revoked.
        ServiceUnavailable
            If Cognito does not answer.
        """
        attributes = self._attributes_of(access_token)
        return User(
            id=attributes["sub"], email=attributes.get("email", ""), name=_name_in(attributes)
        )

    def change_profile(self, access_token: str, document: Any) -> User:
        """Change the name of the user of an access token, and return the profile.

        Parameters
        ----------
        document
            A ``ProfileChange`` that has not been parsed.

        Raises
        ------
        Unauthorized
            If the token was revoked.
        Unprocessable
            If the name is not valid.
        ServiceUnavailable
            If Cognito does not answer.
        """
        refuse_card_numbers(document)
        change = parse_document(document, ProfileChange)
        profile = self.profile(access_token)
        with _translated(dict.fromkeys(_NOT_SIGNED_IN, Unauthorized(_REVOKED))):
            self._cognito().update_user_attributes(
                AccessToken=access_token, UserAttributes=[{"Name": "name", "Value": change.name}]
            )
        return replace(profile, name=change.name)

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
                "This account needs a further step to sign in, which this shop does not offer."
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
        attributes = self._attributes_of(access_token)
        if attributes.get("email_verified") != "true":
            raise Forbidden(_UNVERIFIED)
        try:
            email = email_addresses.normalized(attributes.get("email", ""))
        except InvalidAddressError:
            raise Forbidden(_UNMAILABLE) from None
        return NewContact(email=email, name=_name_in({**attributes, "email": email}))

    def id_of(self, email: str) -> str | None:
        """Return the id of the user with an email address, or ``None`` if there is none.

        Raises
        ------
        ServiceUnavailable
            If Cognito does not answer.
        """
        try:
            with _translated(dict.fromkeys(_NO_SUCH_USER, NotFound("There is no such user."))):
                answer = self._cognito().admin_get_user(
                    UserPoolId=self._pool_id, Username=_username(email)
                )
        except NotFound:
            return None
        return next(
            (item["Value"] for item in answer["UserAttributes"] if item["Name"] == "sub"), None
        )

    def lock(self, email: str) -> bool:
        """Keep a user from signing in and ordering; return ``False`` if there is no such user.

        Raises
        ------
        ServiceUnavailable
            If Cognito does not answer.
        """
        try:
            with _translated(dict.fromkeys(_NO_SUCH_USER, NotFound("There is no such user."))):
                self._cognito().admin_disable_user(
                    UserPoolId=self._pool_id, Username=_username(email)
                )
                self._cognito().admin_user_global_sign_out(
                    UserPoolId=self._pool_id, Username=_username(email)
                )
        except NotFound:
            return False
        return True

    def delete(self, email: str) -> bool:
        """Delete a user; return ``False`` if there is no such user.

        Raises
        ------
        ServiceUnavailable
            If Cognito does not answer.
        """
        try:
            with _translated(dict.fromkeys(_NO_SUCH_USER, NotFound("There is no such user."))):
                self._cognito().admin_delete_user(
                    UserPoolId=self._pool_id, Username=_username(email)
                )
        except NotFound:
            return False
        return True

    def _attributes_of(self, access_token: str) -> dict[str, str]:
        with _translated(dict.fromkeys(_NOT_SIGNED_IN, Unauthorized(_REVOKED))):
            answer = self._cognito().get_user(AccessToken=access_token)
        return {item["Name"]: item["Value"] for item in answer["UserAttributes"]}


def _username(address: str) -> str:
    """Return the name of a user in the user pool: the email address.

    Staff may have created users in the pool whose address sign-up would refuse.
    """
    try:
        return email_addresses.normalized(address)
    except InvalidAddressError:
        return email_addresses.stripped(address).lower()


def _name_in(attributes: Mapping[str, str]) -> str:
    """Return the name of a user, or the address if sign-up would refuse the name."""
    try:
        name: str = convert(attributes.get("name"), PersonName)
    except ValidationError:
        return attributes.get("email", "")
    return attributes.get("email", "") if contains_card_number(name) else name


@contextmanager
def _concealed() -> Iterator[None]:
    """Hide errors that depend on the account of an address; 503 for all others."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if _reason(error) not in _NOT_SENT:
            raise _unavailable(_reason(error)) from None
        log.info("code not sent", reason=_reason(error))


@contextmanager
def _translated(problems: Mapping[str, ProblemError]) -> Iterator[None]:
    """Raise the problem of a Cognito error code; 503 for all other codes."""
    try:
        yield
    except ClientError as error:
        code = _reason(error)
        is_locked_out = error.response["Error"].get("Message") == _LOCKED_OUT
        if code in problems and not is_locked_out:
            raise problems[code] from None
        if code in _LIMITED or is_locked_out:
            raise TooManyRequests(
                "Too many attempts have failed. Wait a minute before you try again; "
                "each further attempt that fails makes the wait longer.",
                _WAIT_SECONDS,
            ) from None
        raise _unavailable(code) from None
    except ParamValidationError:
        if "InvalidParameterException" in problems:
            raise problems["InvalidParameterException"] from None
        raise
    except BotoCoreError as error:
        raise _unavailable(_reason(error)) from None


def _reason(error: ClientError | BotoCoreError) -> str:
    """Return Cognito's code of an error, or botocore's name for it."""
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__


def _unavailable(reason: str) -> ServiceUnavailable:
    log.warning("user pool unavailable", reason=reason)
    return ServiceUnavailable("The sign-in service does not answer. Try again later.")
