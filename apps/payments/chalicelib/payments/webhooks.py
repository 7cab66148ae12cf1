"""Webhooks of the gateway: outcomes of payments, refunds and disputes.

They arrive late, repeatedly, in any order and before our own record. An event that reports none of
these is acknowledged, or the gateway would send it for days.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import Struct

from chalicelib.payments import domain
from chalicelib.payments.charging import Charging
from chalicelib.payments.domain import Intent, IntentStatus, Payment
from chalicelib.payments.gateway import (
    Gateway,
    GatewayUnavailableError,
    InvalidGatewayRequestError,
    attempt_of,
    is_of_cancelled_order,
)
from chalicelib.payments.reversals import Dispute, Refund, Reversals
from chalicelib.payments.store import TransactionStore
from chassis import log
from chassis.problems import BadRequest, Conflict
from contracts.payments import Webhook

TOLERANCE = 300
"""Seconds by which a signature's timestamp may be in the past or, if clocks differ, the future."""

_STATUSES: dict[str, IntentStatus] = {
    "payment_intent.succeeded": "succeeded",
    "payment_intent.payment_failed": "declined",
    "payment_intent.canceled": "cancelled",
}
_REFUNDS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
_DISPUTES = "charge.dispute."


class _Reference(Struct, frozen=True):
    """An object of which only the id matters."""

    id: str


class _Reversed(Struct, frozen=True, kw_only=True):
    """What the gateway's refunded charges, refunds and disputes have in common."""

    id: str
    payment_intent: str | _Reference | None = None
    metadata: dict[str, str] | None = None

    @property
    def intent_id(self) -> str | None:
        """The id of the payment intent, which the gateway may send as a whole object."""
        intent = self.payment_intent
        return intent.id if isinstance(intent, _Reference) else intent


class _RefundedCharge(_Reversed, frozen=True, kw_only=True):
    amount_refunded: int

    def change(self) -> Callable[[Reversals], Reversals]:
        return partial(Reversals.with_total, amount=self.amount_refunded)


class _Refund(_Reversed, frozen=True, kw_only=True):
    amount: int
    status: str | None = None

    def change(self) -> Callable[[Reversals], Reversals]:
        refund = Refund(
            id=self.id,
            amount=self.amount,
            status=self.status or "pending",
            by_shop="order_id" in (self.metadata or {}),
        )
        return partial(Reversals.with_refund, refund=refund)


class _Dispute(_Reversed, frozen=True, kw_only=True):
    amount: int
    currency: str
    status: str
    is_charge_refundable: bool = False

    def change(self, as_of: int) -> Callable[[Reversals], Reversals]:
        dispute = Dispute(
            id=self.id,
            amount=self.amount,
            currency=self.currency.upper(),
            status=self.status,
            as_of=as_of,
            refundable=self.is_charge_refundable,
        )
        return partial(Reversals.with_dispute, dispute=dispute)


class _Data(Struct, frozen=True):
    object: dict[str, Any]


class _Event(Struct, frozen=True):
    """An event of the gateway; ``created`` is in seconds since 1970."""

    type: str
    data: _Data
    created: int = 0


Result = Literal["recorded", "unchanged", "unknown_type", "unknown_intent", "without_order"]


class Webhooks:
    """Verifies webhooks and records the outcomes that they report.

    Parameters
    ----------
    secret
        Signing secret of the webhook endpoint.
    store
        Reads the transactions.
    charging
        Records the outcomes, refunds and disputes.
    gateway
        Finds the order of a refund or dispute that does not name it.
    now
        Returns the current time in seconds since the epoch.
    """

    def __init__(
        self,
        secret: str,
        store: TransactionStore,
        charging: Charging,
        gateway: Gateway,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret
        self._store = store
        self._charging = charging
        self._gateway = gateway
        self._now = now

    def receive(self, webhook: Webhook) -> None:
        """Record the outcome, refund or dispute that a webhook reports; ignore any other webhook.

        Raises
        ------
        BadRequest
            If its signature is not valid, or it is not an event of the gateway.
        Conflict
            If the payment is not recorded yet, or the gateway does not answer a question about it;
            the gateway is to send the webhook again. It is no failure of this service, which its
            caller counts.
        """
        try:
            self._verify(webhook)
        except BadRequest:
            log.metric("toyshop.webhooks", result="rejected")
            raise
        try:
            event = msgspec.json.decode(webhook.payload, type=_Event)
            result = self._handle(event)
        except msgspec.MsgspecError:
            raise BadRequest("The payload is not an event of the gateway.") from None
        log.metric("toyshop.webhooks", result=result)

    def _handle(self, event: _Event) -> Result:
        subject = event.data.object
        if event.type in _STATUSES:
            return self._record_outcome(event)
        if event.type == "charge.refunded":
            charge = msgspec.convert(subject, _RefundedCharge)
            return self._record_reversal(event, charge, charge.change(), charge.metadata)
        if event.type in _REFUNDS:
            refund = msgspec.convert(subject, _Refund)
            return self._record_reversal(event, refund, refund.change(), refund.metadata)
        if event.type.startswith(_DISPUTES):
            dispute = msgspec.convert(subject, _Dispute)
            return self._record_reversal(event, dispute, dispute.change(event.created), None)
        log.info("webhook ignored", type=event.type)
        return "unknown_type"

    def _record_outcome(self, event: _Event) -> Result:
        subject = event.data.object
        order_id = msgspec.convert(subject.get("metadata") or {}, dict[str, str]).get("order_id")
        if not order_id:
            log.info("webhook ignored", type=event.type)
            return "without_order"
        payment = self._recorded(order_id, subject.get("id"))
        if payment is None:
            return "unknown_intent"
        status = _STATUSES[event.type]
        if status == "succeeded":
            return _result(payment, self._charging.record_success(payment))
        failure = msgspec.convert(subject.get("last_payment_error") or {}, dict[str, Any])
        intent = Intent(
            id=payment.intent_id or "",
            status=status,
            decline_code=(failure.get("decline_code") or failure.get("code"))
            if status == "declined"
            else None,
            attempt=attempt_of(subject["metadata"])[0],
            order_cancelled=is_of_cancelled_order(subject["metadata"]),
        )
        return _result(payment, self._charging.record(payment, intent))

    def _record_reversal(
        self,
        event: _Event,
        subject: _Reversed,
        change: Callable[[Reversals], Reversals],
        metadata: dict[str, str] | None,
    ) -> Result:
        """Record a refund or dispute, which belongs to an order by its payment intent."""
        intent_id = subject.intent_id
        order_id = (metadata or {}).get("order_id")
        if intent_id and not order_id:
            # Refunds and disputes of the dashboard have no metadata of ours.
            with _resent_if_unanswered():
                order_id = self._gateway.order_of(intent_id)
        if not intent_id or not order_id:
            log.info("webhook ignored", type=event.type)
            return "without_order"
        payment = self._recorded(order_id, intent_id)
        if payment is None:
            return "unknown_intent"
        changed = payment
        more = change(payment.reversals).refunded > payment.reversals.refunded
        if more and isinstance(subject, _RefundedCharge):
            # The event says neither who requested the refunds nor how many there were.
            with _resent_if_unanswered():
                changed = self._charging.record_refunds(payment)
        # Only refunds that the shop requests name the order, and only a cancellation requests them.
        order_cancelled = isinstance(subject, _Refund) and "order_id" in (metadata or {})
        changed = self._charging.reverse(changed, change, order_cancelled=order_cancelled)
        return _result(payment, changed)

    def _recorded(self, order_id: str, intent_id: str | None) -> Payment | None:
        """Return the payment of an order; ``None`` if it has another intent.

        Raises
        ------
        Conflict
            If the payment is not recorded yet.
        """
        payment = self._store.get(domain.transaction_id(order_id))
        if payment is None:
            raise Conflict("The payment is not recorded yet. Send it again later.")
        if payment.intent_id != intent_id:
            # An intent that was never recorded was never confirmed, so it has charged nothing.
            log.warning("webhook of an unrecorded intent ignored", order_id=order_id)
            return None
        return payment

    def _verify(self, webhook: Webhook) -> None:
        """Verify the signature (Stripe documentation, "Verify webhook signatures manually").

        Stripe's package is not used here: importing it takes half a second of each cold start.
        """
        parts = [part.split("=", 1) for part in webhook.signature.split(",") if "=" in part]
        stamps = [value for name, value in parts if name == "t"]
        given = [value for name, value in parts if name == "v1"]
        problem = BadRequest("The signature is not valid.")
        if len(stamps) != 1 or not stamps[0].isdigit():
            raise problem
        signed = stamps[0].encode() + b"." + webhook.payload
        expected = hmac.new(self._secret.encode(), signed, hashlib.sha256).hexdigest()
        if not any(hmac.compare_digest(expected.encode(), value.encode()) for value in given):
            raise problem
        if abs(self._now() - int(stamps[0])) > TOLERANCE:
            raise BadRequest("The signature is too old, or its timestamp is in the future.")


@contextmanager
def _resent_if_unanswered() -> Iterator[None]:
    """Have the gateway send the webhook again if it does not answer the call in this block."""
    try:
        yield
    except (GatewayUnavailableError, InvalidGatewayRequestError) as error:
        log.warning("gateway unavailable for a webhook", reason=str(error))
        raise Conflict("The gateway did not answer. Send the webhook again later.") from None


def _result(before: Payment, after: Payment) -> Result:
    return "unchanged" if after.version == before.version else "recorded"
