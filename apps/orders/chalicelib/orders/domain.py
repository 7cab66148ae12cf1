"""The rules of orders, in plain Python without AWS or HTTP.

Every status change goes through ``moved_to``, which rejects a forbidden transition, so that no
caller can forget a rule.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, Struct
from msgspec.structs import replace

from chassis.money import format_money
from contracts.money import Money
from contracts.orders import (
    ERASED,
    MAX_QUANTITY,
    Address,
    LostOrder,
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


_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Limits(Struct, frozen=True, kw_only=True):
    """The totals that the payment gateway can charge in a currency, in minor units.

    Attributes
    ----------
    minimum, maximum
        The smallest and the largest amount.
    step
        Every amount is a multiple of it.
    """

    minimum: int
    maximum: int
    step: int


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


class QuantityTooLargeError(OrderError):
    """An order has too many of one toy.

    Parameters
    ----------
    line
        Index of the line with which there are too many.
    """

    def __init__(self, line: int) -> None:
        super().__init__(f"An order can have at most {MAX_QUANTITY:,} of one toy")
        self.line = line


class UnpayableTotalError(OrderError):
    """The payment gateway cannot charge the total of an order."""


class PriceChangedError(OrderError):
    """The total of an order is not the one that the customer has seen.

    Parameters
    ----------
    lines, total
        The lines and the total that the order would have.
    expected
        The total that the customer has seen.
    """

    def __init__(self, lines: list[OrderLine], total: Money, expected: Money) -> None:
        super().__init__(
            f"The order comes to {format_money(total)} now, not {format_money(expected)}"
        )
        self.lines = lines
        self.total = total


class ImpossibleOrderError(OrderError):
    """A lost order cannot have been one of the shop.

    Parameters
    ----------
    field
        The field that is wrong.
    reason
        What is wrong with it.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class ForbiddenTransitionError(OrderError):
    """The new status may not follow the current one."""


class AlreadyCancelledError(OrderError):
    """A cancelled order cannot be changed."""


class ErasedError(OrderError):
    """An order cannot be changed once its customer's data are erased."""


def price_lines(lines: Sequence[PricedLine]) -> tuple[list[OrderLine], Money]:
    """Return the lines with their totals, and the total of the order.

    Equal lines are added up: an order has one line for each toy.

    Parameters
    ----------
    lines
        At least one line with its unit price.

    Raises
    ------
    MixedCurrenciesError
        If the prices are not all in one currency.
    QuantityTooLargeError
        If there are more than ``MAX_QUANTITY`` of one toy.
    """
    currency = lines[0].unit_price.currency
    quantities: Counter[str] = Counter()
    added: dict[tuple[str, str, int], int] = {}
    for number, line in enumerate(lines):
        if line.unit_price.currency != currency:
            raise MixedCurrenciesError(number)
        quantities[line.toy_id] += line.quantity
        if quantities[line.toy_id] > MAX_QUANTITY:
            raise QuantityTooLargeError(number)
        # only a caller that looked the toy up twice has two names or prices for it
        key = (line.toy_id, line.name, line.unit_price.amount)
        added[key] = added.get(key, 0) + line.quantity
    with_totals = [
        OrderLine(
            toy_id=toy_id,
            name=name,
            quantity=quantity,
            unit_price=Money(amount=price, currency=currency),
            line_total=Money(amount=price * quantity, currency=currency),
        )
        for (toy_id, name, price), quantity in added.items()
    ]
    total = sum(line.line_total.amount for line in with_totals)
    return with_totals, Money(amount=total, currency=currency)


def check_total(total: Money, limits: Limits | None) -> None:
    """Raise if the payment gateway cannot charge a total.

    Parameters
    ----------
    total
        Total of an order.
    limits
        Limits of its currency; ``None`` if nothing can be charged in it.

    Raises
    ------
    UnpayableTotalError
        If it is too small or too large, or in a currency or fraction that cannot be charged.
    """
    if limits is None:
        raise UnpayableTotalError(f"Orders in {total.currency} cannot be paid")
    if total.amount < limits.minimum:
        least = format_money(replace(total, amount=limits.minimum))
        raise UnpayableTotalError(
            f"The total is {format_money(total)}. An order must come to at least {least}"
        )
    if total.amount > limits.maximum:
        most = format_money(replace(total, amount=limits.maximum))
        raise UnpayableTotalError(
            f"The total is {format_money(total)}. An order can come to at most {most}"
        )
    if total.amount % limits.step:
        step = format_money(replace(total, amount=limits.step))
        raise UnpayableTotalError(
            f"The total is {format_money(total)}. It must be a multiple of {step}"
        )


def place(order_id: str, request: PlaceOrder, now: datetime) -> Order:
    """Return the new order of a request, whose total is still to be checked.

    Raises
    ------
    MixedCurrenciesError
        If the prices are not all in one currency.
    QuantityTooLargeError
        If there are more than ``MAX_QUANTITY`` of one toy.
    PriceChangedError
        If the total is not the expected one.
    """
    lines, total = price_lines(request.lines)
    expected = request.expected_total
    if expected is not UNSET and (expected.amount, expected.currency) != (
        total.amount,
        total.currency,
    ):
        raise PriceChangedError(lines, total, expected)
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


def restore(order_id: str, lost: LostOrder, first: datetime, now: datetime) -> Order:
    """Return a lost order as it was when it was placed; the caller cancels it if it was cancelled.

    Parameters
    ----------
    first
        Earliest time at which an order can have been placed.

    Raises
    ------
    MixedCurrenciesError
        If the prices are not all in one currency.
    QuantityTooLargeError
        If there are more than ``MAX_QUANTITY`` of one toy.
    ImpossibleOrderError
        If the id, a time or the contact cannot be that of an order.
    """
    if not _ID.fullmatch(order_id):
        raise ImpossibleOrderError("order_id", "Must have the form of an order's id")
    if not first <= lost.placed_at <= now:
        raise ImpossibleOrderError(
            "placed_at", f"Must not be before {first:%Y-%m-%d} or in the future"
        )
    if lost.cancelled_at and not lost.placed_at <= lost.cancelled_at <= now:
        raise ImpossibleOrderError("cancelled_at", "Must not be before placed_at or in the future")
    if not lost.contact.email and lost.contact.name != ERASED.name:
        raise ImpossibleOrderError("contact/email", "Only an erased customer has no email address")
    lines, total = price_lines(lost.lines)
    return Order(
        id=order_id,
        customer_id=lost.customer_id,
        status="placed",
        lines=lines,
        total=total,
        shipping_address=lost.shipping_address,
        contact=lost.contact,
        payment_method=lost.payment_method,
        version=1,
        placed_at=lost.placed_at,
        updated_at=lost.placed_at,
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


def check_not_erased(order: Order) -> None:
    """Raise if the customer's data are erased: new data would remain.

    Raises
    ------
    ErasedError
        If they are erased.
    """
    if order.contact == ERASED:
        raise ErasedError("The customer's data were erased, so the order can no longer be changed")


def change_address(order: Order, address: Address, now: datetime) -> Order:
    """Return the order with a new shipping address.

    Raises
    ------
    AlreadyCancelledError
        If the order is cancelled.
    ErasedError
        If the customer's data are erased.
    """
    check_not_erased(order)
    if not ALLOWED[order.status]:
        raise AlreadyCancelledError("The order is cancelled and can no longer be changed")
    return replace(order, shipping_address=address, version=order.version + 1, updated_at=now)


def cancel(order: Order, now: datetime) -> Order:
    """Return the cancelled order; the same order if it is cancelled already."""
    if order.status == "cancelled":
        return order
    return moved_to(order, "cancelled", now)


def erase_customer(order: Order, now: datetime) -> Order:
    """Return the order without its customer's data; the same order if they are erased already.

    The country remains, because the tax may depend on it.
    """
    if order.contact == ERASED:
        return order
    address = Address(
        name="", line1="", city="", postal_code="", country=order.shipping_address.country
    )
    return replace(
        order,
        contact=ERASED,
        shipping_address=address,
        version=order.version + 1,
        updated_at=now,
    )
