"""The events that a changed transaction emits."""

from collections.abc import Iterator

from chalicelib.payments.domain import Outcome, Payment
from chalicelib.payments.store import TransactionRecord
from chassis.records import Record
from contracts.events import (
    PAYMENT_ACTION_REQUIRED,
    PAYMENT_CANCELLED,
    PAYMENT_DECLINED,
    PAYMENT_REFUNDED,
    PAYMENT_SUCCEEDED,
    CloudEvent,
)
from contracts.payments import PaymentOutcome

OUTCOMES = {
    "succeeded": PAYMENT_SUCCEEDED,
    "declined": PAYMENT_DECLINED,
    "action_required": PAYMENT_ACTION_REQUIRED,
    "refunded": PAYMENT_REFUNDED,
    "cancelled": PAYMENT_CANCELLED,
}


def events_of(before: Record | None, after: Record | None) -> Iterator[CloudEvent[PaymentOutcome]]:
    """Yield the events of a change in the table: one for each new outcome.

    A write without a new outcome (the receipt was archived) emits nothing. A re-emitted transaction
    emits all its outcomes again, with the same ids and data.

    Parameters
    ----------
    before, after
        The record before and after the change; ``None`` if it did not exist.
    """
    if not isinstance(after, TransactionRecord):
        return
    payment, emitted = after.to_payment(), set()
    if isinstance(before, TransactionRecord) and not after.is_reemitted(before):
        emitted = {outcome.status for outcome in before.to_payment().outcomes}
    for outcome in payment.outcomes:
        if outcome.status in emitted:
            continue
        kind = OUTCOMES[outcome.status]
        yield CloudEvent(
            id=f"{payment.id}.{outcome.version}.{kind.name}",
            source=kind.source,
            type=kind.name,
            subject=payment.order_id,
            time=outcome.occurred_at,
            data=outcome_of(payment, outcome),
            traceparent=after.trace,
        )


def outcome_of(payment: Payment, outcome: Outcome) -> PaymentOutcome:
    """Return the data of the event of an outcome."""
    return PaymentOutcome(
        transaction_id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        status=outcome.status,
        amount=payment.amount,
        contact=payment.contact,
        lines=payment.lines,
        occurred_at=outcome.occurred_at,
        decline_code=outcome.decline_code,
    )


def version_of(event: CloudEvent[PaymentOutcome]) -> int:
    """Return the version of the payment that brought the outcome of an event."""
    return int(event.id.split(".")[1])
