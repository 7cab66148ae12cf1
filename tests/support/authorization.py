"""Who may do what in the public API: the authorization table, and requests to test it with.

``PYTHONPATH=tests python -m support.authorization`` writes ``docs/authorization.md`` from it.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from support.paths import DOCS

DOCUMENT = DOCS / "authorization.md"

TABLE = """
| operation             | anonymous | customer | owner | other | staff | expired | issuer | key | none | HS256 | id  | refresh | client | garbage |
|-----------------------|-----------|----------|-------|-------|-------|---------|--------|-----|------|-------|-----|---------|--------|---------|
| getHealth             | 200       | 200      | 200   | 200   | 200   | 200     | 200    | 200 | 200  | 200   | 200 | 200     | 200    | 200     |
| getOpenApi            | 200       | 200      | 200   | 200   | 200   | 200     | 200    | 200 | 200  | 200   | 200 | 200     | 200    | 200     |
| signUp                | 201       | 201      | 201   | 201   | 201   | 201     | 201    | 201 | 201  | 201   | 201 | 201     | 201    | 201     |
| confirmUser           | 422       | 422      | 422   | 422   | 422   | 422     | 422    | 422 | 422  | 422   | 422 | 422     | 422    | 422     |
| resendCode            | 202       | 202      | 202   | 202   | 202   | 202     | 202    | 202 | 202  | 202   | 202 | 202     | 202    | 202     |
| requestPasswordReset  | 202       | 202      | 202   | 202   | 202   | 202     | 202    | 202 | 202  | 202   | 202 | 202     | 202    | 202     |
| resetPassword         | 422       | 422      | 422   | 422   | 422   | 422     | 422    | 422 | 422  | 422   | 422 | 422     | 422    | 422     |
| getProfile            | 401       | 200      | 200   | 200   | 200   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| changeProfile         | 401       | 200      | 200   | 200   | 200   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| signIn                | 200       | 200      | 200   | 200   | 200   | 200     | 200    | 200 | 200  | 200   | 200 | 200     | 200    | 200     |
| searchToys            | 200       | 200      | 200   | 200   | 200   | 200     | 200    | 200 | 200  | 200   | 200 | 200     | 200    | 200     |
| suggestToys           | 200       | 200      | 200   | 200   | 200   | 200     | 200    | 200 | 200  | 200   | 200 | 200     | 200    | 200     |
| getToy                | 200       | 200      | 200   | 200   | 200   | 200     | 200    | 200 | 200  | 200   | 200 | 200     | 200    | 200     |
| createToy             | 401       | 403      | 403   | 403   | 201   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| replaceToy            | 401       | 403      | 403   | 403   | 200   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| patchToy              | 401       | 403      | 403   | 403   | 200   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| deleteToy             | 401       | 403      | 403   | 403   | 204   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| addToyImage           | 401       | 403      | 403   | 403   | 201   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| listToyImages         | 401       | 403      | 403   | 403   | 200   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| removeToyImage        | 401       | 403      | 403   | 403   | 204   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| placeOrder            | 401       | 201      | 201   | 201   | 201   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| listOrders            | 401       | 200      | 200   | 200   | 200   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| getOrder              | 401       | 404      | 200   | 404   | 200   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| changeOrder           | 401       | 404      | 200   | 404   | 404   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| listCountries         | 200       | 200      | 200   | 200   | 200   | 200     | 200    | 200 | 200  | 200   | 200 | 200     | 200    | 200     |
| cancelOrder           | 401       | 404      | 202   | 404   | 202   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| payAgain              | 401       | 404      | 202   | 404   | 404   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| getReceipt            | 401       | 404      | 303   | 404   | 303   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| getJourney            | 401       | 403      | 403   | 403   | 200   | 401     | 401    | 401 | 401  | 401   | 401 | 401     | 401    | 401     |
| receivePaymentWebhook | 400       | 400      | 400   | 400   | 400   | 400     | 400    | 400 | 400  | 400   | 400 | 400     | 400    | 400     |
"""  # noqa: E501 - a table is easier to read unbroken

WHO = {
    "anonymous": "no token",
    "customer": "a customer who has placed no order",
    "owner": "the customer who placed the order",
    "other": "a customer who has placed other orders",
    "staff": "a member of the group `staff`",
    "expired": "the owner's access token, expired",
    "issuer": "… issued by another user pool that signs with the same key",
    "key": "… signed with another key under the pool's key id",
    "none": "… not signed, `alg: none`",
    "HS256": "… signed by HMAC with the pool's public key as the secret",
    "id": "the owner's ID token",
    "refresh": "the owner's refresh token",
    "client": "an access token of another client of the pool",
    "garbage": "a string that is not a token",
}


def matrix() -> dict[str, dict[str, int]]:
    """Return the expected statuses of each operation by caller."""
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.strip().splitlines()
    ]
    return {name: dict(zip(head[1:], map(int, statuses), strict=True)) for name, *statuses in rows}


class Request(NamedTuple):
    """A valid request, which can be rejected only because of its sender."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]


class RequestTargets(NamedTuple):
    """The resources that the requests address: orders, a toy with an image, a user.

    ``declined_order_id`` is another order of the same owner, whose payment was declined.
    ``new_email`` and ``key`` are new for each request.
    """

    order_id: str
    order_version: int
    declined_order_id: str
    toy_id: str
    toy_version: int
    image_id: str
    new_email: str
    key: str
    credentials: Mapping[str, str]
    draft: Mapping[str, Any]
    order: Mapping[str, Any]


def requests(targets: RequestTargets) -> dict[str, Request]:
    """Return one request for each operation."""
    toy, order = f"/toys/{targets.toy_id}", f"/orders/{targets.order_id}"
    of_toy = {"If-Match": f'"{targets.toy_version}"'}
    of_order = {"If-Match": f'"{targets.order_version}"'}
    new_user = {
        "email": targets.new_email,
        "password": targets.credentials["password"],
        "name": "N",
    }
    address_of_user = {"email": targets.new_email}
    address = {"shipping_address": targets.order["shipping_address"]}
    image = {"content_type": "image/png", "size": 100, "alt": ""}
    return {
        name: Request(method, path, body, headers)
        for name, method, path, body, headers in (
            ("getHealth", "GET", "/health", None, {}),
            ("getOpenApi", "GET", "/openapi.json", None, {}),
            ("signUp", "POST", "/users", new_user, {}),
            (
                "confirmUser",
                "POST",
                "/users/confirmation",
                {"email": targets.new_email, "code": "000000"},
                {},
            ),
            ("resendCode", "POST", "/users/confirmation/resend", address_of_user, {}),
            ("requestPasswordReset", "POST", "/users/password-reset", address_of_user, {}),
            (
                "resetPassword",
                "POST",
                "/users/password-reset/confirmation",
                {**address_of_user, "code": "000000", "password": targets.credentials["password"]},
                {},
            ),
            ("getProfile", "GET", "/users/me", None, {}),
            ("changeProfile", "PATCH", "/users/me", {"name": "N"}, {}),
            ("signIn", "POST", "/sessions", targets.credentials, {}),
            ("searchToys", "GET", "/toys", None, {}),
            ("suggestToys", "GET", "/toys/suggestions?q=k", None, {}),
            ("getToy", "GET", toy, None, {}),
            ("createToy", "POST", "/toys", targets.draft, {}),
            ("replaceToy", "PUT", toy, targets.draft, of_toy),
            ("patchToy", "PATCH", toy, {"min_age": 4}, of_toy),
            ("deleteToy", "DELETE", toy, None, of_toy),
            ("addToyImage", "POST", f"{toy}/images", image, {}),
            ("listToyImages", "GET", f"{toy}/images", None, {}),
            ("removeToyImage", "DELETE", f"{toy}/images/{targets.image_id}", None, {}),
            ("placeOrder", "POST", "/orders", targets.order, {"Idempotency-Key": targets.key}),
            ("listOrders", "GET", "/orders", None, {}),
            ("getOrder", "GET", order, None, {}),
            ("changeOrder", "PATCH", order, address, of_order),
            ("listCountries", "GET", "/countries", None, {}),
            ("cancelOrder", "POST", f"{order}/cancellation", {}, {}),
            (
                "payAgain",
                "POST",
                f"/orders/{targets.declined_order_id}/payment",
                {"payment_method": "pm_card_visa"},
                {"Idempotency-Key": targets.key},
            ),
            ("getReceipt", "GET", f"{order}/receipt", None, {}),
            ("getJourney", "GET", f"{order}/journey", None, {}),
            # only the gateway can sign it; a token does not help
            ("receivePaymentWebhook", "POST", "/webhooks/payments", {}, {}),
        )
    }


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token without verifying it."""
    claims: dict[str, Any] = json.loads(_decoded(token.split(".")[1]))
    return claims


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a token."""
    head: dict[str, Any] = json.loads(_decoded(token.split(".")[0]))
    return head


def signed(header: Mapping[str, Any], claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """Return a token with the given header, claims and signature."""
    text = b".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    return (text + b"." + _encoded(sign(text))).decode()


def unsigned(token: str) -> str:
    """Return the token without a signature (``alg: none``)."""
    return signed({**header_of(token), "alg": "none"}, claims_of(token), lambda _: b"")


def signed_with_public_key(token: str, public_pem: bytes) -> str:
    """Return the token signed with HS256, using the public key as the shared secret."""

    def sign(text: bytes) -> bytes:
        return hmac.new(public_pem, text, hashlib.sha256).digest()

    return signed({**header_of(token), "alg": "HS256"}, claims_of(token), sign)


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def document() -> str:
    """Return the text of ``docs/authorization.md``."""
    who = "\n".join(f"| {name} | {meaning} |" for name, meaning in WHO.items())
    return f"""# Authorization

`PYTHONPATH=tests python -m support.authorization` generates this page from the table that the \
tests try cell by cell: `tests/component/test_authorization.py` against the storefront, with \
tokens forged with the user pool's own key, and `tests/chain/test_authorization.py` against the \
whole shop. An operation without a row fails both.

## The public API

{TABLE.strip()}

| caller | credentials |
|---|---|
{who}

- Apart from its sender, each request is valid. The storefront answers 401 or 403 before any other \
check and without calling another service. One 403 comes later: `placeOrder` refuses a customer \
whose email address is not verified in the user pool.
- Someone else's order is a 404, exactly like an order that does not exist.
- `listOrders` returns a customer's own orders, and everyone's to staff; a search by \
email address by a customer is a 403. Only the owner sees the \
`client_secret` of a payment that needs the bank's confirmation.
- `confirmUser` and `resetPassword` need the code that was emailed; a wrong one is a 422, whether \
or not the address has an account. `resendCode` and `requestPasswordReset` always answer 202.
- `receivePaymentWebhook` accepts only the payment gateway's signature; tokens are ignored.
- API Gateway caches the authorizer's answer for 60 s; an access token still expires on time. A \
user who leaves the group `staff` keeps its rights until the token expires.

## The private APIs

Only the roles of the functions that `service.toml` declares as callers may call them: \
`./shop check` proves the policies, and `tests/chain/iam` tests them.
"""


if __name__ == "__main__":
    DOCUMENT.write_text(document())
