"""Transactions in DynamoDB: one item per order; each write requires the previous version."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.exceptions import DoesNotExist

from chalicelib.payments.domain import Outcome, Payment, Retry, transaction_id
from chalicelib.payments.reversals import Reversals
from chassis.records import DocumentAttribute, Record, TableMeta, bind, current_trace
from contracts.money import Money
from contracts.orders import Address, Contact, OrderLine


class _Line(Struct, array_like=True, frozen=True):
    toy_id: str
    name: str
    quantity: int
    price: int


class _Document(Struct, array_like=True, frozen=True):
    """What was ordered, without names and without what follows from it.

    A transaction of an order of four lines still fits into one write unit of 1,024 bytes. A new
    member is added at the end, with a default: older records do not have it, and an older release
    ignores it.
    """

    currency: str
    amount: int
    lines: tuple[_Line, ...]
    contact: tuple[str, str]
    address: tuple[str, str, str, str, str, str, str] | None


class TransactionRecord(Record):
    """A transaction as it is stored.

    Attributes that have their default are not stored. Records of earlier releases have ``amount``,
    ``contact``, ``lines`` and ``shipping_address`` instead of ``document``.
    """

    class Meta(TableMeta):
        table_name = ""

    order_id = UnicodeAttribute()
    customer_id = UnicodeAttribute()
    status = UnicodeAttribute()
    document: DocumentAttribute[_Document] = DocumentAttribute(_Document, null=True)
    payment_method = UnicodeAttribute()
    intent_id = UnicodeAttribute(null=True)
    decline_code = UnicodeAttribute(null=True)
    client_secret = UnicodeAttribute(null=True)
    receipt_file_id = UnicodeAttribute(null=True)
    placed_at = UTCDateTimeAttribute(null=True)
    card_last4 = UnicodeAttribute(null=True)
    outcomes: DocumentAttribute[tuple[Outcome, ...]] = DocumentAttribute(
        tuple[Outcome, ...], null=True
    )
    attempt = NumberAttribute(null=True)
    erased = NumberAttribute(null=True)
    retries: DocumentAttribute[tuple[Retry, ...]] = DocumentAttribute(tuple[Retry, ...], null=True)
    reversals: DocumentAttribute[Reversals] = DocumentAttribute(Reversals, null=True)
    refund_due = BooleanAttribute(null=True)

    amount: DocumentAttribute[Money] = DocumentAttribute(Money, null=True)
    contact: DocumentAttribute[Contact] = DocumentAttribute(Contact, null=True)
    lines: DocumentAttribute[list[OrderLine]] = DocumentAttribute(list[OrderLine], null=True)
    shipping_address: DocumentAttribute[Address] = DocumentAttribute(Address, null=True)

    def to_payment(self) -> Payment:
        """Return the payment as a domain object."""
        document = self.document or _document(
            self.amount, self.lines, self.contact, self.shipping_address
        )
        email, name = document.contact
        return Payment(
            id=self.id,
            order_id=self.order_id,
            customer_id=self.customer_id,
            status=self.status,  # type: ignore[arg-type]
            amount=Money(amount=document.amount, currency=document.currency),
            contact=Contact(email=email, name=name),
            lines=[_line_of(line, document.currency) for line in document.lines],
            payment_method=self.payment_method,
            version=int(self.version),
            created_at=self.created_at,
            updated_at=self.updated_at,
            intent_id=self.intent_id,
            erased=None if self.erased is None else int(self.erased),
            decline_code=self.decline_code,
            client_secret=self.client_secret,
            receipt_file_id=self.receipt_file_id,
            placed_at=self.placed_at,
            shipping_address=_address_of(document),
            card_last4=self.card_last4,
            outcomes=self._outcomes(),
            attempt=int(self.attempt or 1),
            retries=self.retries or (),
            reversals=self.reversals or self._unrecorded_reversals(document.amount),
            refund_due=bool(self.refund_due),
        )

    def _unrecorded_reversals(self, amount: int) -> Reversals:
        """Return the reversals of a record without any; earlier releases refunded everything."""
        return Reversals(at_least=amount if self.status == "refunded" else 0)

    def _outcomes(self) -> tuple[Outcome, ...]:
        """Return the outcomes; records of earlier releases have only the last one."""
        if self.outcomes or self.status == "pending":
            return self.outcomes or ()
        return (
            Outcome(
                status=self.status,  # type: ignore[arg-type]
                version=int(self.version),
                occurred_at=self.updated_at,
                decline_code=self.decline_code,
            ),
        )


class TransactionStore:
    """Reads and writes the transactions table.

    Parameters
    ----------
    table_name
        Name of the service's own table.
    """

    def __init__(self, table_name: str) -> None:
        bind(TransactionRecord, table_name)

    def get(self, payment_id: str) -> Payment | None:
        """Return a payment with a consistent read, or ``None`` if there is no such payment."""
        try:
            return TransactionRecord.get(payment_id, consistent_read=True).to_payment()
        except DoesNotExist:
            return None

    def of_orders(self, order_ids: Sequence[str]) -> list[Payment]:
        """Return the existing payments of orders, with one read per 100 orders."""
        ids = {transaction_id(order_id) for order_id in order_ids}
        return [record.to_payment() for record in TransactionRecord.batch_get(list(ids))]

    def add(self, payment: Payment) -> bool:
        """Store a new payment; return ``False`` and store nothing if its order already has one."""
        return self._put(payment, TransactionRecord.id.does_not_exist())

    def replace(self, payment: Payment) -> bool:
        """Store the next version of a payment; return ``False`` if another writer was first."""
        return self._put(payment, TransactionRecord.version == payment.version - 1)

    def reemit(self, payment_id: str) -> bool:
        """Re-emit the events of a payment; return ``False`` if there is no such payment."""
        return TransactionRecord(id=payment_id).reemit()

    @staticmethod
    def _put(payment: Payment, condition: Any) -> bool:
        record = TransactionRecord(
            id=payment.id,
            order_id=payment.order_id,
            customer_id=payment.customer_id,
            status=payment.status,
            document=_document(
                payment.amount, payment.lines, payment.contact, payment.shipping_address
            ),
            payment_method=payment.payment_method,
            intent_id=payment.intent_id,
            decline_code=payment.decline_code,
            client_secret=payment.client_secret,
            receipt_file_id=payment.receipt_file_id,
            placed_at=payment.placed_at,
            card_last4=payment.card_last4,
            outcomes=payment.outcomes or None,
            attempt=payment.attempt if payment.attempt > 1 else None,
            retries=payment.retries or None,
            # without any, a refunded payment counts as one of an earlier release
            reversals=payment.reversals if payment.reversals != Reversals() else None,
            refund_due=payment.refund_due or None,
            version=payment.version,
            created_at=payment.created_at,
            updated_at=payment.updated_at,
            erased=payment.erased,
            # The stream's filter in delivery.yaml passes only writes with a trace to the relay.
            traceparent=current_trace() if payment.emits_event else None,
        )
        return record.put(condition)


def _document(
    amount: Money, lines: Sequence[OrderLine], contact: Contact, address: Address | None
) -> _Document:
    return _Document(
        currency=amount.currency,
        amount=amount.amount,
        lines=tuple(
            _Line(line.toy_id, line.name, line.quantity, line.unit_price.amount) for line in lines
        ),
        contact=(contact.email, contact.name),
        address=(
            address.name,
            address.line1,
            address.city,
            address.postal_code,
            address.country,
            address.line2,
            address.region,
        )
        if address
        else None,
    )


def _line_of(line: _Line, currency: str) -> OrderLine:
    return OrderLine(
        toy_id=line.toy_id,
        name=line.name,
        quantity=line.quantity,
        unit_price=Money(amount=line.price, currency=currency),
        line_total=Money(amount=line.price * line.quantity, currency=currency),
    )


def _address_of(document: _Document) -> Address | None:
    if document.address is None:
        return None
    name, line1, city, postal_code, country, line2, region = document.address
    return Address(
        name=name,
        line1=line1,
        city=city,
        postal_code=postal_code,
        country=country,
        line2=line2,
        region=region,
    )
