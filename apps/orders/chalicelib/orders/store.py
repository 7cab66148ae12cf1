"""Orders in DynamoDB: conditional writes, two lists, one table."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from msgspec import Struct
from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chassis import clock
from chassis.clock import Clock
from chassis.records import DocumentAttribute, Record, TableMeta, bind, current_trace
from contracts.money import Money
from contracts.orders import Address, Contact, Order, OrderLine

SHARDS = 8
"""Partitions per month of the list of all orders; each accepts about 1,000 writes a second. The
number must not become smaller: the orders of the removed partitions would be missing in the list
(docs/decisions/0038)."""
FIRST_MONTH = "2026-11"
"""The month of the shop's oldest orders, with which the list of all orders ends."""
MOST_READ = 400
"""Maximum number of orders to read for a page with a status filter: about 50 read units."""
_READ_AT_ONCE = 100
_CLOCK_DIFFERENCE = timedelta(days=1)
"""More than the clocks of two instances can differ."""


class _Line(Struct, array_like=True, frozen=True):
    toy_id: str
    name: str
    quantity: int
    price: int


class _Document(Struct, array_like=True, frozen=True):
    """What an order consists of, without names and without what follows from it.

    An order of five lines still fits into one write unit of 1,024 bytes. A new member is added at
    the end, with a default: older records do not have it, and an older release ignores it.
    """

    currency: str
    lines: tuple[_Line, ...]
    address: tuple[str, str, str, str, str, str, str]
    contact: tuple[str, str]
    payment_method: str


class ByCustomer(GlobalSecondaryIndex["OrderRecord"]):
    """The orders of a customer by time."""

    class Meta:
        index_name = "by_customer"
        projection = AllProjection()

    customer_id = UnicodeAttribute(hash_key=True)
    placed = UnicodeAttribute(range_key=True)


class ByMonth(GlobalSecondaryIndex["OrderRecord"]):
    """All orders by time, in ``SHARDS`` partitions per month; with what lists show."""

    class Meta:
        index_name = "by_month"
        projection = IncludeProjection(
            ["customer_id", "status", "document", "version", "created_at", "updated_at"]
        )

    month = UnicodeAttribute(hash_key=True)
    placed = UnicodeAttribute(range_key=True)


class OrderRecord(Record):
    """An item of the orders table.

    Records of earlier releases have ``lines``, ``total``, ``shipping_address``, ``contact`` and
    ``payment_method`` as well as, or instead of, ``document``.
    """

    class Meta(TableMeta):
        table_name = ""

    customer_id = UnicodeAttribute()
    status = UnicodeAttribute()
    placed = UnicodeAttribute()
    month = UnicodeAttribute(null=True)
    document: DocumentAttribute[_Document] = DocumentAttribute(_Document, null=True)
    fingerprint = UnicodeAttribute()

    lines: DocumentAttribute[list[OrderLine]] = DocumentAttribute(list[OrderLine], null=True)
    total: DocumentAttribute[Money] = DocumentAttribute(Money, null=True)
    shipping_address: DocumentAttribute[Address] = DocumentAttribute(Address, null=True)
    contact: DocumentAttribute[Contact] = DocumentAttribute(Contact, null=True)
    payment_method = UnicodeAttribute(null=True)

    by_customer = ByCustomer()
    by_month = ByMonth()

    def to_order(self) -> Order:
        """Return the order in the contract's form."""
        document = self.document or self._document_of_earlier_release()
        lines = [_line_of(line, document.currency) for line in document.lines]
        name, line1, city, postal_code, country, line2, region = document.address
        email, contact_name = document.contact
        return Order(
            id=self.id,
            customer_id=self.customer_id,
            status=self.status,  # type: ignore[arg-type]
            lines=lines,
            total=Money(
                amount=sum(line.line_total.amount for line in lines), currency=document.currency
            ),
            shipping_address=Address(
                name=name,
                line1=line1,
                city=city,
                postal_code=postal_code,
                country=country,
                line2=line2,
                region=region,
            ),
            contact=Contact(email=email, name=contact_name),
            payment_method=document.payment_method,
            version=int(self.version),
            placed_at=self.created_at,
            updated_at=self.updated_at,
        )

    def _document_of_earlier_release(self) -> _Document:
        return _document(self.lines, self.shipping_address, self.contact, self.payment_method)


@dataclass(frozen=True)
class Stored:
    """An order, and the fingerprint of the request that placed it."""

    order: Order
    fingerprint: str


class OrderStore:
    """Reads and writes the orders table.

    Parameters
    ----------
    table_name
        Name of the service's own table.
    now
        Returns the current time in UTC.
    """

    def __init__(self, table_name: str, now: Clock = clock.now) -> None:
        bind(OrderRecord, table_name)
        self._now = now

    def get(self, order_id: str) -> Stored | None:
        """Return an order with a consistent read, or ``None`` if there is no such order."""
        try:
            record = OrderRecord.get(order_id, consistent_read=True)
        except DoesNotExist:
            return None
        return Stored(record.to_order(), record.fingerprint)

    def add(self, order: Order, fingerprint: str) -> bool:
        """Store a new order; return ``False`` and store nothing if its id is taken."""
        return self._put(order, fingerprint, OrderRecord.id.does_not_exist())

    def replace(self, order: Order, fingerprint: str) -> bool:
        """Store the next version of an order; return ``False`` if another writer was first."""
        return self._put(order, fingerprint, OrderRecord.version == order.version - 1)

    @staticmethod
    def _put(order: Order, fingerprint: str, condition: Any) -> bool:
        record = _record(order, fingerprint)
        record.traceparent = current_trace()
        return record.put(condition)

    def reemit(self, order_id: str) -> bool:
        """Re-emit the event of an order; return ``False`` if there is no such order."""
        return OrderRecord(id=order_id).reemit()

    def page(
        self,
        customer_id: str | None,
        limit: int,
        after: dict[str, Any] | None,
        since: datetime | None = None,
        until: datetime | None = None,
        status: str | None = None,
    ) -> tuple[list[Order], dict[str, Any] | None]:
        """Return a page of orders, newest first, and the position after it.

        With a status filter, a page ends at the latest after reading ``MOST_READ`` orders.

        Parameters
        ----------
        customer_id
            Customer whose orders are listed; ``None`` for all customers.
        limit
            Most orders on the page.
        after
            Position after the previous page; ``None`` for the first page.
        since, until
            Bounds of the time at which the orders were placed, in UTC; ``until`` is excluded.
        status
            Status of the orders to list; ``None`` for all.
        """
        # one more than the page shows, to find out whether another page follows
        at_once = limit + 1 if status is None else max(limit + 1, _READ_AT_ONCE)
        before = after["placed"]["S"] if after else None
        within = _placed_within(since, until, before)
        if customer_id is None:
            records = self._of_all(within, at_once, since, until, before)
        else:
            records = OrderRecord.by_customer.query(
                customer_id, within, scan_index_forward=False, page_size=at_once
            )
        page: list[Order] = []
        last: OrderRecord | None = None
        for read, record in enumerate(one for one in records if one.placed != before):
            if last and (len(page) == limit or (status and read == MOST_READ)):
                return page, _position(last, customer_id)
            if status in (None, record.status):
                page.append(record.to_order())
            last = record
        return page, None

    def _of_all(
        self,
        within: Condition | None,
        at_once: int,
        since: datetime | None,
        until: datetime | None,
        before: str | None,
    ) -> Iterator[OrderRecord]:
        """Yield the orders of all customers, newest first: month by month, merged from shards."""
        month = _month_of(self._now() + _CLOCK_DIFFERENCE)
        if until:
            month = min(month, _month_of(until))
        if before:
            month = min(month, before[:7])
        first = max(FIRST_MONTH, _month_of(since)) if since else FIRST_MONTH
        while month >= first:
            yield from heapq.merge(
                *(
                    OrderRecord.by_month.query(
                        f"{month}#{shard}",
                        within,
                        scan_index_forward=False,
                        # Orders are spread evenly; a shard with more than its share is read on.
                        page_size=at_once // SHARDS + 2,
                    )
                    for shard in range(SHARDS)
                ),
                key=lambda record: record.placed,
                reverse=True,
            )
            month = _month_before(month)


def as_stored(record: OrderRecord) -> OrderRecord:
    """Return a record in the form in which the current release stores it."""
    return _record(record.to_order(), record.fingerprint)


def _record(order: Order, fingerprint: str) -> OrderRecord:
    return OrderRecord(
        id=order.id,
        customer_id=order.customer_id,
        status=order.status,
        placed=f"{_sortable(order.placed_at)}#{order.id}",
        month=f"{_month_of(order.placed_at)}#{crc32(order.id.encode()) % SHARDS}",
        document=_document(
            order.lines, order.shipping_address, order.contact, order.payment_method
        ),
        fingerprint=fingerprint,
        version=order.version,
        created_at=order.placed_at,
        updated_at=order.updated_at,
    )


def _document(
    lines: Sequence[OrderLine], address: Address, contact: Contact, payment_method: str
) -> _Document:
    return _Document(
        currency=lines[0].unit_price.currency,
        lines=tuple(
            _Line(line.toy_id, line.name, line.quantity, line.unit_price.amount) for line in lines
        ),
        address=(
            address.name,
            address.line1,
            address.city,
            address.postal_code,
            address.country,
            address.line2,
            address.region,
        ),
        contact=(contact.email, contact.name),
        payment_method=payment_method,
    )


def _line_of(line: _Line, currency: str) -> OrderLine:
    return OrderLine(
        toy_id=line.toy_id,
        name=line.name,
        quantity=line.quantity,
        unit_price=Money(amount=line.price, currency=currency),
        line_total=Money(amount=line.price * line.quantity, currency=currency),
    )


def _position(record: OrderRecord, customer_id: str | None) -> dict[str, Any]:
    """Return the position after an order in a list, in the form of an index's last key.

    Clients hold cursors of earlier releases in this form, of which only ``placed`` matters.
    """
    list_of = {"listing": "order"} if customer_id is None else {"customer_id": customer_id}
    keys = {"id": record.id, **list_of, "placed": record.placed}
    return {name: {"S": value} for name, value in keys.items()}


def _placed_within(
    since: datetime | None, until: datetime | None, before: str | None
) -> Condition | None:
    """Return the condition of a list's bounds and of its position, which an order may equal."""
    placed = OrderRecord.placed
    # A time without an order id sorts before each order of that time.
    end = min((bound for bound in (until and _sortable(until), before) if bound), default=None)
    # Only BETWEEN bounds a range key on both sides; it includes both bounds.
    if since and end:
        return placed.between(_sortable(since), end)
    if since:
        return placed >= _sortable(since)
    return placed < end if end else None


def _sortable(time: datetime) -> str:
    """Return a time in the sortable form of the range key."""
    return time.astimezone(UTC).isoformat()


def _month_of(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m")


def _month_before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year}-{number - 1:02}" if number > 1 else f"{year - 1}-12"
