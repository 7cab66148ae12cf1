"""Erasure of a customer's data: transactions lose contact and address, receipts name nobody."""

from chalicelib.payments import domain
from chalicelib.payments.domain import Payment
from chalicelib.payments.events import outcome_of
from chalicelib.payments.fulfillment import ReceiptRenderer, receipt_filename
from chalicelib.payments.store import TransactionStore
from chassis import clock
from chassis.clock import Clock
from chassis.contention import Attempts
from chassis.problems import Conflict, NotFound
from contracts.payments import (
    PseudonymizedReceipt,
    TransactionErasure,
    TransactionErasureAnswer,
)


class Erasing:
    """Erases the customer's data of transactions.

    No outcome changes, so no event is emitted and nothing is emailed.

    Parameters
    ----------
    store
        Reads and writes the transactions.
    render_receipt
        Renders the receipt of a payment.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self, store: TransactionStore, render_receipt: ReceiptRenderer, now: Clock = clock.now
    ) -> None:
        self._store = store
        self._render_receipt = render_receipt
        self._now = now

    def erase(self, request: TransactionErasure) -> TransactionErasureAnswer:
        """Erase the customer's data of transactions, and return the receipts without them.

        Raises
        ------
        NotFound
            If an order has no transaction.
        Conflict
            If a payment is not finished.
        ServiceUnavailable
            If other writers were faster in every attempt.
        """
        answer = TransactionErasureAnswer(erased=[], receipts=[])
        for order_id in dict.fromkeys(request.order_ids):
            payment, changed = self._without_customer(order_id)
            if changed:
                answer.erased.append(order_id)
            answer.receipts.extend(self._receipts(payment))
        return answer

    def _without_customer(self, order_id: str) -> tuple[Payment, bool]:
        attempts = Attempts(order_id)
        while True:
            attempts.begin()
            payment = self._store.get(domain.transaction_id(order_id))
            if payment is None:
                raise NotFound(f"The order {order_id} has no transaction.")
            try:
                erased = payment.without_customer(self._now())
            except domain.UnfinishedError:
                raise Conflict(f"The payment of {order_id} is not finished.") from None
            if erased is payment:
                return payment, False
            if self._store.replace(erased):
                return erased, True

    def _receipts(self, payment: Payment) -> list[PseudonymizedReceipt]:
        """Return the receipt of a payment, if it has succeeded once."""
        paid = (
            outcome
            for outcome in payment.outcomes
            if outcome.status == "succeeded" and outcome.change is None
        )
        return [
            PseudonymizedReceipt(
                file_id=domain.receipt_id(payment.order_id),
                order_id=payment.order_id,
                filename=receipt_filename(payment.order_id),
                content=self._render_receipt(outcome_of(payment, outcome)),
            )
            for outcome in list(paid)[:1]
        ]
