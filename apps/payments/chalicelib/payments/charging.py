"""Charge placed orders, pay again, and cancel or refund the payments of cancelled orders.

A charge takes three steps: create an unconfirmed intent, record its id, confirm it. A crash between
two steps leaves either an intent that never charges anything, or a record with which the next
delivery continues. Nothing depends on how long the gateway remembers an idempotency key. If the
record itself is lost, a late charge searches the gateway for the intent.

Paying again with another payment method is another attempt on the same intent. It is recorded
first, which makes the payment pending again, and its event confirms the intent.

A dispute may prevent the refund of a cancelled order for months. That the refund is due is recorded
then, and the event about the end of the dispute makes it.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from chalicelib.payments import domain
from chalicelib.payments.domain import Intent, Payment
from chalicelib.payments.gateway import (
    Gateway,
    GatewayRefusedError,
    GatewayUnavailableError,
    InvalidGatewayRequestError,
)
from chalicelib.payments.reversals import Reversals
from chalicelib.payments.store import TransactionStore
from chassis import clock, consumer, log, tracing
from chassis.clock import Clock
from chassis.consumer import PermanentFailure
from chassis.contention import Attempts
from contracts.events import CloudEvent
from contracts.money import Money
from contracts.orders import Order
from contracts.payments import PaymentOutcome, PaymentRetried

SEARCH_AGE = timedelta(hours=1)
"""An order of this age without a transaction may have one that was lost: search the gateway."""


class Charging:
    """Charges placed orders, also again, and cancels or refunds the payments of cancelled ones.

    Parameters
    ----------
    store
        Reads and writes the transactions.
    gateway
        Charges and refunds.
    now
        Returns the current time in UTC.
    """

    def __init__(self, store: TransactionStore, gateway: Gateway, now: Clock = clock.now) -> None:
        self._store = store
        self._gateway = gateway
        self._now = now

    def on_order_placed(self, event: CloudEvent[Order]) -> None:
        """Charge an order once, no matter how often and when its event is delivered.

        Raises
        ------
        GatewayUnavailableError
            If the gateway does not answer; a retry is safe.
        PermanentFailure
            If the gateway rejects the request itself.
        """
        order = event.data
        try:
            known = self._store.get(domain.transaction_id(order.id))
            payment = known or self._open(order)
            if known and known.intent_id and known.outcomes:
                consumer.is_duplicate()
            if payment.is_charged and self._is_old(order):
                # A webhook about a refund or a dispute may have been lost.
                self._refresh(payment)
            else:
                self._confirm(payment)
        except InvalidGatewayRequestError as error:
            raise PermanentFailure(f"the gateway rejects the request: {error}") from None

    def on_payment_retried(self, event: CloudEvent[PaymentRetried]) -> None:
        """Charge the payment method of an order's current attempt to pay, once.

        Raises
        ------
        GatewayUnavailableError
            If the gateway does not answer; a retry is safe.
        PermanentFailure
            If the gateway rejects the request itself.
        """
        payment = self._existing(event.data.order_id)
        if payment.status != "pending":
            consumer.is_duplicate()
        try:
            self._confirm(payment)
        except InvalidGatewayRequestError as error:
            raise PermanentFailure(f"the gateway rejects the request: {error}") from None

    def on_dispute_closed(self, event: CloudEvent[PaymentOutcome]) -> None:
        """Refund a cancelled order whose refund a dispute has prevented until now.

        Raises
        ------
        GatewayUnavailableError
            If the gateway does not answer; a retry is safe.
        PermanentFailure
            If the gateway refuses the refund.
        """
        payment = self._existing(event.data.order_id)
        if payment.refund_due and payment.status == "succeeded":
            self._refund(payment)

    def on_order_cancelled(self, event: CloudEvent[Order]) -> None:
        """Cancel the intent of a cancelled order, or refund its charge.

        Raises
        ------
        GatewayUnavailableError
            If the gateway does not answer, or did not cancel the intent; a retry is safe.
        PermanentFailure
            If the gateway refuses the refund.
        """
        order = event.data
        payment = self._store.get(domain.transaction_id(order.id))
        if payment and payment.status in ("cancelled", "refunded"):
            consumer.is_duplicate()
        if payment is None:
            # Cancelled before the charge: this record prevents a later charge.
            found = self._find_lost_intent(order)
            payment = (
                domain.opened(order, found.id, self._now(), found.attempt)
                if found
                else domain.cancelled_before_charge(order, self._now())
            )
            payment = self._add(payment)
        if payment.may_still_succeed and payment.intent_id is not None:
            intent = self._gateway.cancel(payment.intent_id)
            payment = self.record(payment, replace(intent, order_cancelled=True))
            if intent.status not in ("cancelled", "succeeded"):
                raise GatewayUnavailableError(f"{payment.intent_id} could not be cancelled")
        elif payment.is_charged and self._is_old(order):
            # A webhook about a refund or a dispute may have been lost.
            payment = self._refresh(payment)
        if payment.status == "succeeded":
            self._refund(payment)

    def record(self, payment: Payment, intent: Intent) -> Payment:
        """Record the status of a payment's intent, and return the updated payment.

        If another writer changed the payment meanwhile, it is read again.

        Raises
        ------
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        tracing.concerns(payment.order_id)
        attempts = Attempts(payment.id)
        while True:
            attempts.begin()
            changed = domain.apply_intent(payment, intent, self._now())
            if changed is payment:
                return payment
            tracing.keep()
            if self._store.replace(changed):
                _report(changed)
                return changed
            payment = self._existing(payment.order_id)

    def _confirm(self, payment: Payment) -> None:
        """Confirm the intent of a pending payment, and record the result."""
        if payment.intent_id is None or not payment.may_still_succeed:
            return
        if payment.status != "pending":
            # A webhook about a later outcome may have been lost.
            self.record(payment, self._gateway.retrieve(payment.intent_id))
            return
        intent = self._gateway.confirm(
            payment.intent_id, payment.order_id, payment.payment_method, payment.attempt
        )
        if self.record(payment, intent).status == "pending":
            # The result belongs to another attempt, of this or of another delivery.
            raise GatewayUnavailableError(f"{payment.intent_id} has no result yet")

    def record_success(self, payment: Payment) -> Payment:
        """Record that the gateway has reported a payment's success, and return the payment.

        The card is read from the gateway, unless it is known or the gateway does not tell it.

        Raises
        ------
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        assert payment.intent_id is not None  # the gateway has no other charges
        intent = Intent(id=payment.intent_id, status="succeeded")
        if not payment.is_charged and payment.card_last4 is None:
            try:
                known = self._gateway.retrieve(payment.intent_id)
            except (GatewayUnavailableError, InvalidGatewayRequestError) as error:
                log.warning("card of a payment not read", reason=str(error))
            else:
                intent = replace(intent, card_last4=known.card_last4)
        return self.record(payment, intent)

    def reverse(
        self,
        payment: Payment,
        change: Callable[[Reversals], Reversals],
        *,
        order_cancelled: bool = False,
    ) -> Payment:
        """Record a refund or a dispute of a payment, and return the updated payment.

        Only a charge can be refunded or disputed, so the payment is recorded as succeeded first. If
        another writer changed the payment meanwhile, it is read again.

        Parameters
        ----------
        payment
            The payment, of which the gateway has reported a refund or dispute.
        change
            Returns the payment's reversals with what was reported.
        order_cancelled
            Whether the payment is refunded because its order was cancelled.

        Raises
        ------
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        payment = self.record_success(payment)
        attempts = Attempts(payment.id)
        while payment.is_charged:
            attempts.begin()
            changed = payment.with_reversals(
                change(payment.reversals), self._now(), order_cancelled=order_cancelled
            )
            if changed is payment:
                return payment
            tracing.keep()
            if self._store.replace(changed):
                if changed.outcomes != payment.outcomes:
                    _report(changed)
                return changed
            payment = self._existing(payment.order_id)
        log.warning("reversal of an uncharged payment ignored", order_id=payment.order_id)
        return payment

    def record_refunds(self, payment: Payment) -> Payment:
        """Record all refunds that the gateway has of a charged payment, and return the payment.

        Raises
        ------
        GatewayUnavailableError
            If the gateway does not answer.
        InvalidGatewayRequestError
            If the gateway rejects the request.
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        assert payment.intent_id is not None  # a payment that succeeded has an intent
        for refund in self._gateway.refunds(payment.intent_id):
            payment = self.reverse(
                payment,
                partial(Reversals.with_refund, refund=refund),
                # only a cancellation requests refunds
                order_cancelled=refund.by_shop,
            )
        return payment

    def _refresh(self, payment: Payment) -> Payment:
        """Record all refunds and disputes that the gateway has of a charged payment."""
        payment = self.record_refunds(payment)
        assert payment.intent_id is not None  # a payment that succeeded has an intent
        for dispute in self._gateway.disputes(payment.intent_id):
            payment = self.reverse(payment, partial(Reversals.with_dispute, dispute=dispute))
        return payment

    def _is_old(self, order: Order) -> bool:
        """Return whether an order is so old that its event is not one of the first deliveries."""
        return self._now() - order.placed_at >= SEARCH_AGE

    def _open(self, order: Order) -> Payment:
        try:
            intent = self._find_lost_intent(order) or self._gateway.create(order)
        except GatewayRefusedError as error:
            payment = domain.refused(order, error.code, self._now())
        else:
            payment = domain.opened(order, intent.id, self._now(), intent.attempt)
        return self._add(payment)

    def _add(self, payment: Payment) -> Payment:
        """Store a new payment, and return it, or the one that another writer stored first."""
        if not self._store.add(payment):
            return self._existing(payment.order_id)
        if payment.outcomes:
            _report(payment)
        return payment

    def _find_lost_intent(self, order: Order) -> Intent | None:
        """Return the gateway's intent of an order that should have a transaction and has none."""
        if not self._is_old(order):
            return None
        found = self._gateway.find(order.id)
        if found:
            log.warning("existing intent found", order_id=order.id, intent_id=found.id)
        return found

    def _refund(self, payment: Payment) -> None:
        """Refund what is left of a payment, once that would not pay it back twice.

        A refund that has failed is not repeated, because it would fail again: the customer must get
        the money another way, which reconciliation reports to an operator.
        """
        if payment.reversals.refund_failed:
            log.warning("payment not refunded again", order_id=payment.order_id)
            return
        if payment.reversals.prevents_refund:
            payment = self._postpone_refund(payment)
            if payment.reversals.prevents_refund or payment.status != "succeeded":
                return
        assert payment.intent_id is not None  # a payment that succeeded has an intent
        total = payment.amount.amount + payment.reversals.failed
        try:
            refund = self._gateway.refund(
                payment.intent_id, payment.order_id, payment.reversals.generation
            )
        except GatewayRefusedError as error:
            if error.code == "charge_disputed":
                payment = self._postpone_refund(self._refresh(payment))
                if payment.status == "succeeded" and not payment.reversals.prevents_refund:
                    raise GatewayUnavailableError("the dispute has just ended") from None
                return
            raise PermanentFailure(
                f"the refund of {payment.order_id} was refused: {error.code}"
            ) from None

        def refunded(known: Reversals) -> Reversals:
            known = known.with_refund(refund) if refund else known
            return known.with_total(total)

        self.reverse(payment, refunded, order_cancelled=True)

    def _postpone_refund(self, payment: Payment) -> Payment:
        """Record that a refund is due once no dispute prevents it, and return the payment."""
        attempts = Attempts(payment.id)
        while payment.reversals.prevents_refund and not payment.refund_due:
            attempts.begin()
            changed = payment.with_refund_due(self._now())
            if self._store.replace(changed):
                log.warning("refund postponed by a dispute", order_id=payment.order_id)
                return changed
            payment = self._existing(payment.order_id)
        return payment

    def _existing(self, order_id: str) -> Payment:
        payment = self._store.get(domain.transaction_id(order_id))
        assert payment is not None  # transactions are never deleted
        return payment


def _report(payment: Payment) -> None:
    """Log and count the new status of a payment."""
    outcome = payment.outcomes[-1]
    log.info("payment status changed", order_id=payment.order_id, status=outcome.kind)
    log.metric("toyshop.payments", outcome=outcome.kind)
    if len(payment.outcomes) == 1:
        log.metric("toyshop.orders.settled")
    if outcome.kind == "succeeded":
        _report_value(payment.amount, "succeeded")
        if payment.placed_at and len(payment.outcomes) == 1:
            # otherwise it includes the time that the customer took
            waited = (outcome.occurred_at - payment.placed_at).total_seconds()
            log.metric("toyshop.order.time_to_paid", max(0.0, waited), "Seconds")
    elif outcome.refund:
        _report_value(outcome.refund, "refunded")


def _report_value(money: Money, outcome: str) -> None:
    log.metric(
        "toyshop.payments.value", money.amount, "None", outcome=outcome, currency=money.currency
    )
