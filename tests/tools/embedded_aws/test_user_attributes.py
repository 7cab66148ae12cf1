"""What users can read and write in the embedded user pool by themselves, as on AWS."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.embedded_aws import EmbeddedAws

PASSWORD = "Toyshop-2026!"
VICTIM = "victim@example.com"


class Users:
    """A user pool with a client, and the calls that users make with an access token."""

    def __init__(self, aws: EmbeddedAws, pool: dict[str, Any], client: dict[str, Any]) -> None:
        self.cognito = aws.client("cognito-idp")
        self.pool_id = self.cognito.create_user_pool(
            PoolName="users",
            UsernameAttributes=["email"],
            AutoVerifiedAttributes=["email"],
            **pool,
        )["UserPool"]["Id"]
        self.client_id = self.cognito.create_user_pool_client(
            UserPoolId=self.pool_id,
            ClientName="web",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
            **client,
        )["UserPoolClient"]["ClientId"]
        self.email = f"{uuid.uuid4().hex}@example.com"

    def sign_up(self, **attributes: str) -> None:
        self.cognito.sign_up(
            ClientId=self.client_id,
            Username=self.email,
            Password=PASSWORD,
            UserAttributes=_pairs({"email": self.email, "name": "Mallory", **attributes}),
        )

    def confirm(self) -> None:
        self.cognito.confirm_sign_up(
            ClientId=self.client_id, Username=self.email, ConfirmationCode="123456"
        )

    def token(self) -> str:
        answer = self.cognito.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": self.email, "PASSWORD": PASSWORD},
        )
        return str(answer["AuthenticationResult"]["AccessToken"])

    def signed_in(self) -> str:
        self.sign_up()
        self.confirm()
        return self.token()

    def read(self, token: str) -> dict[str, str]:
        found = self.cognito.get_user(AccessToken=token)["UserAttributes"]
        return {one["Name"]: one["Value"] for one in found}

    def write(self, token: str, **attributes: str) -> None:
        self.cognito.update_user_attributes(AccessToken=token, UserAttributes=_pairs(attributes))


def _pairs(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def refused(call: Any, *arguments: Any, **attributes: str) -> str:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **attributes)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def limited(aws: EmbeddedAws) -> Users:
    """A pool with the settings of the shop's."""
    settings = {"AttributesRequireVerificationBeforeUpdate": ["email"]}
    return Users(
        aws,
        {"UserAttributeUpdateSettings": settings},
        {"WriteAttributes": ["email", "name"], "ReadAttributes": ["email", "email_verified"]},
    )


@pytest.fixture
def unlimited(aws: EmbeddedAws) -> Users:
    """A pool with AWS's default settings."""
    return Users(aws, {}, {})


def test_confirmed_sign_up_verifies_the_address(unlimited: Users) -> None:
    unlimited.sign_up()
    unlimited.confirm()
    assert unlimited.read(unlimited.token())["email_verified"] == "true"


def test_changed_address_applies_only_after_verification(limited: Users) -> None:
    # GIVEN a user with a verified address
    token = limited.signed_in()
    # WHEN the user changes the address and does not verify the new one
    limited.write(token, email=VICTIM)
    # THEN the verified address remains
    found = limited.read(token)
    assert (found["email"], found["email_verified"]) == (limited.email, "true")


def test_changed_address_is_unverified_by_default(unlimited: Users) -> None:
    token = unlimited.signed_in()
    unlimited.write(token, email=VICTIM)
    found = unlimited.read(token)
    assert (found["email"], found["email_verified"]) == (VICTIM, "false")


@pytest.mark.parametrize("name", ["email_verified", "sub", "phone_number_verified"])
def test_administrative_attribute_is_not_writable(unlimited: Users, name: str) -> None:
    token = unlimited.signed_in()
    before = unlimited.read(token)
    assert refused(unlimited.write, token, **{name: "true"}) == "NotAuthorizedException"
    assert unlimited.read(token) == before


@pytest.mark.parametrize("name", ["nickname", "phone_number", "email_verified"])
def test_client_writes_only_its_attributes(limited: Users, name: str) -> None:
    # WHEN a user writes another attribute at sign-up or later
    at_sign_up = refused(limited.sign_up, **{name: "true"})
    token = limited.signed_in()
    later = refused(limited.write, token, name="Ann", **{name: "true"})
    # THEN it is refused, and nothing is written
    assert (at_sign_up, later) == ("NotAuthorizedException", "NotAuthorizedException")
    (user,) = limited.cognito.list_users(UserPoolId=limited.pool_id)["Users"]
    written = {one["Name"]: one["Value"] for one in user["Attributes"]}
    assert written["name"] == "Mallory"
    assert written.get(name, "true") == "true"
    assert (name in written) is (name == "email_verified")


def test_client_reads_only_its_attributes(limited: Users) -> None:
    assert limited.read(limited.signed_in()).keys() == {"sub", "email", "email_verified"}


def test_user_with_default_settings_writes_and_reads_standard_attributes(unlimited: Users) -> None:
    token = unlimited.signed_in()
    unlimited.write(token, nickname="Mal")
    found = unlimited.read(token)
    assert (found["nickname"], found["name"]) == ("Mal", "Mallory")
