"""The authorization table, tested at the shop's public origin through its real API Gateway."""

import itertools
import json
import time
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from support import authorization
from support.authorization import RequestTargets, claims_of, header_of, matrix, signed
from support.images import announce, new_toy, png, upload
from support.running_shop import PASSWORD, Shop
from support.waiting import eventually

CREDENTIALS = {"email": "alice@example.com", "password": PASSWORD}


def forged(token: str, **changes: Any) -> str:
    """Return a token with changed claims, signed with a key that is not the pool's."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return signed(
        header_of(token),
        claims_of(token) | changes,
        lambda text: key.sign(text, padding.PKCS1v15(), SHA256()),
    )


def callers(shop: Shop, alice: str, bob: str, staff: str) -> dict[str, str | None]:
    """Return what each caller of the table sends.

    The pool's key stays with the pool: what is expired, of another issuer or for another client
    is signed with another one here. `tests/component/test_authorization.py` has the pool's.
    """
    newcomer = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD}
    assert shop.api("POST", "/users", {**newcomer, "name": "Carol"}).status == 201
    session = shop.api("POST", "/sessions", CREDENTIALS).json
    return {
        "anonymous": None,
        "customer": shop.api("POST", "/sessions", newcomer).json["access_token"],
        "owner": alice,
        "other": bob,
        "staff": staff,
        "expired": forged(alice, exp=int(time.time()) - 1),
        "issuer": forged(alice, iss="https://cognito-idp.us-east-1.amazonaws.com/another"),
        "key": forged(alice),
        "none": authorization.unsigned(alice),
        "HS256": authorization.signed_with_public_key(alice, b"public"),
        "id": session["id_token"],
        "refresh": session["refresh_token"],
        "client": forged(alice, client_id="another"),
        "garbage": "garbage",
    }


def test_every_caller_gets_the_status_of_the_table(
    shop: Shop, alice: str, bob: str, staff: str
) -> None:
    senders = callers(shop, alice, bob, staff)
    shop.place(bob)
    order = _order_with_receipt(shop, alice)
    declined = _declined_order(shop, alice)
    toy = _toy_with_image(shop, staff)
    found: dict[str, dict[str, int]] = {name: {} for name in matrix()}
    for operation, (who, token) in itertools.product(matrix(), senders.items()):
        things = RequestTargets(
            order_id=order["id"],
            order_version=order["version"],
            declined_order_id=declined["id"],
            toy_id=toy["id"],
            toy_version=toy["version"],
            image_id=toy["image_id"],
            new_email=f"{uuid.uuid4()}@example.com",
            key=str(uuid.uuid4()),
            credentials=CREDENTIALS,
            draft=_DRAFT,
            order=shop.order_body(),
        )
        request = authorization.requests(things)[operation]
        answer = shop.api(request.method, request.path, request.body, token, dict(request.headers))
        found[operation][who] = answer.status
        if answer.status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json["status"] == answer.status
        # the next caller needs the same targets
        if answer.status < 300 and operation in ("replaceToy", "patchToy"):
            toy["version"] = answer.json["version"]
        elif answer.status < 300 and operation in ("deleteToy", "removeToyImage"):
            toy = _toy_with_image(shop, staff)
        elif answer.status < 300 and operation == "changeOrder":
            order = answer.json
        elif answer.status < 300 and operation == "cancelOrder":
            order = _order_with_receipt(shop, alice)
    assert found == matrix()


_DRAFT = {
    "name": "Robot of the Table",
    "description": "",
    "category": "robots",
    "brand": "Chain",
    "price": {"amount": 500, "currency": "AUD"},
    "min_age": 3,
    "attributes": {},
}


def _order_with_receipt(shop: Shop, owner: str) -> Any:
    order_id = shop.place(owner)["id"]
    return eventually(lambda: (order := shop.order(order_id, owner))["receipt"] and order)


def _declined_order(shop: Shop, owner: str) -> Any:
    order_id = shop.place(owner, "pm_card_chargeDeclined")["id"]

    def declined() -> Any:
        order = shop.order(order_id, owner)
        return order["payment"]["status"] == "declined" and order

    return eventually(declined)


def _toy_with_image(shop: Shop, staff: str) -> dict[str, Any]:
    toy = new_toy(shop, staff, "Robot of the Table")
    content = png()
    ticket = announce(shop, staff, toy["id"], len(content))
    upload(ticket, content, "image/png")
    path = f"/toys/{toy['id']}"
    eventually(lambda: shop.api("GET", path).json["images"])
    version = shop.api("GET", path).json["version"]
    return {**toy, "version": version, "image_id": ticket["image"]["id"]}


def test_rejected_token_is_no_error_of_the_authorizer(shop: Shop, alice: str) -> None:
    """The alarm that takes a release back counts errors, and an expired token is none."""
    region, account, api = "us-east-1", "000000000000", "toyshop-local-storefront-api"
    event = {
        "type": "TOKEN",
        "methodArn": f"arn:aws:execute-api:{region}:{account}:{api}/api/GET/orders",
    }

    def invoke(**changes: str) -> tuple[str | None, Any]:
        answer = shop.client("lambda").invoke(
            FunctionName=f"{api}-jwt-authorizer", Payload=json.dumps(event | changes)
        )
        return answer.get("FunctionError"), json.load(answer["Payload"])

    expired = forged(alice, exp=int(time.time()) - 1)
    for token in (f"Bearer {expired}", f"Bearer {forged(alice)}", "Bearer garbage", "garbage"):
        error, policy = invoke(authorizationToken=token)
        assert error is None
        (statement,) = policy["policyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
    error, policy = invoke(authorizationToken=f"Bearer {alice}")
    assert error is None
    assert policy["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    # but a crash is one
    assert invoke()[0] == "Unhandled"
