"""Users: contact data that they can change in the user pool, and limits of their attempts."""

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
    Unprocessable,
)
from contracts.orders import NewContact
from contracts.storefront import Confirmation, NewSession
from support.email_addresses import ACCEPTED, REFUSED

ALICE = {"sub": "1", "email": "alice@example.com", "email_verified": "true", "name": "Alice"}
CARD = "4242 4242 4242 4242"


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

    cognito = SimpleNamespace(initiate_auth=refuse, confirm_sign_up=refuse)
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


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("LimitExceededException", TooManyRequests),
        ("TooManyFailedAttemptsException", TooManyRequests),
        ("CodeMismatchException", Unprocessable),
    ],
)
def test_refused_confirmation_has_its_problem(code: str, expected: type[ProblemError]) -> None:
    with pytest.raises(expected):
        refusing(code, "").confirm(Confirmation(email="a@example.com", code="123456"))
