"""The events that a changed transaction emits."""

from collections.abc import Iterator

from chalicelib.payments.domain import Outcome, Payment
from chalicelib.payments.store import TransactionRecord
from chassis.records import Record
from contracts.events import (
    PAYMENT_ACTION_REQUIRED,
    PAYMENT_CANCELLED,
    PAYMENT_DECLINED,
    PAYMENT_DISPUTE_CLOSED,
    PAYMENT_DISPUTED,
    PAYMENT_PARTIALLY_REFUNDED,
    PAYMENT_REFUND_FAILED,
    PAYMENT_REFUNDED,
    PAYMENT_RETRIED,
    PAYMENT_SUCCEEDED,
    CloudEvent,
)
from contracts.payments import PaymentOutcome, PaymentRetried

OUTCOMES = {
    "succeeded": PAYMENT_SUCCEEDED,
    "declined": PAYMENT_DECLINED,
    "action_required": PAYMENT_ACTION_REQUIRED,
    "refunded": PAYMENT_REFUNDED,
    "cancelled": PAYMENT_CANCELLED,
    "partially_refunded": PAYMENT_PARTIALLY_REFUNDED,
    "refunded_again": PAYMENT_REFUNDED,
    "refund_failed": PAYMENT_REFUND_FAILED,
    "disputed": PAYMENT_DISPUTED,
    "dispute_won": PAYMENT_DISPUTE_CLOSED,
    "dispute_lost": PAYMENT_DISPUTE_CLOSED,
}
_CHARGED = ("succeeded", "refunded")


def events_of(
    before: Record | None, after: Record | None
) -> Iterator[CloudEvent[PaymentOutcome] | CloudEvent[PaymentRetried]]:
    """Yield the events of a change in the table: one for each new outcome, and for each new retry.

    A write without either (the receipt was archived) emits nothing. A re-emitted transaction emits
    all its outcomes again, and its last retry if that is still pending, with the same ids and data.

    Parameters
    ----------
    before, after
        The record before and after the change; ``None`` if it did not exist.
    """
    if not isinstance(after, TransactionRecord):
        return
    payment = after.to_payment()
    emitted: set[int] = set()
    if isinstance(before, TransactionRecord) and not after.is_reemitted(before):
        known = before.to_payment()
        emitted = {outcome.version for outcome in known.outcomes}
        emitted |= {retry.version for retry in known.retries}
    yield from _outcomes(payment, after, emitted)
    for retry in payment.retries[-1:]:
        if payment.status == "pending" and retry.version not in emitted:
            yield CloudEvent(
                id=f"{payment.id}.{retry.version}.{PAYMENT_RETRIED.name}",
                source=PAYMENT_RETRIED.source,
                type=PAYMENT_RETRIED.name,
                subject=payment.order_id,
                time=retry.requested_at,
                data=PaymentRetried(
                    transaction_id=payment.id,
                    order_id=payment.order_id,
                    customer_id=payment.customer_id,
                    attempt=retry.attempt,
                    requested_at=retry.requested_at,
                ),
                traceparent=after.trace,
            )


def _outcomes(
    payment: Payment, after: TransactionRecord, emitted: set[int]
) -> Iterator[CloudEvent[PaymentOutcome]]:
    for outcome in payment.outcomes:
        if outcome.version in emitted:
            continue
        kind = OUTCOMES[outcome.kind]
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
        attempt=outcome.attempt,
        change=outcome.change,
        refunded_amount=outcome.refunded_amount,
        disputed_amount=outcome.disputed_amount,
        refund=outcome.refund,
        order_cancelled=outcome.order_cancelled,
        placed_at=payment.placed_at,
        shipping_address=payment.shipping_address,
        # earlier outcomes may have been those of another card
        card_last4=payment.card_last4 if outcome.status in _CHARGED else None,
    )


def version_of(event: CloudEvent[PaymentOutcome]) -> int:
    """Return the version of the payment that brought the outcome of an event."""
    return int(event.id.split(".")[1])
