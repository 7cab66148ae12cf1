"""Orders in DynamoDB: conditional writes, two lists, one table."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chassis.records import DocumentAttribute, Record, TableMeta, bind, current_trace
from contracts.money import Money
from contracts.orders import Address, Contact, Order, OrderLine

LISTING = "order"
"""Key of the only partition of the list of all orders (docs/decisions/0007)."""


class ByCustomer(GlobalSecondaryIndex["OrderRecord"]):
    """The orders of a customer by time."""

    class Meta:
        index_name = "by_customer"
        projection = AllProjection()

    customer_id = UnicodeAttribute(hash_key=True)
    placed = UnicodeAttribute(range_key=True)


class ByTime(GlobalSecondaryIndex["OrderRecord"]):
    """All orders by time."""

    class Meta:
        index_name = "by_time"
        projection = AllProjection()

    listing = UnicodeAttribute(hash_key=True)
    placed = UnicodeAttribute(range_key=True)


class OrderRecord(Record):
    """An item of the orders table."""

    class Meta(TableMeta):
        table_name = ""

    customer_id = UnicodeAttribute()
    status = UnicodeAttribute()
    placed = UnicodeAttribute()
    listing = UnicodeAttribute(default_for_new=LISTING)
    lines: DocumentAttribute[list[OrderLine]] = DocumentAttribute(list[OrderLine])
    total: DocumentAttribute[Money] = DocumentAttribute(Money)
    shipping_address: DocumentAttribute[Address] = DocumentAttribute(Address)
    contact: DocumentAttribute[Contact] = DocumentAttribute(Contact)
    payment_method = UnicodeAttribute()
    fingerprint = UnicodeAttribute()

    by_customer = ByCustomer()
    by_time = ByTime()

    def to_order(self) -> Order:
        """Return the order in the contract's form."""
        return Order(
            id=self.id,
            customer_id=self.customer_id,
            status=self.status,  # type: ignore[arg-type]
            lines=self.lines,
            total=self.total,
            shipping_address=self.shipping_address,
            contact=self.contact,
            payment_method=self.payment_method,
            version=int(self.version),
            placed_at=self.created_at,
            updated_at=self.updated_at,
        )


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
    """

    def __init__(self, table_name: str) -> None:
        bind(OrderRecord, table_name)

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
    ) -> tuple[list[Order], dict[str, Any] | None]:
        """Return a page of orders, newest first, and the position after it.

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
        """
        options: dict[str, Any] = {
            "scan_index_forward": False,
            "limit": limit,
            "last_evaluated_key": after,
        }
        within = _placed_within(since, until)
        if customer_id is None:
            results = OrderRecord.by_time.query(LISTING, within, **options)
        else:
            results = OrderRecord.by_customer.query(customer_id, within, **options)
        orders = [record.to_order() for record in results]
        return orders, results.last_evaluated_key


def as_stored(record: OrderRecord) -> OrderRecord:
    """Return a record in the form in which the current release stores it."""
    return _record(record.to_order(), record.fingerprint)


def _record(order: Order, fingerprint: str) -> OrderRecord:
    return OrderRecord(
        id=order.id,
        customer_id=order.customer_id,
        status=order.status,
        placed=f"{_sortable(order.placed_at)}#{order.id}",
        lines=order.lines,
        total=order.total,
        shipping_address=order.shipping_address,
        contact=order.contact,
        payment_method=order.payment_method,
        fingerprint=fingerprint,
        version=order.version,
        created_at=order.placed_at,
        updated_at=order.updated_at,
    )


def _placed_within(since: datetime | None, until: datetime | None) -> Condition | None:
    placed = OrderRecord.placed
    # Only BETWEEN bounds a range key on both sides. It includes both bounds, but a time without an
    # order id sorts before each order of that time.
    if since and until:
        return placed.between(_sortable(since), _sortable(until))
    if since:
        return placed >= _sortable(since)
    return placed < _sortable(until) if until else None


def _sortable(time: datetime) -> str:
    """Return a time in the sortable form of the range key."""
    return time.astimezone(UTC).isoformat()
