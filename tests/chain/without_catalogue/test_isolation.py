"""Outages of each service and each table: the rest of the shop works and reports what is down."""

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
    """A service that is down, and what a shopper gets during the outage.

    Attributes
    ----------
    toys, toy, place, receipt
        HTTP statuses of the catalog, one toy, a new order and an older order's receipt.
    payment
        Payment status of an older order; ``None`` if the order is not shown.
    paid
        Whether a new order is paid during the outage.
    mailed
        Whether its customer is emailed during the outage.
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
    """Make DynamoDB answer every request for a service's table with an error."""
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


def success_or_503(answer: Answer) -> Answer:
    """Return an answer that is a success or a 503 problem."""
    assert answer.status != 500, answer.body
    if answer.status >= 400:
        assert answer.status == 503, answer.body
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == 503
        assert b"Traceback" not in answer.body
    return answer


@pytest.fixture
def older_order(shop: Shop, alice: str) -> str:
    """Place an order that is paid and emailed before the outage; return its id."""
    answer = eventually(lambda: found if (found := place(shop, alice)).status == 201 else None)
    order_id: str = answer.json["id"]
    shop.wait_for_payment(order_id, alice, "succeeded")
    shop.wait_for_emails(order_id, 1)
    return order_id


@pytest.mark.parametrize("off", [service_off, table_off])
@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.service)
def test_rest_of_the_shop_works_during_an_outage(
    shop: Shop, alice: str, older_order: str, outage: Outage, off: Callable[..., Any]
) -> None:
    with off(shop, outage.service):
        # THEN the health check reports the service, and no other
        health = shop.api("GET", "/health?deep=1")
        assert health.status == 503
        down = [name for name, state in health.json["services"].items() if state == "down"]
        assert down == [outage.service]
        assert shop.api("GET", "/health").status == 200
        # AND the rest of the shop works
        assert success_or_503(shop.api("GET", "/toys?limit=5")).status == outage.toys
        toy = shop.api("GET", f"/toys/{shop.toys[1]['id']}")
        assert success_or_503(toy).status == outage.toy
        placed = success_or_503(place(shop, alice))
        assert placed.status == outage.place
        old = success_or_503(shop.api("GET", f"/orders/{older_order}", token=alice))
        assert (old.json["payment"]["status"] if old.status == 200 else None) == outage.payment
        receipt = success_or_503(shop.api("GET", f"/orders/{older_order}/receipt", token=alice))
        assert receipt.status == outage.receipt
        if placed.status == 201 and outage.paid:
            shop.wait_for_payment(placed.json["id"], alice, "succeeded")
        if placed.status == 201 and not (outage.paid and outage.mailed):
            # time for attempts, which must fail
            time.sleep(1)
            assert shop.emails_about(placed.json["id"]) == []
    # WHEN the outage is over and all circuit breakers are closed
    time.sleep(COOL_DOWN)
    eventually(lambda: shop.api("GET", "/health?deep=1").status == 200)
    # THEN each order is paid once and its customer emailed once
    accepted = [older_order, *([placed.json["id"]] if placed.status == 201 else [])]
    for order_id in accepted:
        shop.wait_for_payment(order_id, alice, "succeeded", seconds=90)
        shop.wait_for_emails(order_id, 1, seconds=90)
        assert shop.order(order_id, alice)["receipt"] is True
        assert shop.ledger_of(order_id) == [("charge", "succeeded")]


def test_storefront_outage_is_a_problem_answer(shop: Shop, alice: str, older_order: str) -> None:
    with service_off(shop, "storefront_api"):
        answer = shop.api("GET", "/toys")
        assert answer.status in (429, 503)
        assert answer.headers["Content-Type"] == "application/problem+json"
    eventually(lambda: shop.api("GET", "/toys").status == 200)
    assert shop.order(older_order, alice)["payment"]["status"] == "succeeded"
