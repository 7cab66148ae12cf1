"""The rules of orders: status transitions and final statuses."""

import itertools
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.orders import domain
from chalicelib.orders.limits import limits_of
from contracts.money import Money
from contracts.orders import MAX_QUANTITY, Address, Contact, Order, PricedLine
from gateway_simulator.limits import amounts_of

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


def line_of(toy_id: str, quantity: int = 1, amount: int = 1000, **changes: Any) -> PricedLine:
    price = Money(amount=amount, currency=changes.pop("currency", "AUD"))
    name = changes.pop("name", "Kite")
    return PricedLine(toy_id=toy_id, name=name, quantity=quantity, unit_price=price)


def test_lines_of_one_toy_are_added_up_where_the_first_one_was() -> None:
    lines, total = domain.price_lines(
        [line_of("toy_1", 2), line_of("toy_2", 1, 50), line_of("toy_1", 3), line_of("toy_1")]
    )
    assert [(line.toy_id, line.quantity, line.line_total.amount) for line in lines] == [
        ("toy_1", 6, 6000),
        ("toy_2", 1, 50),
    ]
    assert total == Money(amount=6050, currency="AUD")


def test_lines_with_another_name_or_price_stay_apart() -> None:
    given = [line_of("toy_1"), line_of("toy_1", amount=999), line_of("toy_1", name="Old kite")]
    lines, total = domain.price_lines(given)
    assert [(line.name, line.unit_price.amount, line.quantity) for line in lines] == [
        ("Kite", 1000, 1),
        ("Kite", 999, 1),
        ("Old kite", 1000, 1),
    ]
    assert total.amount == 2999


def test_largest_quantity_is_of_all_lines_of_a_toy() -> None:
    half = MAX_QUANTITY // 2
    lines, _ = domain.price_lines(
        [line_of("toy_1", half), line_of("toy_2", MAX_QUANTITY), line_of("toy_1", half)]
    )
    assert [line.quantity for line in lines] == [MAX_QUANTITY, MAX_QUANTITY]
    for last in (line_of("toy_1"), line_of("toy_1", amount=5), line_of("toy_1", name="Old kite")):
        with pytest.raises(domain.QuantityTooLargeError) as error:
            domain.price_lines([line_of("toy_1", half), line_of("toy_1", half), last])
        assert error.value.line == 2


@pytest.mark.parametrize(
    ("currency", "least", "most"),
    [
        ("AUD", 50, 99_999_999),
        ("GBP", 30, 99_999_999),
        ("JPY", 50, 99_999_999),
        ("MXN", 1000, 99_999_999),
        ("HUF", 17_500, 99_999_999),
        ("INR", 50, 999_999_999),
        ("IDR", 50, 999_999_999_999),
        ("TWD", 1, 99_999_999),
        ("KWD", 10, 99_999_990),
    ],
)
def test_only_totals_within_the_limits_of_the_currency_are_accepted(
    currency: str, least: int, most: int
) -> None:
    for amount in (least, most):
        domain.check_total(Money(amount=amount, currency=currency), limits_of(currency))
    for amount in (0, least - 1, most + 1):
        with pytest.raises(domain.UnpayableTotalError):
            domain.check_total(Money(amount=amount, currency=currency), limits_of(currency))


def test_every_total_that_is_accepted_can_be_charged_at_the_gateway() -> None:
    codes = map("".join, itertools.product(string.ascii_uppercase, repeat=3))
    for currency in codes:
        if limits := limits_of(currency):
            smallest, largest = amounts_of(currency.lower())
            assert smallest <= limits.minimum <= limits.maximum <= largest, currency
            # and no other is refused, except for the fractions that cannot be charged
            assert limits.minimum - smallest < limits.step, currency
            assert limits.maximum == largest, currency


@pytest.mark.parametrize(
    ("total", "text"),
    [
        (Money(amount=49, currency="AUD"), "The total is AUD 0.49. An order .* least AUD 0.50"),
        (Money(amount=100_000_000, currency="AUD"), "AUD 1,000,000.00. .* most AUD 999,999.99"),
        (Money(amount=1001, currency="KWD"), "KWD 1.001. It must be a multiple of KWD 0.010"),
        (Money(amount=1000, currency="ISK"), "Orders in ISK cannot be paid"),
    ],
)
def test_unpayable_total_is_explained_in_the_units_of_its_currency(total: Money, text: str) -> None:
    with pytest.raises(domain.UnpayableTotalError, match=text):
        domain.check_total(total, limits_of(total.currency))


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
