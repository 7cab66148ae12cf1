"""The rules of orders: status transitions and final statuses."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.orders import domain
from contracts.money import Money
from contracts.orders import Address, Contact, Order, PricedLine

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


def lines_of(*amounts: int, quantity: int = 1) -> list[PricedLine]:
    return [
        PricedLine(
            toy_id="toy_1",
            name="Kite",
            quantity=quantity,
            unit_price=Money(amount=amount, currency="AUD"),
        )
        for amount in amounts
    ]


@pytest.mark.parametrize("amounts", [(1,), (99_999_999,), (99_999_998, 1)])
def test_smallest_and_largest_total_can_be_charged(amounts: tuple[int, ...]) -> None:
    lines, total = domain.price_lines(lines_of(*amounts))
    assert total == Money(amount=sum(amounts), currency="AUD")
    assert [line.line_total.amount for line in lines] == list(amounts)


@pytest.mark.parametrize("amounts", [(0,), (0, 0), (100_000_000,), (99_999_999, 1)])
def test_total_of_nothing_or_beyond_the_largest_cannot_be_charged(
    amounts: tuple[int, ...],
) -> None:
    with pytest.raises(domain.TotalOutOfRangeError, match=f"it is {sum(amounts)}$"):
        domain.price_lines(lines_of(*amounts))


def test_largest_total_counts_quantities() -> None:
    assert domain.price_lines(lines_of(11_111_111, quantity=9))[1].amount == 99_999_999
    with pytest.raises(domain.TotalOutOfRangeError):
        domain.price_lines(lines_of(10_000_000, quantity=10))


def test_second_cancellation_returns_the_same_order(order: Order) -> None:
    cancelled = domain.cancel(order, LATER)
    assert domain.cancel(cancelled, LATER) is cancelled


def test_cancelled_order_keeps_its_address(order: Order) -> None:
    assert domain.change_address(order, ELSEWHERE, LATER).shipping_address == ELSEWHERE
    with pytest.raises(domain.AlreadyCancelledError):
        domain.change_address(domain.cancel(order, LATER), ELSEWHERE, LATER)


def test_every_status_has_its_allowed_transitions() -> None:
    assert domain.ALLOWED.keys() == set().union(*domain.ALLOWED.values()) | {"placed"}


def test_changed_address_is_a_new_version_of_that_time(order: Order) -> None:
    changed = domain.change_address(order, ELSEWHERE, LATER)
    assert (changed.shipping_address, changed.version) == (ELSEWHERE, 2)
    # the time of its event
    assert (changed.placed_at, changed.updated_at) == (NOW, LATER)
