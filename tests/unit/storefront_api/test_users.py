"""Users: contact data that they can change in the user pool, and limits of their attempts."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.storefront_api.users import Users
from chassis.problems import (
    Forbidden,
    ProblemError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from contracts.orders import NewContact
from contracts.storefront import CodeRequest, Confirmation, NewSession
from support.email_addresses import ACCEPTED, REFUSED
from support.log_lines import Logged
from support.passwords import REFUSED as REFUSED_PASSWORDS

ALICE = {"sub": "1", "email": "alice@example.com", "email_verified": "true", "name": "Alice"}
CARD = "4242 4242 4242 4242"
PASSWORD = "Toyshop-2026!"


def contact_of(**attributes: str | None) -> NewContact:
    """Return the contact data of a user with changed attributes; None removes one."""
    changed = {name: value for name, value in (ALICE | attributes).items() if value is not None}
    found = {"UserAttributes": [{"Name": n, "Value": v} for n, v in changed.items()]}
    cognito = SimpleNamespace(get_user=lambda **_: found)
    return Users(lambda: cognito, "pool", "client", auto_confirm=False).contact_of("token")


def test_contact_is_the_verified_address_and_the_name() -> None:
    assert contact_of() == NewContact(email="alice@example.com", name="Alice")


@pytest.mark.parametrize("verified", [None, "", "false", "True ", "1"])
def test_unverified_address_is_refused(verified: str | None) -> None:
    with pytest.raises(Forbidden, match="email address of your account is not confirmed"):
        contact_of(email_verified=verified)


@pytest.mark.parametrize("email", [None, *REFUSED])
def test_address_that_cannot_be_mailed_is_refused(email: str | None) -> None:
    with pytest.raises(Forbidden, match="cannot send emails to the address of your account"):
        contact_of(email=email)


@pytest.mark.parametrize(("email", "used"), ACCEPTED.items())
def test_contact_has_the_normalized_address(email: str, used: str) -> None:
    assert contact_of(email=email).email == used


def test_user_of_the_pool_whose_address_sign_up_refuses_can_sign_in() -> None:
    # GIVEN a user whom staff created in the pool itself
    asked = []

    def initiate_auth(**given: Any) -> Any:
        asked.append(given["AuthParameters"]["USERNAME"])
        tokens = {"AccessToken": "a", "IdToken": "i", "RefreshToken": "r", "ExpiresIn": 1}
        return {"AuthenticationResult": tokens}

    cognito = SimpleNamespace(initiate_auth=initiate_auth)
    users = Users(lambda: cognito, "pool", "client", auto_confirm=False)
    users.sign_in(NewSession(email=" Dån@corp.local ", password="x"))
    assert asked == ["dån@corp.local"]


@pytest.mark.parametrize(
    "name", [None, "", " ", "A\nBcc: x@y.zz", "A\r", "\x1b[2J", "x" * 201, f"A {CARD}"]
)
def test_name_that_sign_up_refuses_is_replaced_by_the_address(name: str | None) -> None:
    assert contact_of(name=name) == NewContact(email="alice@example.com", name="alice@example.com")


def refusing(code: str, message: str) -> Users:
    """Return users in front of a Cognito that refuses everything."""

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "InitiateAuth")

    operations = ("initiate_auth", "confirm_sign_up", "resend_confirmation_code",
                  "forgot_password", "confirm_forgot_password", "get_user")  # fmt: skip
    cognito = SimpleNamespace(**dict.fromkeys(operations, refuse))
    return Users(lambda: cognito, "pool", "client", auto_confirm=False)


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("NotAuthorizedException", "Password attempts exceeded", TooManyRequests),
        ("LimitExceededException", "Attempt limit exceeded", TooManyRequests),
        ("NotAuthorizedException", "Incorrect username or password.", Unauthorized),
        ("UserNotFoundException", "User does not exist.", Unauthorized),
        # Cognito's limit for the whole account says nothing about this client
        ("TooManyRequestsException", "Rate exceeded", ServiceUnavailable),
    ],
)
def test_refused_sign_in_has_its_problem(
    code: str, message: str, expected: type[ProblemError]
) -> None:
    with pytest.raises(expected):
        refusing(code, message).sign_in(NewSession(email="a@example.com", password="wrong"))


ABOUT_A_USER = (
    "CodeMismatchException",
    "ExpiredCodeException",
    "InvalidParameterException",
    "LimitExceededException",
    "NotAuthorizedException",
    "PasswordResetRequiredException",
    "TooManyFailedAttemptsException",
    "UserNotConfirmedException",
    "UserNotFoundException",
)
"""Errors of Cognito that depend on whether an address has an account, and on its state."""
RESET = {"email": "a@example.com", "code": "123456", "password": PASSWORD}


def problem_of(call: Callable[..., object], request: Any) -> dict[str, Any]:
    with pytest.raises(ProblemError) as refused:
        call(request)
    problem: dict[str, Any] = json.loads(refused.value.to_json())
    return problem


def test_answers_to_a_code_do_not_show_whether_the_address_has_an_account() -> None:
    # GIVEN the errors of Cognito for known and unknown users
    for operation, request in (
        ("confirm", Confirmation(email="a@example.com", code="123456")),
        ("reset_password", RESET),
    ):
        problems = [
            problem_of(getattr(refusing(code, "message"), operation), request)
            for code in ABOUT_A_USER
        ]
        # THEN they are all answered in the same way
        assert [error["pointer"] for error in problems[0]["errors"]] == ["/code"]
        assert problems == [problems[0]] * len(ABOUT_A_USER)


@pytest.mark.parametrize("operation", ["resend_code", "request_password_reset"])
def test_request_for_a_code_does_not_show_whether_the_address_has_an_account(
    operation: str,
) -> None:
    request = CodeRequest(email="a@example.com")
    for code in {*ABOUT_A_USER, "CodeDeliveryFailureException"} - {
        "CodeMismatchException",
        "ExpiredCodeException",
    }:
        getattr(refusing(code, "message"), operation)(request)
    # AND an error of the whole pool is reported
    for code in ("TooManyRequestsException", "InternalErrorException", "ForbiddenException"):
        with pytest.raises(ServiceUnavailable):
            getattr(refusing(code, "message"), operation)(request)


class Pool:
    """A Cognito that accepts everything and records the calls."""

    def __init__(self, **errors: Exception) -> None:
        self.calls: list[str] = []
        self.errors = errors

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_: Any) -> Any:
            self.calls.append(name)
            if name in self.errors:
                raise self.errors[name]
            found = {"sub": "1", "email": "a@example.com", "name": "A"}
            return {"UserAttributes": [{"Name": n, "Value": v} for n, v in found.items()]}

        return call

    @property
    def users(self) -> Users:
        return Users(lambda: self, "pool", "client", auto_confirm=False)


def test_new_password_ends_the_sessions_of_the_user() -> None:
    pool = Pool()
    pool.users.reset_password(RESET)
    assert pool.calls == ["confirm_forgot_password", "admin_user_global_sign_out"]


def test_new_password_is_set_although_sessions_cannot_be_ended(logged: Logged) -> None:
    error = ClientError({"Error": {"Code": "InternalErrorException"}}, "AdminUserGlobalSignOut")
    Pool(admin_user_global_sign_out=error).users.reset_password(RESET)
    (line,) = logged("sessions not ended after password reset")
    assert (line["level"], line["reason"]) == ("ERROR", "InternalErrorException")


def test_user_is_found_by_email_address() -> None:
    assert Pool().users.id_of(" A@Example.com ") == "1"


@pytest.mark.parametrize("code", ["UserNotFoundException", "InvalidParameterException"])
def test_address_without_an_account_has_no_id(code: str) -> None:
    error = ClientError({"Error": {"Code": code}}, "AdminGetUser")
    assert Pool(admin_get_user=error).users.id_of("nobody@example.com") is None


def test_user_is_not_missing_while_cognito_does_not_answer() -> None:
    error = ClientError({"Error": {"Code": "InternalErrorException"}}, "AdminGetUser")
    with pytest.raises(ServiceUnavailable):
        Pool(admin_get_user=error).users.id_of("a@example.com")


def test_locked_user_is_disabled_and_signed_out() -> None:
    pool = Pool()
    assert pool.users.lock("a@example.com")
    assert pool.users.delete("a@example.com")
    assert pool.calls == ["admin_disable_user", "admin_user_global_sign_out", "admin_delete_user"]


def test_unknown_user_cannot_be_locked_or_deleted() -> None:
    error = ClientError({"Error": {"Code": "UserNotFoundException"}}, "AdminDeleteUser")
    users = Pool(admin_disable_user=error, admin_delete_user=error).users
    assert not users.lock("nobody@example.com")
    assert not users.delete("nobody@example.com")
    error = ClientError({"Error": {"Code": "InternalErrorException"}}, "AdminDeleteUser")
    with pytest.raises(ServiceUnavailable):
        Pool(admin_delete_user=error).users.delete("a@example.com")


@pytest.mark.parametrize("password", REFUSED_PASSWORDS)
def test_password_is_refused_before_cognito_is_asked(password: str) -> None:
    # Cognito might name the password only if the address has an account
    pool = Pool()
    for call, request in (
        (pool.users.sign_up, {"email": "a@example.com", "password": password, "name": "A"}),
        (pool.users.reset_password, RESET | {"password": password}),
    ):
        assert problem_of(call, request)["errors"][0]["pointer"] == "/password"
    assert pool.calls == []


@pytest.mark.parametrize("name", [None, "", " ", "A\nB", "x" * 201, 5, f"A {CARD}"])
def test_name_that_sign_up_refuses_does_not_reach_the_pool(name: Any) -> None:
    pool = Pool()
    problem = problem_of(lambda new: pool.users.change_profile("token", new), {"name": name})
    assert [error["pointer"] for error in problem["errors"]] == ["/name"]
    assert pool.calls == []


def test_profile_of_a_revoked_token_is_401() -> None:
    assert problem_of(refusing("NotAuthorizedException", "revoked").profile, "token")["status"] == (
        401
    )
