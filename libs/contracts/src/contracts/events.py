"""CloudEvents 1.0 (structured JSON), and the list of all event types of the shop."""

from typing import Any, Generic, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType

from contracts.files import FileReady, FileRejected
from contracts.orders import Order
from contracts.payments import PaymentOutcome, PaymentRetried
from contracts.schema import Output, Timestamp

Data = TypeVar("Data")


class CloudEvent(Output, Generic[Data]):
    """The envelope of an event.

    ``id`` is ``<entity>.<version>.<type>``, so every delivery of an event has the same id.
    """

    id: str
    source: str
    type: str
    subject: str
    time: Timestamp
    data: Data
    specversion: Literal["1.0"] = "1.0"
    datacontenttype: Literal["application/json"] = "application/json"
    traceparent: str | UnsetType = UNSET


class EventType(Struct, frozen=True):
    """One type of event: its name, its source and the type of its data."""

    name: str
    source: str
    data: Any


ORDER_PLACED = EventType("shop.order.placed.v1", "/orders", Order)
ORDER_CHANGED = EventType("shop.order.changed.v1", "/orders", Order)
ORDER_CANCELLED = EventType("shop.order.cancelled.v1", "/orders", Order)
PAYMENT_SUCCEEDED = EventType("shop.payment.succeeded.v1", "/payments", PaymentOutcome)
PAYMENT_DECLINED = EventType("shop.payment.declined.v1", "/payments", PaymentOutcome)
PAYMENT_ACTION_REQUIRED = EventType("shop.payment.action_required.v1", "/payments", PaymentOutcome)
PAYMENT_REFUNDED = EventType("shop.payment.refunded.v1", "/payments", PaymentOutcome)
PAYMENT_CANCELLED = EventType("shop.payment.cancelled.v1", "/payments", PaymentOutcome)
PAYMENT_RETRIED = EventType("shop.payment.retried.v1", "/payments", PaymentRetried)
PAYMENT_PARTIALLY_REFUNDED = EventType(
    "shop.payment.partially_refunded.v1", "/payments", PaymentOutcome
)
PAYMENT_REFUND_FAILED = EventType("shop.payment.refund_failed.v1", "/payments", PaymentOutcome)
PAYMENT_DISPUTED = EventType("shop.payment.disputed.v1", "/payments", PaymentOutcome)
PAYMENT_DISPUTE_CLOSED = EventType("shop.payment.dispute_closed.v1", "/payments", PaymentOutcome)
FILE_READY = EventType("shop.file.ready.v1", "/file_manager", FileReady)
FILE_REJECTED = EventType("shop.file.rejected.v1", "/file_manager", FileRejected)

EVENT_TYPES: dict[str, EventType] = {
    event.name: event
    for event in (
        ORDER_PLACED,
        ORDER_CHANGED,
        ORDER_CANCELLED,
        PAYMENT_SUCCEEDED,
        PAYMENT_DECLINED,
        PAYMENT_ACTION_REQUIRED,
        PAYMENT_REFUNDED,
        PAYMENT_CANCELLED,
        PAYMENT_RETRIED,
        PAYMENT_PARTIALLY_REFUNDED,
        PAYMENT_REFUND_FAILED,
        PAYMENT_DISPUTED,
        PAYMENT_DISPUTE_CLOSED,
        FILE_READY,
        FILE_REJECTED,
    )
}
