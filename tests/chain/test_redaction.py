"""No log, span, metric or error response contains a secret, whatever happened in the shop.

It runs late, so the logs are those of the tests before it too.
"""

import itertools
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from support import authorization
from support.authorization import RequestTargets
from support.http import Answer, http
from support.images import announce, new_toy, upload
from support.log_secrets import leaks, lines_of, secrets_in_logs
from support.running_shop import PASSWORD, Shop
from support.waiting import eventually

# it reads the logs of the whole run
pytestmark = pytest.mark.run_last

CARDS = ("4242424242424242", "5555 5555 5555 4444", "3782-822463-10005")
# shorter values such as `local` are not secret and occur by coincidence
SHORTEST_SECRET = 8


class History(NamedTuple):
    """The secrets that the shop received, and its error responses."""

    secrets: dict[str, str]
    errors: list[Answer]


def settings_of(shop: Shop) -> dict[str, str]:
    """Return the secret environment variables of all functions, and all signing keys."""
    functions = shop.client("lambda").get_paginator("list_functions").paginate()
    found = {
        name: value
        for page in functions
        for function in page["Functions"]
        for name, value in function.get("Environment", {}).get("Variables", {}).items()
        if re.search(r"SECRET|KEY|TOKEN|PASSWORD", name) and not name.endswith("_ID")
    }
    keys = shop.client("secretsmanager")
    for secret in keys.list_secrets()["SecretList"]:
        found[secret["Name"]] = keys.get_secret_value(SecretId=secret["Name"])["SecretString"]
    assert {"STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"} <= found.keys()
    assert any("cursor-key" in name for name in found)
    return {name: value for name, value in found.items() if len(value) >= SHORTEST_SECRET}


def with_card(body: Any, card: str) -> Iterator[Any]:
    """Yield copies of a document with a card number in place of each value and each name."""
    if isinstance(body, dict):
        yield {**body, card: "x"}
        for name, value in body.items():
            for changed in with_card(value, card):
                yield {**body, name: changed}
    elif isinstance(body, list):
        for index, value in enumerate(body):
            for changed in with_card(value, card):
                yield [*body[:index], changed, *body[index + 1 :]]
    else:
        yield card
        if isinstance(body, int):
            yield int(re.sub(r"\D", "", card) or 0)


def orders_of_each_outcome(shop: Shop, token: str) -> str:
    """Place orders with every outcome; return the client secret of the one to be confirmed."""
    for method, status in (
        ("pm_card_visa", "succeeded"),
        ("pm_card_chargeDeclined", "declined"),
        ("pm_card_nobody_knows", "declined"),
    ):
        order = shop.place(token, method)
        shop.wait_for_payment(order["id"], token, status)
    refunded = shop.place(token)["id"]
    shop.wait_for_payment(refunded, token, "succeeded")
    eventually(lambda: shop.order(refunded, token)["receipt"])
    link = shop.api("GET", f"/orders/{refunded}/receipt", token=token).headers["Location"]
    assert http("GET", link).status == 200
    shop.api("POST", f"/orders/{refunded}/cancellation", token=token)
    shop.wait_for_payment(refunded, token, "refunded")
    # a gateway that fails before and after it has done the work
    for kind in ("error_500", "error_500_after", "garbage", "throttle"):
        shop.gateway.add_fault(kind, path="*/payment_intents*", times=1)
        shop.wait_for_payment(shop.place(token)["id"], token, "succeeded", seconds=90)
    shop.gateway.clear_faults()
    waiting = shop.place(token, "pm_card_authenticationRequired")["id"]
    payment = shop.wait_for_payment(waiting, token, "action_required")["payment"]
    secret: str = payment["action"]["client_secret"]
    shop.gateway.authenticate(secret.split("_secret_")[0], "succeeded")
    shop.wait_for_payment(waiting, token, "succeeded")
    shop.wait_for_emails(waiting, 2)
    return secret


def rejected_image(shop: Shop, staff: str) -> RequestTargets:
    """Upload bytes that are not an image; return the targets of the requests."""
    toy = new_toy(shop, staff, "Robot with a Secret")
    content = b"<svg onload=alert(1)>" * 10
    ticket = announce(shop, staff, toy["id"], len(content))
    upload(ticket, content, "image/png")
    file_id = ticket["image"]["id"]
    eventually(lambda: shop.items("file-manager")[file_id]["status"]["S"] == "rejected")
    return RequestTargets(
        order_id="ord_00000000000000000000000000",
        order_version=1,
        declined_order_id="ord_00000000000000000000000000",
        toy_id=toy["id"],
        toy_version=toy["version"],
        image_id=file_id,
        new_email=f"{uuid.uuid4()}@example.com",
        key=str(uuid.uuid4()),
        credentials={"email": "alice@example.com", "password": PASSWORD},
        draft={
            name: toy[name]
            for name in ("name", "description", "category", "brand", "price", "min_age")
        },
        order=shop.order_body(),
    )


def bad_requests(
    things: RequestTargets, token: str
) -> Iterator[tuple[str, str, Any, dict[str, str]]]:
    """Yield invalid requests of each operation, with a card number in every possible place."""
    cards = itertools.cycle(CARDS)
    for name, (method, path, body, own) in authorization.requests(things).items():
        headers = {**own, "Authorization": f"Bearer {token}"}
        for rest in ("?{0}=1", "?limit={0}&cursor={0}&q={0}", "/{0}", "/{0}/{0}"):
            yield method, path + rest.format(quote(next(cards))), body, headers
        for header in (*own, "X-Correlation-Id", "traceparent", "Content-Type", "If-Match"):
            yield method, path, body, {**headers, header: next(cards)}
        for authorized in (f"Bearer {next(cards)}", f"Bearer {token}x", f"Basic {token}"):
            yield method, path, body, {**headers, "Authorization": authorized}
        if body is None:
            continue
        for number in range(len(list(with_card(body, "")))):
            changed = next(itertools.islice(with_card(body, next(cards)), number, None))
            yield method, path, changed, {**headers, "Idempotency-Key": f"{name}-{number}"}
        yield method, path, b'{"email": "someone@example.com", ', headers
        yield method, path, {"someone@example.com": PASSWORD, "password": [PASSWORD]}, headers


@pytest.fixture(scope="module")
def history(shop: Shop, staff: str) -> History:
    email, password = f"{uuid.uuid4()}@example.com", f"Secret-{uuid.uuid4()}-Aa1!"
    new = {"email": email, "password": password, "name": "Carol"}
    assert shop.api("POST", "/users", new).status == 201
    errors = [shop.api("POST", "/users", new)]
    credentials = {"email": email, "password": password}
    errors.append(shop.api("POST", "/sessions", {**credentials, "password": f"{password}x"}))
    session = shop.api("POST", "/sessions", credentials).json
    errors.append(shop.api("POST", "/toys", {CARDS[0]: email}, session["access_token"]))
    renewed = shop.api("POST", "/sessions", {"refresh_token": session["refresh_token"]}).json
    token = session["access_token"]
    client_secret = orders_of_each_outcome(shop, token)
    things = rejected_image(shop, staff)
    for method, path, body, headers in bad_requests(things, staff):
        answer = shop.api(method, path, body, headers=headers)
        if answer.status >= 400:
            errors.append(answer)
    signature = {"Stripe-Signature": "t=1,v1=0123456789abcdef0123456789abcdef"}
    errors.append(shop.api("POST", "/webhooks/payments", {"id": "evt_1"}, headers=signature))
    secrets = {
        **settings_of(shop),
        "the new user's address": email,
        "the new user's password": password,
        "the seeded users' password": PASSWORD,
        "the access token": token,
        "the signature of the access token": token.split(".")[-1],
        "the identity token": session["id_token"],
        "the refresh token": session["refresh_token"],
        "the renewed access token": renewed["access_token"],
        "the client secret": client_secret,
        **{f"card number {card}": card for card in CARDS},
        **{f"card number {card} as digits": re.sub(r"\D", "", card) for card in CARDS},
    }
    return History(secrets, errors)


def test_nothing_stored_contains_a_secret(shop: Shop, history: History) -> None:
    # GIVEN logs of every service, and metrics
    names = " ".join({name for name, _ in lines_of(shop)})
    assert "metrics Invocations" in names
    for writer in ("storefront-api", "orders", "payments-charge", "file-manager", "notifications"):
        assert writer in names
    assert secrets_in_logs(shop, history.secrets) == {}


def test_no_error_response_contains_a_secret(history: History) -> None:
    assert len(history.errors) > 200
    assert {400, 401, 403, 404, 415, 422} <= {answer.status for answer in history.errors}
    found = [
        (kind, answer.status, answer.body)
        for answer in history.errors
        for kind in leaks(f"{answer.headers}\n{answer.body.decode()}", history.secrets)
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "carol@example.com",
        "Bearer eyJhbGciOi.eyJzdWIi.x",
        "pi_1_secret_2",
        "sk_test_local_toyshop",
        "http://s3/x?X-Amz-Signature=0f",
        "4242424242424242",
    ],
)
def test_planted_secret_is_found(shop: Shop, history: History, planted: str) -> None:
    log = Path(shop.home, "logs/planted.log")
    log.write_text(json.dumps({"message": f"the value is {planted}"}) + "\n")
    try:
        assert [name for name, line in lines_of(shop) if leaks(line, history.secrets)]
    finally:
        log.unlink()
