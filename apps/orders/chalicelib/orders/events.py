"""What a change of an order means to others."""

from collections.abc import Iterator

from msgspec.structs import replace

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
    ``cancelled`` too. A deleted record has no event. One that is re-emitted is what
    it is now: ``cancelled``, or else ``placed``; either is the event that was told before, its id
    included. A write that makes no new version (a backfill) tells nobody anything.
    """
    if not isinstance(after, OrderRecord):
        return
    if after.is_reemitted(before):
        yield _event(ORDER_CANCELLED, after) if after.status == "cancelled" else _placed(after)
        return
    if before is None:
        yield _placed(after)
        return
    if before.version == after.version:
        return
    yield _event(ORDER_CHANGED, after)
    if isinstance(before, OrderRecord) and before.status != after.status == "cancelled":
        yield _event(ORDER_CANCELLED, after)


def _placed(record: OrderRecord) -> CloudEvent[Order]:
    event = _event(ORDER_PLACED, record)
    # the first version was placed, whatever has changed since
    return replace(event, id=f"{record.id}.1.{ORDER_PLACED.name}", time=record.to_order().placed_at)


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
