"""The document of the events."""

import json
from pathlib import Path
from typing import Any

TITLE = "Toy shop: events"
DESCRIPTION = """\
What happens in the shop, for services that react to it.

An event is a CloudEvent 1.0 in structured JSON, published to the SNS topic of the service that \
owns the entity. It is delivered at least once, and events of an entity may arrive out of \
order. Every delivery of an event has the same `id`, and `type` is also a \
message attribute, for filter policies. Ignore members that you do not know.

A breaking change is a new type with the next version number, emitted alongside the old one for as \
long as anyone consumes the old one."""

CHANNELS = {
    "file-manager-events": "The results of checks of uploaded images.",
    "orders-events": "Orders, from their placement to their cancellation.",
    "payments-events": "The payments of orders and their outcomes.",
}
"""What the events of each topic are about."""

SUMMARIES = {
    "shop.file.ready.v1": "An image was checked and is public.",
    "shop.file.rejected.v1": "An image cannot be published and was deleted.",
    "shop.order.cancelled.v1": "An order was cancelled.",
    "shop.order.changed.v1": "The shipping address of an order was changed.",
    "shop.order.placed.v1": "An order was placed and has to be charged.",
    "shop.payment.action_required.v1": "The customer has to confirm the payment with the bank.",
    "shop.payment.cancelled.v1": "A payment was cancelled before anything was charged.",
    "shop.payment.declined.v1": "A payment was declined; the customer may pay again.",
    "shop.payment.dispute_closed.v1": "The bank closed a dispute, which the shop won or lost.",
    "shop.payment.disputed.v1": "The customer's bank disputes a payment.",
    "shop.payment.partially_refunded.v1": "A part of a payment was refunded.",
    "shop.payment.refund_failed.v1": "A refund that the shop requested has failed.",
    "shop.payment.refunded.v1": "A payment was refunded in full.",
    "shop.payment.retried.v1": "The customer pays again; another payment method has to be charged.",
    "shop.payment.succeeded.v1": "A payment succeeded.",
}
"""What each type of event means."""


def examples() -> dict[str, dict[str, Any]]:
    """Return an event of each type, by type."""
    path = Path(__file__).with_name("events.json")
    events: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return events
