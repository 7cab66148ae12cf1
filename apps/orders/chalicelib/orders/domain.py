"""The rules of orders: no AWS, no HTTP, nothing that a shopkeeper could not follow.

Every change of a status goes through ``moved_to``, which refuses what may not follow, so that no
caller can forget a rule.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from contracts.money import Money
from contracts.orders import (
    Address,
    Order,
    OrderLine,
    OrderStatus,
    PlaceOrder,
    PricedLine,
)

ALLOWED: dict[OrderStatus, frozenset[OrderStatus]] = {
    "placed": frozenset({"cancelled"}),
    "cancelled": frozenset(),
}
"""Which status may follow which. What no status follows is final: such an order stays as it is."""

MAX_TOTAL = 99_999_999
"""Largest total in minor units; the payment gateway takes no larger amount."""


class OrderError(Exception):
    """A rule about orders that does not hold."""


class TwoCurrenciesError(OrderError):
    """One order, one currency."""

    def __init__(self, line: int) -> None:
        super().__init__("All lines of an order have the same currency")
        self.line = line


class TotalOutOfRangeError(OrderError):
    """What an order costs must be something that can be charged."""


class ForbiddenTransitionError(OrderError):
    """A status that may not follow the present one."""


class AlreadyCancelledError(OrderError):
    """What is called off does not change any more."""


def priced(lines: Sequence[PricedLine]) -> tuple[list[OrderLine], Money]:
    """Return the lines with their totals, and what they cost together.

    Raises
    ------
    TwoCurrenciesError
        If the prices are not all in one currency.
    TotalOutOfRangeError
        If they cost nothing together, or more than can be charged.
    """
    currency = lines[0].unit_price.currency
    for number, line in enumerate(lines):
        if line.unit_price.currency != currency:
            raise TwoCurrenciesError(number)
    total = sum(line.unit_price.amount * line.quantity for line in lines)
    if not 0 < total <= MAX_TOTAL:
        raise TotalOutOfRangeError(
            f"An order costs between 1 and {MAX_TOTAL} minor units; this one costs {total}"
        )
    with_totals = [
        OrderLine(
            toy_id=line.toy_id,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            line_total=Money(amount=line.unit_price.amount * line.quantity, currency=currency),
        )
        for line in lines
    ]
    return with_totals, Money(amount=total, currency=currency)


def place(order_id: str, request: PlaceOrder, now: datetime) -> Order:
    """Return the order that a request places.

    Raises
    ------
    TwoCurrenciesError, TotalOutOfRangeError
        As ``priced``.
    """
    lines, total = priced(request.lines)
    return Order(
        id=order_id,
        customer_id=request.customer_id,
        status="placed",
        lines=lines,
        total=total,
        shipping_address=request.shipping_address,
        contact=request.contact,
        payment_method=request.payment_method,
        version=1,
        placed_at=now,
        updated_at=now,
    )


def moved_to(order: Order, status: OrderStatus, now: datetime) -> Order:
    """Return the order in its next status.

    Raises
    ------
    ForbiddenTransitionError
        If that status may not follow the present one.
    """
    if status not in ALLOWED[order.status]:
        raise ForbiddenTransitionError(f"{status} may not follow {order.status}")
    return replace(order, status=status, version=order.version + 1, updated_at=now)


def ship_to(order: Order, address: Address, now: datetime) -> Order:
    """Return the order with another shipping address.

    Raises
    ------
    AlreadyCancelledError
        If it was called off.
    """
    if not ALLOWED[order.status]:
        raise AlreadyCancelledError("The order was cancelled; it does not change any more")
    return replace(order, shipping_address=address, version=order.version + 1, updated_at=now)


def cancel(order: Order, now: datetime) -> Order:
    """Return the order called off; the same order if it was already."""
    if order.status == "cancelled":
        return order
    return moved_to(order, "cancelled", now)
