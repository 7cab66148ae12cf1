"""The invariants of an order, and how to repair each violation.

A placed order has one captured charge of its total, or one decline, on one transaction; an archived
receipt; and one email per outcome. A cancelled order has no charge that was not refunded, and no
payment intent that could still be charged.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from chassis.money import format_money
from contracts.files import File
from contracts.money import Money
from contracts.notifications import Message
from contracts.orders import Order
from contracts.payments import AuditedOrder, GatewayCharge, Transaction

Kind = Literal[
    "order_missing",
    "transaction_missing",
    "payment_pending",
    "webhook_missed",
    "refund_not_started",
    "charge_possible",
    "not_charged",
    "wrong_amount",
    "charged_twice",
    "order_not_cancelled",
    "refund_missing",
    "refund_unrecorded",
    "dispute_unrecorded",
    "paid_back_twice",
    "charge_unrecorded",
    "receipt_missing",
    "receipt_unrecorded",
    "email_missing",
]
Remedy = Literal["restore_order", "reemit_order", "reemit_transaction", "manual"]

REMEDIES: dict[Kind, Remedy] = {
    "order_missing": "restore_order",
    "transaction_missing": "reemit_order",
    "payment_pending": "reemit_order",
    "webhook_missed": "reemit_order",
    "refund_not_started": "reemit_order",
    "charge_possible": "reemit_order",
    "not_charged": "manual",
    "wrong_amount": "manual",
    "charged_twice": "manual",
    "order_not_cancelled": "manual",
    "refund_missing": "manual",
    "refund_unrecorded": "reemit_order",
    "dispute_unrecorded": "reemit_order",
    "paid_back_twice": "manual",
    "charge_unrecorded": "manual",
    "receipt_missing": "reemit_transaction",
    "receipt_unrecorded": "reemit_transaction",
    "email_missing": "reemit_transaction",
}
"""How to repair each kind; ``manual`` needs an operator."""


_UNRECORDED_STATUSES: dict[str, tuple[str, ...]] = {
    "pending": ("succeeded", "cancelled"),
    "action_required": ("succeeded", "cancelled", "declined"),
    "declined": ("succeeded",),
}
"""By transaction status: the gateway's statuses that we should have recorded from a webhook."""


class Violation(Struct, frozen=True, kw_only=True):
    """One violated invariant of one order."""

    order_id: str
    kind: Kind
    detail: str
    remedy: Remedy


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything that the services know about one order.

    Attributes
    ----------
    receipt
        The archived receipt, if there is one.
    messages
        The order's emails that exist, by id.
    """

    order: Order
    audited: AuditedOrder
    receipt: File | None
    messages: Mapping[str, Message]


def is_in_progress(
    order: Order, transaction: Transaction | None, grace: timedelta, now: datetime
) -> bool:
    """Return whether an order changed so recently that its processing may not be complete.

    Parameters
    ----------
    order
        The order.
    transaction
        Its transaction, if it has one; a change of it counts too.
    grace
        Time after the last change within which an order counts as in progress.
    now
        The current time in UTC.
    """
    last = order.updated_at
    if transaction is not None:
        last = max(last, transaction.updated_at)
    return now - last < grace


def violations_of(evidence: Evidence) -> Iterator[Violation]:
    """Yield the violated invariants of one order."""
    for kind, detail in (*_of_payment(evidence), *_of_documents(evidence)):
        yield Violation(order_id=evidence.order.id, kind=kind, detail=detail, remedy=REMEDIES[kind])


def charge_without_order(charge: GatewayCharge) -> Violation:
    """Return the violation of a charge whose order does not exist."""
    return Violation(
        order_id=charge.order_id,
        kind="charge_unrecorded",
        detail=f"{charge.intent_id} charged {format_money(charge.charged)}, and the order does not"
        " exist",
        remedy=REMEDIES["charge_unrecorded"],
    )


def order_missing(charge: GatewayCharge) -> Violation:
    """Return the violation of a payment that has a transaction, and whose order does not exist."""
    return Violation(
        order_id=charge.order_id,
        kind="order_missing",
        detail=f"the order does not exist, but its transaction does ({charge.intent_id}:"
        f" {charge.status}, {format_money(charge.charged)} charged)",
        remedy=REMEDIES["order_missing"],
    )


def _of_payment(evidence: Evidence) -> Iterator[tuple[Kind, str]]:
    order, audited = evidence.order, evidence.audited
    transaction = audited.transaction
    yield from _of_further_charges(audited)
    if transaction is None:
        yield "transaction_missing", "the order has no transaction"
        return
    own = next((c for c in audited.charges if c.intent_id == audited.intent_id), None)
    if transaction.amount != order.total:
        price, recorded = format_money(order.total), format_money(transaction.amount)
        yield "wrong_amount", f"the order's total is {price}, its transaction's amount {recorded}"
    if transaction.status in ("succeeded", "refunded"):
        yield from _of_charged(order, transaction, own)
    elif transaction.status == "cancelled":
        if own is not None and _is_kept(own):
            amount = format_money(own.charged)
            yield (
                "charge_unrecorded",
                f"{own.intent_id} charged {amount}, and the transaction is cancelled",
            )
        elif order.status == "placed":
            yield "order_not_cancelled", "the payment was cancelled, and the order was not"
    else:
        yield from _of_open(order, transaction, own)


def _of_further_charges(audited: AuditedOrder) -> Iterator[tuple[Kind, str]]:
    """Yield the order's charges that its transaction does not account for."""
    others = [c for c in audited.charges if _is_kept(c) and c.intent_id != audited.intent_id]
    # without a transaction, re-emitting the order makes one that adopts the first charge
    for charge in others if audited.transaction else others[1:]:
        yield (
            "charged_twice",
            f"{charge.intent_id} charged another {format_money(charge.charged)}",
        )


def _of_open(
    order: Order, transaction: Transaction, own: GatewayCharge | None
) -> Iterator[tuple[Kind, str]]:
    """Yield the violations of a payment that may still succeed."""
    if own is not None and own.status in _UNRECORDED_STATUSES[transaction.status]:
        yield (
            "webhook_missed",
            f"the transaction is {transaction.status}, the gateway's payment {own.status}",
        )
    elif transaction.status == "pending":
        yield "payment_pending", "the payment has no outcome"
    elif order.status == "cancelled" and own is not None and own.status != "cancelled":
        yield (
            "charge_possible",
            f"the order was cancelled, and {own.intent_id} can still be charged",
        )


def _of_charged(
    order: Order, transaction: Transaction, own: GatewayCharge | None
) -> Iterator[tuple[Kind, str]]:
    if own is None or own.charged.amount == 0:
        yield (
            "not_charged",
            f"the transaction is {transaction.status}, and the gateway charged nothing",
        )
        return
    if own.charged != transaction.amount:
        price, charged = format_money(transaction.amount), format_money(own.charged)
        yield "wrong_amount", f"the transaction's amount is {price}, the gateway charged {charged}"
    if order.status == "cancelled" and _may_be_refunded(transaction):
        left = format_money(_left(own))
        yield "refund_not_started", f"the order was cancelled, and {left} was not refunded"
    else:
        yield from _of_refunds(order, transaction, own)
    yield from _of_disputes(transaction, own)
    if transaction.status == "refunded" and order.status == "placed":
        yield "order_not_cancelled", "the payment was refunded, and the order not cancelled"


def _may_be_refunded(transaction: Transaction) -> bool:
    """Return whether a cancellation refunds the payment: it would not be in vain or twice."""
    return (
        transaction.status == "succeeded"
        and not transaction.refund_failed
        and transaction.dispute not in ("open", "lost")
    )


def _of_refunds(
    order: Order, transaction: Transaction, own: GatewayCharge
) -> Iterator[tuple[Kind, str]]:
    recorded = _refunded(transaction)
    if transaction.status == "refunded" and recorded != transaction.amount and _is_kept(own):
        yield (
            "refund_missing",
            f"the transaction is refunded, and the gateway refunded {format_money(own.refunded)}",
        )
    elif own.refunded != recorded:
        yield (
            "refund_unrecorded",
            f"the gateway refunded {format_money(own.refunded)}, and the transaction has recorded"
            f" {format_money(recorded)}",
        )
    elif order.status == "cancelled" and transaction.refund_failed and _is_kept(own):
        left = format_money(_left(own))
        yield "refund_missing", f"the order was cancelled, and the refund of {left} failed"
    elif order.status == "cancelled" and transaction.dispute == "lost":
        withdrawn = transaction.withdrawn_amount
        kept = _left(own).amount - (withdrawn.amount if withdrawn else 0)
        if kept > 0:
            amount = format_money(Money(amount=kept, currency=own.charged.currency))
            yield (
                "refund_missing",
                f"the order was cancelled, and neither the shop nor the bank returned {amount}",
            )


def _of_disputes(transaction: Transaction, own: GatewayCharge) -> Iterator[tuple[Kind, str]]:
    if own.dispute is not None and own.dispute != transaction.dispute:
        yield (
            "dispute_unrecorded",
            f"the gateway's dispute is {own.dispute}, the transaction's {transaction.dispute}",
        )
    withdrawn = transaction.withdrawn_amount
    if withdrawn and own.refunded.amount + withdrawn.amount > own.charged.amount:
        yield (
            "paid_back_twice",
            f"{format_money(own.refunded)} of {format_money(own.charged)} was refunded, and"
            f" {format_money(withdrawn)} is withdrawn because of a dispute",
        )


def _left(charge: GatewayCharge) -> Money:
    """Return what was not refunded of a charge."""
    return Money(
        amount=charge.charged.amount - charge.refunded.amount, currency=charge.charged.currency
    )


def _refunded(transaction: Transaction) -> Money:
    """Return what a transaction has recorded as refunded."""
    if transaction.refunded_amount is not None:
        return transaction.refunded_amount
    amount = transaction.amount.amount if transaction.status == "refunded" else 0
    return Money(amount=amount, currency=transaction.amount.currency)


def _of_documents(evidence: Evidence) -> Iterator[tuple[Kind, str]]:
    audited = evidence.audited
    if audited.receipt_file_id is not None:
        if evidence.receipt is None or evidence.receipt.status != "ready":
            yield "receipt_missing", "the receipt is not archived"
        elif audited.transaction is not None and audited.transaction.receipt_file_id is None:
            yield "receipt_unrecorded", "the transaction does not refer to its archived receipt"
    for expected in audited.messages:
        message = evidence.messages.get(expected.id)
        if message is None:
            yield "email_missing", f"the email {expected.template} was never requested"
        elif message.status != "sent":
            yield "email_missing", f"the email {expected.template} was not sent"


def _is_kept(charge: GatewayCharge) -> bool:
    """Return whether some of the charged amount was not refunded."""
    return charge.charged.amount > charge.refunded.amount
