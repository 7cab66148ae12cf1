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
    """Yield the event of a change in the table: one for each status but ``pending``.

    A write that leaves the status as it was (the receipt was archived) tells nobody anything.
    """
    if not isinstance(after, TransactionRecord) or after.status not in OUTCOMES:
        return
    if isinstance(before, TransactionRecord) and before.status == after.status:
        return
    kind = OUTCOMES[after.status]
    payment = after.to_payment()
    yield CloudEvent(
        id=f"{payment.id}.{payment.version}.{kind.name}",
        source=kind.source,
        type=kind.name,
        subject=payment.order_id,
        time=payment.updated_at,
        data=PaymentOutcome(
            transaction_id=payment.id,
            order_id=payment.order_id,
            customer_id=payment.customer_id,
            status=payment.status,
            amount=payment.amount,
            contact=payment.contact,
            lines=payment.lines,
            occurred_at=payment.updated_at,
            decline_code=payment.decline_code,
        ),
        traceparent=after.trace,
    )
