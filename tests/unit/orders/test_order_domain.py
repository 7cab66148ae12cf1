"""The rules of orders: which status may follow which, and what is final."""

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


def test_a_status_that_may_not_follow_is_refused(order: Order) -> None:
    cancelled = domain.moved_to(order, "cancelled", LATER)
    assert (cancelled.status, cancelled.version, cancelled.updated_at) == ("cancelled", 2, LATER)
    for present, following in ((order, "placed"), (cancelled, "placed"), (cancelled, "cancelled")):
        with pytest.raises(domain.ForbiddenTransitionError, match=present.status):
            domain.moved_to(present, following, LATER)  # type: ignore[arg-type]


def test_a_second_cancellation_changes_nothing(order: Order) -> None:
    cancelled = domain.cancel(order, LATER)
    assert domain.cancel(cancelled, LATER) is cancelled


def test_what_is_final_does_not_change_at_all(order: Order) -> None:
    assert domain.ship_to(order, ELSEWHERE, LATER).shipping_address == ELSEWHERE
    with pytest.raises(domain.AlreadyCancelledError):
        domain.ship_to(domain.cancel(order, LATER), ELSEWHERE, LATER)


def test_every_status_has_its_rule() -> None:
    assert domain.ALLOWED.keys() == set().union(*domain.ALLOWED.values()) | {"placed"}
