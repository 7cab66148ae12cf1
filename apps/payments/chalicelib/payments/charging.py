"""The charge: create, record, confirm; and what a cancelled order costs: nothing.

An unconfirmed intent is created and its id recorded before it is confirmed. A crash between any
two of the three leaves an intent that takes no money, or a record by which the next delivery
finds the intent and goes on. Nothing depends on how long the gateway remembers a key. Should the
record itself be lost, whoever begins late looks for the intent at the gateway.
"""

from datetime import timedelta

from chalicelib.payments import domain
from chalicelib.payments.domain import Intent, Payment
from chalicelib.payments.gateway import (
    Gateway,
    GatewayUnavailableError,
    MisunderstoodError,
    RefusedError,
)
from chalicelib.payments.store import TransactionStore
from chassis import clock, log
from chassis.clock import Clock
from chassis.consumer import PermanentFailure
from contracts.events import CloudEvent
from contracts.orders import Order

LATE = timedelta(hours=1)
"""How old an order is when its charge may have been begun before, and the record of it lost."""


class Charging:
    """Charges orders that are placed and gives back what cancelled ones cost.

    Parameters
    ----------
    store
        The transactions.
    gateway
        Who takes the money.
    now
        Returns the current time in UTC.
    """

    def __init__(self, store: TransactionStore, gateway: Gateway, now: Clock = clock.now) -> None:
        self._store = store
        self._gateway = gateway
        self._now = now

    def on_order_placed(self, event: CloudEvent[Order]) -> None:
        """Charge an order, once, however often and whenever its event comes."""
        order = event.data
        try:
            payment = self._store.get(domain.transaction_id(order.id)) or self._open(order)
            if payment.status == "pending" and payment.intent_id is not None:
                intent = self._gateway.confirm(
                    payment.intent_id, payment.order_id, payment.payment_method
                )
                self.record(payment, intent)
            elif payment.intent_id is not None and payment.may_take_money:
                # Something may have become of it since, and the news been lost on its way.
                self.record(payment, self._gateway.retrieve(payment.intent_id))
        except MisunderstoodError as error:
            raise PermanentFailure(f"the gateway does not understand us: {error}") from None

    def on_order_cancelled(self, event: CloudEvent[Order]) -> None:
        """See to it that a cancelled order leaves no charge standing."""
        order = event.data
        payment = self._store.get(domain.transaction_id(order.id))
        if payment is None:
            # Cancelled before its charge began: the record stops a charge that comes later.
            found = self._begun_before(order)
            payment = (
                domain.opened(order, found.id, self._now())
                if found
                else domain.called_off(order, self._now())
            )
            if not self._store.add(payment):
                payment = self._existing(order.id)
        if payment.may_take_money and payment.intent_id is not None:
            intent = self._gateway.cancel(payment.intent_id)
            payment = self.record(payment, intent)
            if intent.status not in ("cancelled", "succeeded"):
                raise GatewayUnavailableError(f"{payment.intent_id} could not be cancelled")
        if payment.status == "succeeded":
            self._refund(payment)

    def record(self, payment: Payment, intent: Intent) -> Payment:
        """Record the gateway's word on a payment's intent, and return the payment as it is then.

        Other writers may be at the same payment; whoever is late looks again.
        """
        while True:
            changed = domain.after(payment, intent, self._now())
            if changed is payment:
                return payment
            if self._store.replace(changed):
                log.info("payment", order=changed.order_id, status=changed.status)
                log.metric("Payments", outcome=changed.status)
                return changed
            payment = self._existing(payment.order_id)

    def _open(self, order: Order) -> Payment:
        try:
            intent = self._begun_before(order) or self._gateway.create(order)
        except RefusedError as error:
            payment = domain.refused(order, error.code, self._now())
        else:
            payment = domain.opened(order, intent.id, self._now())
        return payment if self._store.add(payment) else self._existing(order.id)

    def _begun_before(self, order: Order) -> Intent | None:
        """Return the intent of an order that we have no record of, though we should."""
        if self._now() - order.placed_at < LATE:
            return None
        found = self._gateway.find(order.id)
        if found:
            log.warning("charge was begun before", order=order.id, intent=found.id)
        return found

    def _refund(self, payment: Payment) -> None:
        assert payment.intent_id is not None  # what succeeded had an intent
        try:
            self._gateway.refund(payment.intent_id, payment.order_id)
        except RefusedError as error:
            raise PermanentFailure(
                f"the refund of {payment.order_id} was refused: {error.code}"
            ) from None
        while payment.status == "succeeded":
            if self._store.replace(payment.moved_to("refunded", self._now())):
                return
            payment = self._existing(payment.order_id)

    def _existing(self, order_id: str) -> Payment:
        payment = self._store.get(domain.transaction_id(order_id))
        assert payment is not None  # transactions are never deleted
        return payment
