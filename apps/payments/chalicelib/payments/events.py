"""What a change of a transaction means to others."""

from collections.abc import Iterator

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
    """Yield the events of a change in the table: one for each outcome that is new.

    A write that brings none (the receipt was archived) tells nobody anything. A transaction that
    is re-emitted has all its outcomes told again, as they were told before, their ids included.
    """
    if not isinstance(after, TransactionRecord):
        return
    payment, told = after.to_payment(), set()
    if isinstance(before, TransactionRecord) and not after.is_reemitted(before):
        told = {outcome.status for outcome in before.to_payment().outcomes}
    for outcome in payment.outcomes:
        if outcome.status in told:
            continue
        kind = OUTCOMES[outcome.status]
        yield CloudEvent(
            id=f"{payment.id}.{outcome.version}.{kind.name}",
            source=kind.source,
            type=kind.name,
            subject=payment.order_id,
            time=outcome.occurred_at,
            data=PaymentOutcome(
                transaction_id=payment.id,
                order_id=payment.order_id,
                customer_id=payment.customer_id,
                status=outcome.status,
                amount=payment.amount,
                contact=payment.contact,
                lines=payment.lines,
                occurred_at=outcome.occurred_at,
                decline_code=outcome.decline_code,
            ),
            traceparent=after.trace,
        )
