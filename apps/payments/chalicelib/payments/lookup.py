"""Reading transactions, and having them told of again."""

from chalicelib.payments.domain import Payment
from chalicelib.payments.store import TransactionStore
from chassis.problems import NotFound
from contracts.payments import Transaction, TransactionLookup, TransactionLookupAnswer


class Lookup:
    """Answers what was charged.

    Parameters
    ----------
    store
        The transactions.
    """

    def __init__(self, store: TransactionStore) -> None:
        self._store = store

    def get(self, transaction_id: str) -> Transaction:
        """Return one transaction.

        Raises
        ------
        NotFound
            If there is no such transaction.
        """
        payment = self._store.get(transaction_id)
        if payment is None:
            raise NotFound("There is no such transaction.")
        return answer_of(payment)

    def of_orders(self, lookup: TransactionLookup) -> TransactionLookupAnswer:
        """Return the transactions that exist for some orders."""
        payments = self._store.of_orders(lookup.order_ids)
        return TransactionLookupAnswer(items=[answer_of(payment) for payment in payments])

    def reemit(self, transaction_id: str) -> None:
        """Have the events of a transaction's outcomes told again.

        Raises
        ------
        NotFound
            If there is no such transaction.
        """
        if not self._store.reemit(transaction_id):
            raise NotFound("There is no such transaction.")


def answer_of(payment: Payment) -> Transaction:
    """Return a payment as the contract says it."""
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
    )
