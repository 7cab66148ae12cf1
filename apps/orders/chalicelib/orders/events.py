"""What a change of an order means to others."""

from collections.abc import Iterator

from chalicelib.orders.store import OrderRecord
from chassis.records import Record
from contracts.events import (
    ORDER_CANCELLED,
    ORDER_CHANGED,
    ORDER_PLACED,
    CloudEvent,
    EventType,
)
from contracts.orders import Order


def events_of(before: Record | None, after: Record | None) -> Iterator[CloudEvent[Order]]:
    """Yield the events of a change in the table.

    A new order is ``placed``; every later write is ``changed``, and the one that calls it off is
    ``cancelled`` too. A deleted order was settled: nobody is told.
    """
    if not isinstance(after, OrderRecord):
        return
    if before is None:
        yield _event(ORDER_PLACED, after)
        return
    yield _event(ORDER_CHANGED, after)
    if isinstance(before, OrderRecord) and before.status != after.status == "cancelled":
        yield _event(ORDER_CANCELLED, after)


def _event(kind: EventType, record: OrderRecord) -> CloudEvent[Order]:
    order = record.to_order()
    return CloudEvent(
        id=f"{order.id}.{order.version}.{kind.name}",
        source=kind.source,
        type=kind.name,
        subject=order.id,
        time=order.updated_at,
        data=order,
        traceparent=record.trace,
    )
