"""Every event that the services emit, built by the code of the services."""

import importlib
import json
import pkgutil
import re
from typing import Any

from chalicelib.file_manager.events import events_of as events_of_file
from chalicelib.file_manager.store import FileRecord
from chalicelib.orders.events import events_of as events_of_order
from chalicelib.orders.store import OrderRecord
from chalicelib.payments.domain import Intent, Outcome, Retry, transaction_id
from chalicelib.payments.events import events_of as events_of_payment
from chalicelib.payments.reversals import Dispute, Refund
from chalicelib.payments.store import TransactionRecord
from chassis.parking import Parking
from chassis.records import Record
from chassis.relay import Relay
from contracts.files import ImageVariant
from contracts.money import Money
from contracts.orders import Address, Contact, Order, OrderLine
from contracts.payments import PaymentChange
from support import emitters
from support.emitters import COMMON, TRACE

PRICE = Money(amount=1250, currency="AUD")


LINE = OrderLine(toy_id="toy_1", name="Kite Łódź é", quantity=1, unit_price=PRICE, line_total=PRICE)


CONTACT = Contact(email="zoe@example.com", name="Zoë Łukasz")


def order(version: int = 1, status: str = "placed") -> OrderRecord:
    return OrderRecord(
        id="ord_1",
        customer_id="cus_1",
        status=status,
        placed="x",
        lines=[LINE],
        total=PRICE,
        shipping_address=Address(
            name="Zoë", line1="1 Toy St", city="Sydney", postal_code="2000", country="AU"
        ),
        contact=CONTACT,
        payment_method="pm_card_visa",
        fingerprint="a" * 64,
        version=version,
        **COMMON,
    )


def transaction(status: str, version: int = 2) -> TransactionRecord:
    return TransactionRecord(
        id=transaction_id("ord_1"),
        order_id="ord_1",
        customer_id="cus_1",
        status=status,
        amount=PRICE,
        contact=CONTACT,
        lines=[LINE],
        payment_method="pm_card_visa",
        intent_id="pi_1",
        client_secret="pi_1_secret_2" if status == "action_required" else None,
        decline_code="insufficient_funds" if status == "declined" else None,
        version=version,
        **COMMON,
    )


def retried_transaction() -> TransactionRecord:
    """Return a transaction whose order is paid again."""
    retry = Retry(
        key="again", fingerprint="a" * 64, attempt=2, version=3, requested_at=COMMON["updated_at"]
    )
    retried = transaction("pending", 3)
    retried.attempt, retried.retries = 2, (retry,)
    return retried


CHANGES: dict[str, PaymentChange] = {
    "shop.payment.partially_refunded.v1": "partially_refunded",
    "shop.payment.refund_failed.v1": "refund_failed",
    "shop.payment.disputed.v1": "disputed",
    "shop.payment.dispute_closed.v1": "dispute_won",
}
"""An example of a refund or dispute for each event type."""


def reversed_transaction(change: PaymentChange) -> TransactionRecord:
    """Return a paid transaction with a change of its refunds or disputes."""
    changed = transaction("succeeded", 3)
    amount = Money(amount=500, currency="AUD")
    changed.outcomes = (
        Outcome(
            status="succeeded",
            version=3,
            occurred_at=COMMON["updated_at"],
            change=change,
            refunded_amount=amount,
            disputed_amount=amount,
            order_cancelled=False,
        ),
    )
    return changed


def file(status: str, subject: str = "toy_1") -> FileRecord:
    return FileRecord(
        id="fil_1",
        kind="image",
        status=status,
        subject=subject,
        content_type="image/png",
        size=1000,
        alt="A kite",
        reason="not an image" if status == "rejected" else None,
        width=640 if status == "ready" else None,
        height=480 if status == "ready" else None,
        variants=[ImageVariant(url="/files/fil_1-320.webp", width=320)]
        if status == "ready"
        else None,
        version=1 if status == "pending" else 2,
        **COMMON,
    )


class Topic:
    """A fake SNS client that records the published entries."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def publish_batch(self, **batch: Any) -> dict[str, Any]:
        self.entries += batch["PublishBatchRequestEntries"]
        return {"Successful": [{"Id": e["Id"]} for e in batch["PublishBatchRequestEntries"]]}


class NoQueue:
    """A fake SQS client that fails the test when a message is parked."""

    def send_message(self, **message: Any) -> None:
        raise AssertionError(f"parked: {message}")


def published(
    model: type[Record], events_of: Any, before: Record | None, after: Record | None
) -> dict[str, str]:
    """Return the messages that the relay publishes for a change in a table, by type.

    The span of each event, whose id is random, is replaced by that of the write.
    """
    images = {"OldImage": before, "NewImage": after}
    record = {
        "dynamodb": {
            "SequenceNumber": "1",
            **{name: item.to_dynamodb_dict() for name, item in images.items() if item},
        }
    }
    topic = Topic()
    relay = Relay("arn:topic", topic, model, events_of, Parking(NoQueue(), "queue"))
    assert relay.handle({"Records": [record]}) == {"batchItemFailures": []}
    return {
        entry["MessageAttributes"]["type"]["StringValue"]: re.sub(
            rf"{TRACE[:36]}\w+-01", TRACE, entry["Message"]
        )
        for entry in topic.entries
    }


def all_messages(file_subject: str = "toy_1") -> dict[str, str]:
    """Return a message of every type, as its producer emits it."""
    messages: dict[str, str] = {}
    for before, after in (
        (None, order()),
        (order(), order(2)),
        (order(), order(2, "cancelled")),
    ):
        messages |= published(OrderRecord, events_of_order, before, after)
    for status in ("succeeded", "declined", "action_required", "refunded", "cancelled"):
        before = transaction("succeeded" if status == "refunded" else "pending", 1)
        messages |= published(TransactionRecord, events_of_payment, before, transaction(status))
    messages |= published(
        TransactionRecord, events_of_payment, transaction("declined"), retried_transaction()
    )
    for change in CHANGES.values():
        before, after = transaction("succeeded"), reversed_transaction(change)
        messages |= published(TransactionRecord, events_of_payment, before, after)
    for status in ("ready", "rejected"):
        before_file = file("pending", file_subject)
        messages |= published(FileRecord, events_of_file, before_file, file(status, file_subject))
    for module in pkgutil.iter_modules(emitters.__path__):
        emitter: Any = importlib.import_module(f"{emitters.__name__}.{module.name}")
        for before_change, after_change in emitter.CHANGES():
            messages |= published(emitter.RECORD, emitter.EVENTS_OF, before_change, after_change)
    return messages


MESSAGES = all_messages()


def with_unknown_fields(message: str) -> str:
    """Return an event of a later release, with an additional field at every depth."""

    def extended(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: extended(item) for name, item in value.items()} | {"extra": {"a": [1]}}
        return [extended(item) for item in value] if isinstance(value, list) else value

    return json.dumps(extended(json.loads(message)))


class FakeGateway:
    """A fake payment gateway on which every charge succeeds."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def _record(self, step: str, status: Any, attempt: int = 1) -> Intent:
        self.steps.append(step)
        return Intent(id="pi_1", status=status, attempt=attempt)

    def create(self, order: Order) -> Intent:
        return self._record(f"create {order.id}", "unconfirmed")

    def confirm(self, intent_id: str, order_id: str, payment_method: str, attempt: int) -> Intent:
        return self._record(f"confirm {order_id}", "succeeded", attempt)

    def find(self, order_id: str) -> Intent | None:
        return None

    def retrieve(self, intent_id: str) -> Intent:
        return Intent(id=intent_id, status="succeeded")

    def cancel(self, intent_id: str) -> Intent:
        return self._record("cancel", "cancelled")

    def refund(self, intent_id: str, order_id: str, generation: str = "") -> None:
        self.steps.append(f"refund {order_id}")

    def refunds(self, intent_id: str) -> list[Refund]:
        return []

    def disputes(self, intent_id: str) -> list[Dispute]:
        return []

    def order_of(self, intent_id: str) -> str | None:
        return None
