"""The lock-out after failed sign-ins, as Cognito has it."""

import time
import uuid
from typing import Any

import pytest

from embedded_aws.sign_in_limit import LockOut
from support.embedded_aws import EmbeddedAws

PASSWORD = "Toyshop-2026!"


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lock_seconds(lock_out: LockOut, clock: Clock, user: str = "a") -> int:
    """Wait until a lock-out ends, and return how many seconds it took."""
    begin = clock.now
    while lock_out.is_locked(user):
        clock.now += 1
    return int(clock.now - begin)


def test_each_failure_after_the_fifth_doubles_the_lock_out() -> None:
    clock = Clock()
    lock_out = LockOut(clock)
    durations = []
    for _ in range(17):
        lock_out.failed("a")
        durations.append(lock_seconds(lock_out, clock))
    assert durations == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_success_ends_the_count() -> None:
    clock = Clock()
    lock_out = LockOut(clock)
    for _ in range(6):
        lock_out.failed("a")
    lock_seconds(lock_out, clock)
    lock_out.succeeded("a")
    lock_out.failed("a")
    assert not lock_out.is_locked("a")


def test_a_quarter_of_an_hour_without_an_attempt_ends_the_count() -> None:
    clock = Clock()
    lock_out = LockOut(clock)
    for _ in range(10):
        lock_out.failed("a")
    clock.now += lock_seconds(lock_out, clock) + 900
    assert not lock_out.is_locked("a")
    for _ in range(4):
        lock_out.failed("a")
        assert not lock_out.is_locked("a")


def test_other_users_are_not_locked_out() -> None:
    lock_out = LockOut(Clock())
    for _ in range(5):
        lock_out.failed("a")
    assert lock_out.is_locked("a")
    assert not lock_out.is_locked("b")


def test_number_of_counted_users_is_bounded() -> None:
    lock_out = LockOut(Clock())
    for number in range(10_001):
        for _ in range(5):
            lock_out.failed(str(number))
    assert not lock_out.is_locked("0")
    assert lock_out.is_locked("1")


def sign_in(cognito: Any, client_id: str, email: str, password: str) -> str:
    """Return the message of the refusal, or an empty string."""
    try:
        cognito.initiate_auth(
            ClientId=client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )
    except cognito.exceptions.NotAuthorizedException as error:
        return str(error.response["Error"]["Message"])
    return ""


@pytest.mark.parametrize("exists", [True, False])
def test_user_is_locked_out_after_five_wrong_passwords(aws: EmbeddedAws, exists: bool) -> None:
    # GIVEN a user who exists, or does not
    cognito = aws.client("cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="users")["UserPool"]["Id"]
    client_id = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="web",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        PreventUserExistenceErrors="ENABLED",
    )["UserPoolClient"]["ClientId"]
    email = f"{uuid.uuid4().hex}@example.com"
    if exists:
        cognito.admin_create_user(UserPoolId=pool_id, Username=email)
        cognito.admin_set_user_password(
            UserPoolId=pool_id, Username=email, Password=PASSWORD, Permanent=True
        )
    # WHEN the password is wrong five times, however the name is written
    wrong = [sign_in(cognito, client_id, email, "wrong") for _ in range(5)]
    assert set(wrong) == {"Incorrect username or password."}
    # THEN even the right one is refused, for a second
    assert sign_in(cognito, client_id, email.upper(), PASSWORD) == "Password attempts exceeded"
    deadline = time.monotonic() + 10
    while (refusal := sign_in(cognito, client_id, email, PASSWORD)).endswith("exceeded"):
        assert time.monotonic() < deadline
    assert refusal == ("" if exists else "Incorrect username or password.")
