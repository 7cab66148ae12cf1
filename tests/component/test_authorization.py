"""Every public operation with every kind of valid and invalid token.

A forged token is signed with the pool's own key unless the signature is what is wrong with it, so
that exactly one check of the authorizer rejects it.
"""

import itertools
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from contracts import storefront
from support import authorization
from support.authorization import RequestTargets, claims_of, header_of, matrix, signed
from support.moto_aws import key_of_pools
from support.storefront import BASKET, DRAFT, PASSWORD, Orders, Payments, Shop

OPERATIONS = [operation.name for operation in storefront.OPERATIONS]


def signer(key: rsa.RSAPrivateKey) -> Any:
    return lambda text: key.sign(text, padding.PKCS1v15(), SHA256())


def tokens(shop: Shop) -> dict[str, str]:
    """Return the token of each caller in the table."""
    owner = shop.user("alice@example.com")
    credentials = {"email": "alice@example.com", "password": PASSWORD}
    refresh_token = shop.call("POST", "/sessions", credentials).json_body["refresh_token"]
    pool_key: Any = key_of_pools().private_key
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = pool_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims, head = claims_of(owner), header_of(owner)

    def forged(**changes: Any) -> str:
        return signed(head, claims | changes, signer(pool_key))

    # an unchanged forgery is accepted, so that a rejection is caused by the change
    assert shop.call("GET", "/orders", token=forged()).status_code == 200
    return {
        "anonymous": "",
        "customer": shop.user("carol@example.com"),
        "owner": owner,
        "other": shop.user("bob@example.com"),
        "staff": shop.user("staff@example.com", "staff"),
        "expired": forged(exp=int(time.time()) - 1),
        "issuer": forged(iss="https://cognito-idp.us-east-1.amazonaws.com/us-east-1_another"),
        "key": signed(head, claims, signer(stranger)),
        "none": authorization.unsigned(owner),
        "HS256": authorization.signed_with_public_key(owner, public),
        "id": forged(token_use="id"),
        "refresh": refresh_token,
        "client": forged(client_id="another-client"),
        "garbage": "garbage",
    }


def request_targets(shop: Shop, owner: str, other: str, attempt: int) -> RequestTargets:
    """Return targets with a new order of the owner that has a receipt."""
    shop.orders, shop.payments = Orders(), Payments()
    shop.build()
    order = shop.order(owner).json_body
    declined = shop.order(owner, "key-2").json_body
    shop.order(other)
    shop.payments.set(order["id"], "succeeded", receipt_file_id="fil_9")
    shop.payments.set(declined["id"], "declined")
    return RequestTargets(
        order_id=order["id"],
        order_version=order["version"],
        declined_order_id=declined["id"],
        toy_id="toy_1",
        toy_version=4,
        image_id="fil_1",
        new_email=f"new-{attempt}@example.com",
        key=f"attempt-{attempt}",
        credentials={"email": "alice@example.com", "password": PASSWORD},
        draft=DRAFT,
        order=BASKET,
    )


def test_table_has_every_operation_and_every_caller() -> None:
    assert list(matrix()) == OPERATIONS
    for row in matrix().values():
        assert list(row) == list(authorization.WHO)


def test_every_caller_gets_the_status_of_the_table(shop: Shop) -> None:
    callers = tokens(shop)
    attempts = itertools.count()
    found: dict[str, dict[str, int]] = {name: {} for name in OPERATIONS}
    for operation, (who, token) in itertools.product(OPERATIONS, callers.items()):
        about = request_targets(shop, callers["owner"], callers["other"], next(attempts))
        request = authorization.requests(about)[operation]
        shop.pop_downstream_operations()
        answer = shop.call(request.method, request.path, request.body, dict(request.headers), token)
        status = found[operation][who] = answer.status_code
        # without a token the gateway answers itself; the edge turns that into a problem
        if status >= 400 and (status, token) != (401, ""):
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json_body["status"] == status
        if status in (401, 403):
            assert shop.pop_downstream_operations() == []
    assert found == matrix()


def test_document_is_generated_from_the_table() -> None:
    written = authorization.DOCUMENT.read_text()
    assert written == authorization.document(), (
        "run PYTHONPATH=tests python -m support.authorization"
    )
