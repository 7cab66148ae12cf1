"""Paying again: the customer sends another payment method for an order that is not paid."""

from chalicelib.payments import domain
from chalicelib.payments.domain import (
    ForbiddenTransitionError,
    KeyReusedError,
    Payment,
    TooManyAttemptsError,
    TooOldError,
)
from chalicelib.payments.store import TransactionStore
from chalicelib.payments.transactions import to_transaction
from chassis import clock, log
from chassis.clock import Clock
from chassis.contention import Attempts
from chassis.problems import Conflict, Unprocessable
from contracts.payments import PaymentRetry, Transaction

_REFUSALS = {
    "pending": "Your payment is still being processed. Wait for its result.",
    "succeeded": "This order is paid already.",
    "declined": "This order can't be paid any more. Please place a new one.",
    "refunded": "This order was refunded. Please place a new one.",
    "cancelled": "The payment of this order was cancelled. Please place a new order.",
}


class Retrying:
    """Begins another attempt to pay; the event of that change charges the payment method.

    Parameters
    ----------
    store
        Reads and writes the transactions.
    now
        Returns the current time in UTC.
    """

    def __init__(self, store: TransactionStore, now: Clock = clock.now) -> None:
        self._store = store
        self._now = now

    def retry(self, request: PaymentRetry) -> Transaction:
        """Begin another attempt to pay an order, once per idempotency key.

        Raises
        ------
        Conflict
            If the order is cancelled or too old, its payment is neither declined nor waiting for an
            action, or there were too many attempts.
        ServiceUnavailable
            If other writers were faster in every attempt to record it.
        Unprocessable
            If the key was used for another request.
        """
        payment_id = domain.transaction_id(request.order_id)
        attempts = Attempts(payment_id)
        while True:
            attempts.begin()
            payment = self._store.get(payment_id)
            if payment is None:
                raise Conflict(_REFUSALS["pending"])
            changed = self._next(payment, request)
            if changed is payment:
                return to_transaction(payment)
            if self._store.replace(changed):
                log.info("payment retried", order_id=changed.order_id, attempt=changed.attempt)
                log.metric("toyshop.payments.retried")
                return to_transaction(changed)

    def _next(self, payment: Payment, request: PaymentRetry) -> Payment:
        """Return the payment with its next attempt; the same payment if the request is repeated."""
        try:
            if payment.is_repeated(request.idempotency_key, request.fingerprint):
                return payment
            if request.order_status == "cancelled":
                raise Conflict(_REFUSALS["cancelled"])
            return payment.retried(
                request.payment_method,
                request.idempotency_key,
                request.fingerprint,
                self._now(),
            )
        except KeyReusedError:
            raise Unprocessable(
                "This Idempotency-Key was used for another request. Use a new key to pay again."
            ) from None
        except ForbiddenTransitionError:
            raise Conflict(_REFUSALS[payment.status]) from None
        except TooOldError:
            raise Conflict(_REFUSALS["declined"]) from None
        except TooManyAttemptsError:
            raise Conflict(
                "Too many payment methods were tried for this order. Please place a new one."
            ) from None
