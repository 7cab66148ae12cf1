"""The events that a changed order emits."""

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

    A new order emits ``placed``, or ``cancelled`` if it is a restored one that was cancelled. Each
    later version emits ``changed``, and its cancellation emits ``cancelled`` too. A re-emitted
    order emits ``cancelled`` if it is cancelled and ``placed`` otherwise, with the id of the
    original event. A deletion, and a write without a new version (a backfill), emit nothing.

    Parameters
    ----------
    before, after
        The record before and after the change; ``None`` if it did not exist.
    """
    if not isinstance(after, OrderRecord):
        return
    if before is None or after.is_reemitted(before):
        yield _event(ORDER_CANCELLED, after) if after.status == "cancelled" else _placed(after)
        return
    if before.version == after.version:
        return
    yield _event(ORDER_CHANGED, after)
    if isinstance(before, OrderRecord) and before.status != after.status == "cancelled":
        yield _event(ORDER_CANCELLED, after)


def _placed(record: OrderRecord) -> CloudEvent[Order]:
    event = _event(ORDER_PLACED, record)
    # The id and time of the original event: version 1 placed the order.
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
