"""Each service and each table switched off in turn: the others go on, and say what is missing."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chassis.breaker import COOL_DOWN
from support.http import Answer, http
from support.paths import ROOT
from support.running_shop import Shop, switched_off
from support.waiting import eventually


@dataclass(frozen=True)
class Outage:
    """What is off, and what a shopper gets meanwhile.

    Attributes
    ----------
    toys, toy, place, receipt
        Statuses: of the catalogue, one toy, a new order, an old order's receipt.
    payment
        Status of an old order's payment; ``None`` if the order is not shown.
    paid
        Whether a new order is paid meanwhile.
    mailed
        Whether its customer is told meanwhile.
    """

    service: str
    toys: int = 200
    toy: int = 200
    place: int = 201
    receipt: int = 303
    payment: str | None = "succeeded"
    paid: bool = True
    mailed: bool = True


OUTAGES = [
    Outage("toys", toys=503, toy=503, place=503),
    Outage("orders", place=503, receipt=503, payment=None),
    Outage("payments", receipt=503, payment="unknown", paid=False, mailed=False),
    Outage("file_manager", receipt=503, mailed=False),
    Outage("notifications", mailed=False),
]


@contextmanager
def service_off(shop: Shop, service: str) -> Iterator[None]:
    """Switch every function of a service off."""
    config = json.loads((ROOT / "apps" / service / ".chalice/config.json").read_text())
    with ExitStack() as stack:
        for function in config["stages"]["local"]["lambda_functions"]:
            stack.enter_context(switched_off(shop, f"{service}-{function}".replace("_", "-")))
        yield


@contextmanager
def table_off(shop: Shop, service: str) -> Iterator[None]:
    """Let DynamoDB answer nothing but errors about a service's table."""
    tables = [f"toyshop-local-{service}".replace("_", "-")]
    url = f"{shop.aws}/_toyshop/faults"
    assert http("POST", url, {"tables": tables}).status == 200
    try:
        yield
    finally:
        assert http("POST", url, {}).json["tables"] == []


def place(shop: Shop, token: str) -> Answer:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    return shop.api("POST", "/orders", shop.order_body(), token, key)


def checked(answer: Answer) -> Answer:
    """Return an answer that is either what was asked for, or a problem that says: later."""
    assert answer.status != 500, answer.body
    if answer.status >= 400:
        assert answer.status == 503, answer.body
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == 503
        assert b"Traceback" not in answer.body
    return answer


@pytest.fixture
def before(shop: Shop, alice: str) -> str:
    """An order that was paid, and told of, while all was well."""
    answer = eventually(lambda: found if (found := place(shop, alice)).status == 201 else None)
    order_id: str = answer.json["id"]
    shop.paid(order_id, alice, "succeeded")
    shop.mailed(order_id, 1)
    return order_id


@pytest.mark.parametrize("off", [service_off, table_off])
@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.service)
def test_what_goes_on_without(
    shop: Shop, alice: str, before: str, outage: Outage, off: Callable[..., Any]
) -> None:
    with off(shop, outage.service):
        # THEN health names what is down, and nothing else
        health = shop.api("GET", "/health?deep=1")
        assert health.status == 503
        down = [name for name, state in health.json["services"].items() if state == "down"]
        assert down == [outage.service]
        assert shop.api("GET", "/health").status == 200
        # AND the rest of the shop goes on
        assert checked(shop.api("GET", "/toys?limit=5")).status == outage.toys
        toy = shop.api("GET", f"/toys/{shop.toys[1]['id']}")
        assert checked(toy).status == outage.toy
        placed = checked(place(shop, alice))
        assert placed.status == outage.place
        old = checked(shop.api("GET", f"/orders/{before}", token=alice))
        assert (old.json["payment"]["status"] if old.status == 200 else None) == outage.payment
        receipt = checked(shop.api("GET", f"/orders/{before}/receipt", token=alice))
        assert receipt.status == outage.receipt
        if placed.status == 201 and outage.paid:
            shop.paid(placed.json["id"], alice, "succeeded")
        if placed.status == 201 and not (outage.paid and outage.mailed):
            # what is off may have been tried, and nothing came of it
            time.sleep(1)
            assert shop.mails_of(placed.json["id"]) == []
    # WHEN it is back, and nobody remembers that it was not
    time.sleep(COOL_DOWN)
    eventually(lambda: shop.api("GET", "/health?deep=1").status == 200)
    # THEN the chain catches up, and each order is paid and told of once
    accepted = [before, *([placed.json["id"]] if placed.status == 201 else [])]
    for order_id in accepted:
        shop.paid(order_id, alice, "succeeded", seconds=90)
        shop.mailed(order_id, 1, seconds=90)
        assert shop.order(order_id, alice)["receipt"] is True
        assert shop.money_of(order_id) == [("charge", "succeeded")]


def test_a_shop_without_a_storefront_says_so(shop: Shop, alice: str, before: str) -> None:
    with service_off(shop, "storefront_api"):
        answer = shop.api("GET", "/toys")
        assert answer.status in (429, 503)
        assert answer.headers["Content-Type"] == "application/problem+json"
    eventually(lambda: shop.api("GET", "/toys").status == 200)
    assert shop.order(before, alice)["payment"]["status"] == "succeeded"
