"""Passwords and codes of the embedded user pool, as Cognito has them."""

import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shopctl.local import mail
from support.embedded_aws import EmbeddedAws
from support.passwords import ACCEPTED, REFUSED

PASSWORD = "Toyshop-2026!"
NEW_PASSWORD = "Another-2026!"


class Pool:
    """A user pool like the shop's, and one user with a verified address."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.cognito = aws.client("cognito-idp")
        self.pool_id = self.cognito.create_user_pool(
            PoolName="users",
            UsernameAttributes=["email"],
            AutoVerifiedAttributes=["email"],
            Policies={"PasswordPolicy": {"MinimumLength": 12}},
        )["UserPool"]["Id"]
        self.client_id = self.cognito.create_user_pool_client(
            UserPoolId=self.pool_id,
            ClientName="web",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
            PreventUserExistenceErrors="ENABLED",
        )["UserPoolClient"]["ClientId"]

    def sign_up(self, password: str = PASSWORD) -> str:
        email = f"{uuid.uuid4().hex}@example.com"
        self.cognito.sign_up(
            ClientId=self.client_id,
            Username=email,
            Password=password,
            UserAttributes=[{"Name": "email", "Value": email}],
        )
        return email

    def confirmed(self) -> str:
        email = self.sign_up()
        self.confirm(email, "123456")
        return email

    def confirm(self, email: str, code: str) -> None:
        self.cognito.confirm_sign_up(ClientId=self.client_id, Username=email, ConfirmationCode=code)

    def forgot(self, email: str) -> Any:
        return self.cognito.forgot_password(ClientId=self.client_id, Username=email)

    def reset(self, email: str, code: str, password: str = NEW_PASSWORD) -> None:
        self.cognito.confirm_forgot_password(
            ClientId=self.client_id, Username=email, ConfirmationCode=code, Password=password
        )

    def sign_in(self, email: str, password: str) -> None:
        self.cognito.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )

    def codes(self, email: str) -> list[str]:
        """Return the codes that were emailed to an address."""
        sent = mail.read(self.aws.home / "mail")
        return [re.findall(r"\d{6}", one["text"])[0] for one in sent if one["to"] == email]


@pytest.fixture
def pool(aws: EmbeddedAws) -> Pool:
    return Pool(aws)


def error_of(call: Any, *arguments: str) -> str:
    with pytest.raises(ClientError) as caught:
        call(*arguments)
    return str(caught.value.response["Error"]["Code"])


def test_passwords_follow_the_rules_of_cognito(pool: Pool) -> None:
    for password in ACCEPTED:
        pool.sign_up(password)
    for password in REFUSED:
        errors = ("InvalidPasswordException", "InvalidParameterException")
        assert error_of(pool.sign_up, password) in errors, password


def test_emailed_code_sets_a_new_password_once(pool: Pool) -> None:
    email = pool.confirmed()
    assert pool.codes(email) == []
    pool.forgot(email)
    (code,) = pool.codes(email)
    assert error_of(pool.reset, email, code, f" {NEW_PASSWORD}") == "InvalidParameterException"
    pool.reset(email, code)
    pool.sign_in(email, NEW_PASSWORD)
    assert error_of(pool.sign_in, email, PASSWORD) == "NotAuthorizedException"
    assert error_of(pool.reset, email, code) == "ExpiredCodeException"


def test_code_is_refused_after_five_wrong_ones(pool: Pool) -> None:
    email = pool.confirmed()
    assert error_of(pool.reset, email, "654321") == "ExpiredCodeException"
    pool.forgot(email)
    (code,) = pool.codes(email)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        assert error_of(pool.reset, email, wrong) == "CodeMismatchException"
    assert error_of(pool.reset, email, code) == "LimitExceededException"
    # AND another code can be requested
    pool.forgot(email)
    pool.reset(email, pool.codes(email)[-1])


def test_unverified_and_unknown_addresses_get_no_code(pool: Pool) -> None:
    email = pool.sign_up()
    assert error_of(pool.forgot, email) == "InvalidParameterException"
    unknown = f"{uuid.uuid4().hex}@example.com"
    pool.forgot(unknown)
    assert error_of(pool.reset, unknown, "654321") == "CodeMismatchException"
    assert pool.codes(email) + pool.codes(unknown) == []


def test_code_of_a_sign_up_is_checked_and_emailed_on_request(pool: Pool) -> None:
    email = pool.sign_up()
    assert error_of(pool.confirm, email, "000000") == "CodeMismatchException"
    pool.cognito.resend_confirmation_code(ClientId=pool.client_id, Username=email)
    (code,) = pool.codes(email)
    pool.confirm(email, code)
    pool.sign_in(email, PASSWORD)
    resend = pool.cognito.resend_confirmation_code
    with pytest.raises(ClientError, match="already confirmed"):
        resend(ClientId=pool.client_id, Username=email)
