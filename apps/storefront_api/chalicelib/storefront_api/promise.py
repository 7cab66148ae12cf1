"""What every order is promised, and what mends a promise that is broken: rules, and nothing else.

For an order that was placed: one captured charge of its total, or one decline, on one transaction;
an archived receipt, and an e-mail for each outcome. For one that was cancelled: no charge left
standing, and none that could still be made.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from chassis.money import money_text
from contracts.files import File
from contracts.money import Money
from contracts.notifications import Message
from contracts.orders import Order
from contracts.payments import AuditedOrder, GatewayCharge, Transaction

Kind = Literal[
    "no_transaction",
    "pending",
    "news_missed",
    "charge_standing",
    "charge_possible",
    "not_charged",
    "wrong_amount",
    "charged_twice",
    "called_off",
    "refund_missing",
    "refund_unrecorded",
    "charge_unrecorded",
    "receipt_missing",
    "receipt_unrecorded",
    "mail_missing",
]
Remedy = Literal["reemit_order", "reemit_transaction", "person"]

REMEDIES: dict[Kind, Remedy] = {
    "no_transaction": "reemit_order",
    "pending": "reemit_order",
    "news_missed": "reemit_order",
    "charge_standing": "reemit_order",
    "charge_possible": "reemit_order",
    "not_charged": "person",
    "wrong_amount": "person",
    "charged_twice": "person",
    "called_off": "person",
    "refund_missing": "person",
    "refund_unrecorded": "person",
    "charge_unrecorded": "person",
    "receipt_missing": "reemit_transaction",
    "receipt_unrecorded": "reemit_transaction",
    "mail_missing": "reemit_transaction",
}
"""What mends each. Money that a re-emission would not bring in order is for a person to look at."""


_NEWS: dict[str, tuple[str, ...]] = {
    "pending": ("succeeded", "cancelled"),
    "action_required": ("succeeded", "cancelled", "declined"),
    "declined": ("succeeded",),
}
"""What the gateway may say of a payment that we should have heard."""


class Break(Struct, frozen=True, kw_only=True):
    """One promise that is broken."""

    order_id: str
    kind: Kind
    detail: str
    remedy: Remedy


class Evidence(Struct, frozen=True, kw_only=True):
    """All that the services say of one order.

    Attributes
    ----------
    receipt
        Its archived receipt, if there is one.
    messages
        Its e-mails that exist, by id.
    """

    order: Order
    audited: AuditedOrder
    receipt: File | None
    messages: Mapping[str, Message]


def is_under_way(
    order: Order, transaction: Transaction | None, grace: timedelta, now: datetime
) -> bool:
    """Return whether something happened to an order so lately that it may not be over."""
    last = order.updated_at
    if transaction is not None:
        last = max(last, transaction.updated_at)
    return now - last < grace


def breaks_of(evidence: Evidence) -> Iterator[Break]:
    """Yield what is broken of the promise to one order."""
    for kind, detail in (*_of_payment(evidence), *_of_paper(evidence)):
        yield Break(order_id=evidence.order.id, kind=kind, detail=detail, remedy=REMEDIES[kind])


def unaccounted(charge: GatewayCharge) -> Break:
    """Return the break of a charge for an order that there is not."""
    return Break(
        order_id=charge.order_id,
        kind="charge_unrecorded",
        detail=f"{charge.intent_id} took {money_text(charge.charged)} and there is no such order",
        remedy=REMEDIES["charge_unrecorded"],
    )


def _of_payment(evidence: Evidence) -> Iterator[tuple[Kind, str]]:
    order, audited = evidence.order, evidence.audited
    transaction = audited.transaction
    yield from _of_further_charges(audited)
    if transaction is None:
        yield "no_transaction", "no transaction was made of it"
        return
    own = next((c for c in audited.charges if c.intent_id == audited.intent_id), None)
    if transaction.amount != order.total:
        price, recorded = money_text(order.total), money_text(transaction.amount)
        yield "wrong_amount", f"it costs {price}, its transaction says {recorded}"
    if transaction.status in ("succeeded", "refunded"):
        yield from _of_charged(order, transaction, own)
    elif transaction.status == "cancelled":
        if own is not None and _stands(own):
            taken = money_text(own.charged)
            yield "charge_unrecorded", f"{own.intent_id} took {taken} all the same"
        elif order.status == "placed":
            yield "called_off", "it was not called off, and its payment was"
    else:
        yield from _of_open(order, transaction, own)


def _of_further_charges(audited: AuditedOrder) -> Iterator[tuple[Kind, str]]:
    """Look at money of the order that its transaction says nothing of."""
    others = [c for c in audited.charges if _stands(c) and c.intent_id != audited.intent_id]
    # the first of an order without a transaction is the one that its next charge goes on with
    for charge in others if audited.transaction else others[1:]:
        yield "charged_twice", f"{charge.intent_id} took {money_text(charge.charged)} besides"


def _of_open(
    order: Order, transaction: Transaction, own: GatewayCharge | None
) -> Iterator[tuple[Kind, str]]:
    """Look at a payment that may still succeed."""
    if own is not None and own.status in _NEWS[transaction.status]:
        yield "news_missed", f"it is {transaction.status}, and the gateway says {own.status}"
    elif transaction.status == "pending":
        yield "pending", "nothing became of its payment"
    elif order.status == "cancelled" and own is not None and own.status != "cancelled":
        yield "charge_possible", f"it was cancelled, and {own.intent_id} could still be paid"


def _of_charged(
    order: Order, transaction: Transaction, own: GatewayCharge | None
) -> Iterator[tuple[Kind, str]]:
    if own is None or own.charged.amount == 0:
        yield "not_charged", f"it is {transaction.status}, and the gateway took nothing for it"
        return
    if own.charged != transaction.amount:
        price, taken = money_text(transaction.amount), money_text(own.charged)
        yield "wrong_amount", f"it costs {price}, the gateway took {taken}"
    if transaction.status == "refunded":
        if _stands(own):
            yield (
                "refund_missing",
                f"it was refunded, and the gateway gave {money_text(own.refunded)} back",
            )
        if order.status == "placed":
            yield "called_off", "it was not called off, and its payment was refunded"
    elif order.status == "cancelled":
        left = Money(amount=own.charged.amount - own.refunded.amount, currency=own.charged.currency)
        yield "charge_standing", f"it was cancelled, and not refunded; {money_text(left)} is left"
    elif own.refunded.amount:
        yield "refund_unrecorded", f"the gateway gave {money_text(own.refunded)} back by itself"


def _of_paper(evidence: Evidence) -> Iterator[tuple[Kind, str]]:
    audited = evidence.audited
    if audited.receipt_file_id is not None:
        if evidence.receipt is None or evidence.receipt.status != "ready":
            yield "receipt_missing", "its receipt is not in the archive"
        elif audited.transaction is not None and audited.transaction.receipt_file_id is None:
            yield "receipt_unrecorded", "its transaction does not say that there is a receipt"
    for expected in audited.messages:
        message = evidence.messages.get(expected.id)
        if message is None:
            yield "mail_missing", f"the e-mail {expected.template} was never asked for"
        elif message.status != "sent":
            yield "mail_missing", f"the e-mail {expected.template} was not sent"


def _stands(charge: GatewayCharge) -> bool:
    return charge.charged.amount > charge.refunded.amount
