"""Finds transactions and the orders that they have recorded, and re-emits their events."""

from chalicelib.payments.domain import Payment, transaction_id
from chalicelib.payments.store import TransactionStore
from chassis.problems import NotFound
from contracts.money import Money
from contracts.payments import (
    RecordedOrder,
    Transaction,
    TransactionLookup,
    TransactionLookupAnswer,
)


class Transactions:
    """Finds transactions and the orders that they have recorded, and re-emits their events.

    Parameters
    ----------
    store
        Reads and writes the transactions.
    """

    def __init__(self, store: TransactionStore) -> None:
        self._store = store

    def look_up(self, request: TransactionLookup) -> TransactionLookupAnswer:
        """Return the existing transactions of orders."""
        payments = self._store.of_orders(request.order_ids)
        return TransactionLookupAnswer(items=[to_transaction(payment) for payment in payments])

    def recorded_order(self, order_id: str) -> RecordedOrder:
        """Return an order as its transaction has recorded it.

        Raises
        ------
        NotFound
            If the order has no transaction, or one of the first release, which has no address.
        """
        payment = self._store.get(transaction_id(order_id))
        if payment is None:
            raise NotFound("The order has no transaction.")
        if payment.shipping_address is None:
            raise NotFound("The order's transaction has no shipping address.")
        return RecordedOrder(
            order_id=order_id,
            customer_id=payment.customer_id,
            contact=payment.contact,
            lines=payment.lines,
            shipping_address=payment.shipping_address,
            payment_method=payment.payment_method,
            placed_at=payment.placed_at or payment.created_at,
            cancelled_at=payment.cancelled_at,
        )

    def reemit(self, payment_id: str) -> None:
        """Re-emit the events of a transaction's outcomes.

        Raises
        ------
        NotFound
            If there is no such transaction.
        """
        if not self._store.reemit(payment_id):
            raise NotFound("There is no such transaction.")


def to_transaction(payment: Payment) -> Transaction:
    """Return a payment as the contract's type."""
    return Transaction(
        id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        status=payment.status,
        amount=payment.amount,
        version=payment.version,
        created_at=payment.created_at,
        updated_at=payment.updated_at,
        decline_code=payment.decline_code,
        client_secret=payment.client_secret,
        receipt_file_id=payment.receipt_file_id,
        refunded_amount=payment.refunded_amount,
        refund_failed=payment.reversals.refund_failed,
        dispute=payment.reversals.dispute,
        withdrawn_amount=Money(
            amount=payment.reversals.withdrawn(payment.amount.currency),
            currency=payment.amount.currency,
        ),
        erased=payment.is_erased,
    )
