"""Orders whose payment waits for the customer's bank for too long are cancelled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.storefront_api.expiry import Expiry, IncompleteRunError
from chassis.problems import ServiceUnavailable
from contracts import orders, payments
from contracts.money import Money
from support.downstream import Call, FakeDownstream
from support.log_lines import Lines, Metrics

NOW = datetime(2026, 11, 29, tzinfo=UTC)
TIMEOUT = timedelta(hours=24)
PRICE = Money(amount=100, currency="AUD")


class Shop:
    """Orders with their payments, and the function that cancels them."""

    def __init__(self, page: int = 100) -> None:
        self.placed: list[orders.Order] = []
        self.transactions: dict[str, payments.Transaction] = {}
        self.queries: list[orders.OrderQuery] = []
        self._page = page
        self.orders = FakeDownstream(listOrders=self._list, cancelOrder=lambda _: self.placed[0])
        self.payments = FakeDownstream(
            lookUpTransactions=lambda call: payments.TransactionLookupAnswer(
                items=[
                    self.transactions[order_id]
                    for order_id in call.body.order_ids
                    if order_id in self.transactions
                ]
            )
        )

    def add(self, status: Any, waiting: timedelta, order_status: Any = "placed") -> str:
        """Add an order whose payment has had its status for some time."""
        order_id = f"ord_{len(self.placed)}"
        self.placed.append(
            orders.Order(
                id=order_id, customer_id="cus_1", status=order_status, lines=[], total=PRICE,
                shipping_address=orders.Address(
                    name="A", line1="1", city="S", postal_code="2", country="AU"
                ),
                contact=orders.Contact(email="a@example.com", name="A"), payment_method="pm_1",
                version=1, placed_at=NOW - waiting, updated_at=NOW - waiting,
            )
        )  # fmt: skip
        self.transactions[order_id] = payments.Transaction(
            id=f"txn_{order_id}", order_id=order_id, customer_id="cus_1", status=status,
            amount=PRICE, version=2, created_at=NOW - waiting, updated_at=NOW - waiting,
        )  # fmt: skip
        return order_id

    def _list(self, call: Call) -> orders.OrderPage:
        self.queries.append(call.query)
        first = int(call.query.cursor or 0)
        items = self.placed[first : first + self._page]
        more = first + self._page < len(self.placed)
        return orders.OrderPage(items=items, next_cursor=str(first + self._page) if more else None)

    def run(self, left: float = 100.0) -> dict[str, int]:
        return Expiry(self.orders, self.payments, TIMEOUT, lambda: NOW).handle(lambda: left)

    @property
    def cancelled(self) -> list[str]:
        return [
            call.path["order_id"] for call in self.orders.calls if call.operation == "cancelOrder"
        ]


def test_order_that_waits_for_too_long_is_cancelled(lines: Lines, metrics: Metrics) -> None:
    shop = Shop()
    expired = [shop.add("action_required", wait) for wait in (TIMEOUT, timedelta(days=7))]
    shop.add("action_required", TIMEOUT - timedelta(seconds=1))
    for status in ("pending", "succeeded", "declined", "refunded", "cancelled"):
        shop.add(status, timedelta(days=3))
    shop.add("action_required", timedelta(days=3), "cancelled")
    assert shop.run() == {"cancelled": 2}
    assert shop.cancelled == expired
    logged = [line for line in lines() if line.get("message") == "unconfirmed order cancelled"]
    assert [line["order_id"] for line in logged] == expired
    assert [(one.name, one.value) for one in metrics()] == [("toyshop.payments.expired", 2)]


def test_order_without_a_transaction_is_kept() -> None:
    shop = Shop()
    shop.add("action_required", timedelta(days=2))
    shop.transactions.clear()
    assert shop.run() == {"cancelled": 0}


def test_every_order_that_may_wait_is_read() -> None:
    shop = Shop()
    shop.run()
    (query,) = shop.queries
    assert query.until == NOW - TIMEOUT
    # an order can be paid again on its seventh day, and its new payment wait for another day
    assert query.since is not None
    assert query.since <= NOW - payments.MAX_RETRY_AGE - TIMEOUT


def test_orders_are_read_page_by_page_while_there_is_time() -> None:
    shop = Shop(page=1)
    expired = [shop.add("action_required", timedelta(days=2)) for _ in range(3)]
    shop.run()
    assert shop.cancelled == expired
    hurried = Shop(page=1)
    for _ in range(3):
        hurried.add("action_required", timedelta(days=2))
    with pytest.raises(IncompleteRunError, match="1 orders were cancelled"):
        hurried.run(left=10.0)
    assert len(hurried.cancelled) == 1


def test_run_fails_if_a_service_does_not_answer() -> None:
    shop = Shop()
    shop.add("action_required", timedelta(days=2))

    def unavailable(_: Call) -> None:
        raise ServiceUnavailable("payments does not answer.")

    shop.payments = FakeDownstream(lookUpTransactions=unavailable)
    with pytest.raises(ServiceUnavailable):
        shop.run()
    assert shop.cancelled == []
