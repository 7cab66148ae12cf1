"""The user pool's public API, which every user can call without the storefront."""

import uuid
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from support.running_shop import PASSWORD, Shop

POOL_ID = "us-east-1_ToyshopLo"
CLIENT_ID = "toyshoplocalclient00000000"
VICTIM = "victim@example.com"


class Attacker:
    """A customer with an access token and a client of Cognito, but without AWS credentials."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.email = f"{uuid.uuid4().hex}@example.com"
        self.cognito = boto3.client(
            "cognito-idp",
            region_name="us-east-1",
            endpoint_url=shop.aws,
            config=Config(signature_version=UNSIGNED),
        )
        self.token = self.register()

    def register(self) -> str:
        """Sign up at the storefront and return an access token."""
        user = {"email": self.email, "password": PASSWORD, "name": "Mallory"}
        assert self.shop.api("POST", "/users", user).status == 201
        return self.shop.sign_in(self.email)

    def write(self, **attributes: str) -> None:
        self.cognito.update_user_attributes(
            AccessToken=self.token, UserAttributes=_pairs(attributes)
        )

    def try_to_order(self) -> Any:
        return self.shop.api(
            "POST",
            "/orders",
            self.shop.order_body(),
            self.token,
            {"Idempotency-Key": str(uuid.uuid4())},
        )


def _pairs(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


@pytest.fixture
def attacker(shop: Shop) -> Attacker:
    return Attacker(shop)


def test_emails_go_to_the_owner_after_an_attempt_to_change_the_address(
    shop: Shop, attacker: Attacker
) -> None:
    # GIVEN an attacker who changes the address of the account to a victim's
    attacker.write(email=VICTIM)
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        attacker.write(email=VICTIM, email_verified="true")
    # WHEN the attacker orders
    order = shop.place(attacker.token)
    shop.wait_for_payment(order["id"], attacker.token, "succeeded")
    # THEN the emails go to the address that was verified
    (sent,) = shop.wait_for_emails(order["id"], 1)
    assert sent["to"] == attacker.email


def test_name_with_control_characters_is_not_used(shop: Shop, attacker: Attacker) -> None:
    # GIVEN a name that sign-up at the storefront refuses
    attacker.write(name=f"Mallory\r\nBcc: {VICTIM}")
    # WHEN its owner orders
    order = shop.place(attacker.token)
    # THEN the email contains the address instead
    (sent,) = shop.wait_for_emails(order["id"], 1)
    assert sent["to"] == attacker.email
    assert VICTIM not in sent["text"]
    assert attacker.email in sent["text"]


def test_unverified_address_gets_no_order(shop: Shop, attacker: Attacker) -> None:
    # GIVEN an address that the pool no longer considers verified
    shop.client("cognito-idp").admin_update_user_attributes(
        UserPoolId=POOL_ID,
        Username=attacker.email,
        UserAttributes=_pairs({"email_verified": "false"}),
    )
    # WHEN its owner orders
    answer = attacker.try_to_order()
    # THEN the answer says why, and there is no order
    assert answer.status == 403
    assert "email address of your account is not confirmed" in answer.json["detail"]
    assert shop.api("GET", "/orders", token=attacker.token).json["items"] == []


@pytest.mark.parametrize("name", ["email_verified", "nickname"])
def test_sign_up_at_cognito_sets_no_other_attributes(attacker: Attacker, name: str) -> None:
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        attacker.cognito.sign_up(
            ClientId=CLIENT_ID,
            Username=VICTIM,
            Password=PASSWORD,
            UserAttributes=_pairs({"email": VICTIM, "name": "Victim", name: "true"}),
        )


def test_sign_up_at_cognito_needs_the_code_from_the_email(shop: Shop, attacker: Attacker) -> None:
    # GIVEN an account with a victim's address, created at Cognito itself
    address = f"{uuid.uuid4().hex}@example.com"
    attacker.cognito.sign_up(
        ClientId=CLIENT_ID,
        Username=address,
        Password=PASSWORD,
        UserAttributes=_pairs({"email": address, "name": "Victim"}),
    )
    # THEN nobody can sign in
    session = shop.api("POST", "/sessions", {"email": address, "password": PASSWORD})
    assert session.status == 401


def test_user_who_deleted_the_account_can_neither_order_nor_reveal_orders(
    shop: Shop, attacker: Attacker
) -> None:
    # GIVEN a user who has ordered and has then deleted the account at Cognito
    order = shop.place(attacker.token)
    attacker.cognito.delete_user(AccessToken=attacker.token)
    # THEN the access token, valid until it expires, places no order
    assert attacker.try_to_order().status == 401
    # WHEN somebody signs up with the same address
    newcomer = attacker.register()
    # THEN the earlier orders are not visible
    assert shop.api("GET", "/orders", token=newcomer).json["items"] == []
    assert shop.api("GET", f"/orders/{order['id']}", token=newcomer).status == 404
