"""While payments does not respond, only a few requests for orders wait for it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.storefront_api.caller import Caller
from chalicelib.storefront_api.ordering import Ordering
from chassis.breaker import FAILURES, Breaker
from chassis.client import ServiceClient
from chassis.retry import RetryPolicy
from chassis.transport import Transport, connection_pool, sign_for_api_gateway
from contracts.money import Money
from contracts.orders import Address, Contact, Order
from support.downstream import FakeDownstream

ALICE = Caller("cus_alice", is_staff=False)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def order() -> Order:
    return Order(
        id=f"ord_{'0' * 26}",
        customer_id=ALICE.id,
        status="placed",
        lines=[],
        total=Money(amount=500, currency="AUD"),
        shipping_address=Address(
            name="Alice", line1="1 Toy St", city="Sydney", postal_code="2000", country="AU"
        ),
        contact=Contact(email="alice@example.com", name="Alice"),
        payment_method="pm_card_visa",
        version=1,
        placed_at=NOW,
        updated_at=NOW,
    )


class UnresponsiveService:
    """Accepts and counts requests, and responds only if ``responds`` is set."""

    def __init__(self) -> None:
        self.calls = 0
        self.responds = False
        self._kept: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._kept.append(connection)
                connection.recv(65536)
                self.calls += 1
                if self.responds:
                    body = b'{"items":[]}'
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                    )
                    connection.close()

    def close(self) -> None:
        for opened in (self._listener, *self._kept):
            opened.close()


@pytest.fixture
def unresponsive(monkeypatch: pytest.MonkeyPatch) -> Iterator[UnresponsiveService]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    payments = UnresponsiveService()
    yield payments
    payments.close()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_orders_are_returned_while_payments_does_not_respond(
    unresponsive: UnresponsiveService,
) -> None:
    clock = Clock()
    payments = ServiceClient(
        "payments",
        unresponsive.url,
        Transport(connection_pool(), sign_for_api_gateway, read_timeout=0.1),
        Breaker("payments", clock=clock),
        RetryPolicy(base_delay=0.001),
    )
    unused: Any = None
    ordering = Ordering(
        unused, FakeDownstream(getOrder=lambda _: order()), payments, unused, unused, "AUD"
    )

    def payment_status() -> str:
        return ordering.get(ALICE, order().id).payment.status

    # WHEN many orders are read while payments does not respond
    seen = {payment_status() for _ in range(30)}
    # THEN each is returned, and only the calls that opened the breaker have waited
    assert seen == {"unknown"}
    assert unresponsive.calls == FAILURES
    # AND one more call after each open period
    clock.now += 5
    assert {payment_status() for _ in range(10)} == {"unknown"}
    assert unresponsive.calls == FAILURES + 1
    # WHEN it responds again, THEN the first probe closes the breaker
    unresponsive.responds = True
    clock.now += 5
    assert {payment_status() for _ in range(3)} == {"pending"}
    assert unresponsive.calls == FAILURES + 4
