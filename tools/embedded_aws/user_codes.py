"""The codes that Cognito emails: to set a new password, and to confirm a sign-up.

ministack issues one code for all users, accepts any code unless it enforces IAM, and lets none
expire.
"""

import secrets
import time
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito

_VALID_SECONDS = 3600
_ATTEMPTS = 5


def install() -> None:
    """Issue random codes for new passwords, email them, and check all codes.

    The stage ``local`` confirms sign-ups at once, so their code is emailed only if it is requested
    again.
    """
    send = cognito._send_verification_email
    confirm_sign_up, resend = cognito._confirm_sign_up, cognito._resend_confirmation_code
    forgot, confirm_forgot = cognito._forgot_password, cognito._confirm_forgot_password
    code_error = cognito._confirmation_code_error

    def checked_confirm_sign_up(data: dict[str, Any]) -> Any:
        return code_error("ConfirmSignUp", data) or confirm_sign_up(data)

    def emailing_resend(data: dict[str, Any]) -> Any:
        pool, user = _user_of(data)
        if user is None:
            return resend(data)
        if user["UserStatus"] != "UNCONFIRMED":
            return _refused("User is already confirmed.")
        response = resend(data)
        _email(send, pool, user, user["_confirmation_code"])
        return response

    def emailing_forgot(data: dict[str, Any]) -> Any:
        pool, user = _user_of(data)
        if user is None:
            return forgot(data)
        if cognito._attr_list_to_dict(user["Attributes"]).get("email_verified") != "true":
            return _refused(
                "Cannot reset password for the user as there is no registered/verified email or "
                "phone_number"
            )
        response = forgot(data)
        user["_reset_code"] = f"{secrets.randbelow(1_000_000):06}"
        user["_reset_until"] = time.time() + _VALID_SECONDS
        user["_reset_attempts"] = 0
        _email(send, pool, user, user["_reset_code"])
        return response

    def checked_confirm_forgot(data: dict[str, Any]) -> Any:
        _, user = _user_of(data)
        if user is not None:
            if time.time() >= user.get("_reset_until", 0):
                user.pop("_reset_code", None)
            if user.get("_reset_attempts", 0) >= _ATTEMPTS:
                return error_response_json(
                    "LimitExceededException",
                    "Attempt limit exceeded, please try after some time.",
                    400,
                )
            if error := code_error("ConfirmForgotPassword", data):
                user["_reset_attempts"] = user.get("_reset_attempts", 0) + 1
                return error
        return confirm_forgot(data)

    cognito._send_verification_email = lambda *_, **__: None
    # with IAM, ministack would check codes before the functions below, and count no attempts
    cognito._confirmation_code_error = lambda *_: None
    cognito._confirm_sign_up, cognito._resend_confirmation_code = (
        checked_confirm_sign_up,
        emailing_resend,
    )
    cognito._forgot_password, cognito._confirm_forgot_password = (
        emailing_forgot,
        checked_confirm_forgot,
    )


def _user_of(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    pool, _ = cognito._pool_for_client(data.get("ClientId"))
    return pool, cognito._resolve_user(pool, data.get("Username"))[0] if pool else None


def _email(send: Any, pool: dict[str, Any], user: dict[str, Any], code: str) -> None:
    send(pool, user["Username"], cognito._attr_list_to_dict(user["Attributes"]), code)


def _refused(message: str) -> Any:
    return error_response_json("InvalidParameterException", message, 400)
