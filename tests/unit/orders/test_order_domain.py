"""The rules of orders: status transitions and final statuses."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.orders import domain
from contracts.money import Money
from contracts.orders import Address, Contact, Order

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
ELSEWHERE = Address(name="A", line1="2", city="Melbourne", postal_code="3000", country="AU")


@pytest.fixture
def order() -> Order:
    return Order(
        id="ord_1",
        customer_id="cus_1",
        status="placed",
        lines=[],
        total=Money(amount=1000, currency="AUD"),
        shipping_address=Address(name="A", line1="1", city="S", postal_code="2", country="AU"),
        contact=Contact(email="a@example.com", name="A"),
        payment_method="pm_card_visa",
        version=1,
        placed_at=NOW,
        updated_at=NOW,
    )


def test_forbidden_transition_is_rejected(order: Order) -> None:
    cancelled = domain.moved_to(order, "cancelled", LATER)
    assert (cancelled.status, cancelled.version, cancelled.updated_at) == ("cancelled", 2, LATER)
    for present, following in ((order, "placed"), (cancelled, "placed"), (cancelled, "cancelled")):
        with pytest.raises(domain.ForbiddenTransitionError, match=present.status):
            domain.moved_to(present, following, LATER)  # type: ignore[arg-type]


def test_second_cancellation_returns_the_same_order(order: Order) -> None:
    cancelled = domain.cancel(order, LATER)
    assert domain.cancel(cancelled, LATER) is cancelled


def test_cancelled_order_keeps_its_address(order: Order) -> None:
    assert domain.change_address(order, ELSEWHERE, LATER).shipping_address == ELSEWHERE
    with pytest.raises(domain.AlreadyCancelledError):
        domain.change_address(domain.cancel(order, LATER), ELSEWHERE, LATER)


def test_every_status_has_its_allowed_transitions() -> None:
    assert domain.ALLOWED.keys() == set().union(*domain.ALLOWED.values()) | {"placed"}
