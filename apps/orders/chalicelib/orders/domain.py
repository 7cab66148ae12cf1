"""The rules of orders, in plain Python without AWS or HTTP.

Every status change goes through ``moved_to``, which rejects a forbidden transition, so that no
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
"""The statuses that may follow each status. An order whose status is final never changes."""

MAX_TOTAL = 99_999_999
"""Largest total in minor units: the largest amount that the payment gateway accepts."""


class OrderError(Exception):
    """A rule about orders is violated."""


class MixedCurrenciesError(OrderError):
    """The prices of an order are not all in one currency.

    Parameters
    ----------
    line
        Index of the first line with another currency than the first one's.
    """

    def __init__(self, line: int) -> None:
        super().__init__("All lines of an order must have the same currency")
        self.line = line


class TotalOutOfRangeError(OrderError):
    """The total of an order cannot be charged."""


class ForbiddenTransitionError(OrderError):
    """The new status may not follow the current one."""


class AlreadyCancelledError(OrderError):
    """A cancelled order cannot be changed."""


def price_lines(lines: Sequence[PricedLine]) -> tuple[list[OrderLine], Money]:
    """Return the lines with their totals, and the total of the order.

    Parameters
    ----------
    lines
        At least one line with its unit price.

    Raises
    ------
    MixedCurrenciesError
        If the prices are not all in one currency.
    TotalOutOfRangeError
        If the total is zero or more than ``MAX_TOTAL``.
    """
    currency = lines[0].unit_price.currency
    for number, line in enumerate(lines):
        if line.unit_price.currency != currency:
            raise MixedCurrenciesError(number)
    total = sum(line.unit_price.amount * line.quantity for line in lines)
    if not 0 < total <= MAX_TOTAL:
        raise TotalOutOfRangeError(
            f"The total must be between 1 and {MAX_TOTAL} minor units, but it is {total}"
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
    """Return the new order of a request.

    Raises
    ------
    MixedCurrenciesError
        If the prices are not all in one currency.
    TotalOutOfRangeError
        If the total is zero or more than ``MAX_TOTAL``.
    """
    lines, total = price_lines(request.lines)
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
    """Return the order with its next status.

    Raises
    ------
    ForbiddenTransitionError
        If the status may not follow the current one.
    """
    if status not in ALLOWED[order.status]:
        raise ForbiddenTransitionError(f"{status} may not follow {order.status}")
    return replace(order, status=status, version=order.version + 1, updated_at=now)


def change_address(order: Order, address: Address, now: datetime) -> Order:
    """Return the order with a new shipping address.

    Raises
    ------
    AlreadyCancelledError
        If the order is cancelled.
    """
    if not ALLOWED[order.status]:
        raise AlreadyCancelledError("The order is cancelled and can no longer be changed")
    return replace(order, shipping_address=address, version=order.version + 1, updated_at=now)


def cancel(order: Order, now: datetime) -> Order:
    """Return the cancelled order; the same order if it is cancelled already."""
    if order.status == "cancelled":
        return order
    return moved_to(order, "cancelled", now)
