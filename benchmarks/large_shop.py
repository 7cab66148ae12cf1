"""Fills a stopped local shop with toys and paid orders, as the services and the gateway store them.

The records are made by the services' own stores and domain functions. They are added to the saved
state of the embedded AWS and to the journal of the payment gateway, so that no event is emitted:
their events would keep a laptop busy for hours.
"""

import hashlib
import json
import os
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    *(str(path) for path in sorted((ROOT / "apps").iterdir())),
    *(str(ROOT / path) for path in ("libs/contracts/src", "libs/chassis/src", "tools")),
]

import search  # noqa: E402

from chalicelib.file_manager import domain as files_domain  # noqa: E402
from chalicelib.file_manager.store import FileStore  # noqa: E402
from chalicelib.notifications import domain as messages_domain  # noqa: E402
from chalicelib.notifications.store import MessageStore  # noqa: E402
from chalicelib.orders import domain as orders_domain  # noqa: E402
from chalicelib.orders.store import FIRST_MONTH, OrderStore  # noqa: E402
from chalicelib.payments import domain as payments_domain  # noqa: E402
from chalicelib.payments.store import TransactionStore  # noqa: E402
from chalicelib.toys.change_log import ChangeLog, LogRecord, Write  # noqa: E402
from chalicelib.toys.store import ToyStore  # noqa: E402
from chassis.ids import derived_id  # noqa: E402
from chassis.records import Record  # noqa: E402
from contracts.files import NewDocument  # noqa: E402
from contracts.money import Money, NewMoney  # noqa: E402
from contracts.notifications import MessageText, NewMessage, OrderMail  # noqa: E402
from contracts.orders import NewAddress, NewContact, Order, PlaceOrder, PricedLine  # noqa: E402
from contracts.toys import Toy  # noqa: E402
from gateway_simulator import intents  # noqa: E402
from gateway_simulator.forms import Params  # noqa: E402
from gateway_simulator.store import Store  # noqa: E402

Item = dict[str, dict[str, Any]]

CURRENCY = "AUD"
RECENT = timedelta(hours=6)
"""Recent orders were placed within this time."""
SETTLED = timedelta(minutes=15)
"""No order was placed later than this before the shop was filled."""
RECEIPT_BYTES = 30_000
_TABLE = "toyshop-local-{}"
_NO_SORT_KEY = "__no_sort__"
_CHUNK = 2_000
_RECEIPT = b"%PDF-"
_RECEIVED = "Thank you for your order! We have received your payment. The receipt is attached."
_LEASE = timedelta(minutes=1)


@dataclass(frozen=True)
class Size:
    """How much a shop holds.

    Attributes
    ----------
    recent
        How many of the orders were placed within ``RECENT``.
    own
        How many of the other orders are of the customer whose list is read.
    """

    toys: int
    orders: int
    recent: int = 200
    own: int = 60


class Collector:
    """Collects the items that stores write, instead of sending them to DynamoDB."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        tables = {name: _TABLE.format(name) for name in ("toys", "orders", "payments")}
        self._log = _NumberedLog(self)
        self.toys = ToyStore(tables["toys"], self._log)
        self.orders = OrderStore(tables["orders"])
        self.transactions = TransactionStore(tables["payments"])
        self.files = FileStore(_TABLE.format("file-manager"))
        self.messages = MessageStore(_TABLE.format("notifications"))

    def save(self, record: Any, condition: Any) -> None:  # noqa: ARG002 (as PynamoDB's)
        """Collect a record; the name and the arguments are those of a PynamoDB transaction."""
        self.items.append(record.to_dynamodb_dict())

    def taken(self) -> Item:
        """Return the only item that was collected since the last call."""
        (item,) = self.items
        self.items.clear()
        return item

    def end_of_log(self) -> Item:
        """Return the end of the toys' change log. Its entries count as expired."""
        return LogRecord("changes", sequence=self._log.number).to_dynamodb_dict()


class _NumberedLog(ChangeLog):
    """Numbers the writes of toys as the change log does."""

    def __init__(self, collector: Collector) -> None:
        super().__init__()
        self._collector = collector
        self.number = 0

    def write(self, toy_id: str, write: Write | None = None) -> bool:  # noqa: ARG002
        self.number += 1
        assert write is not None
        write(self._collector, self.number)  # type: ignore[arg-type]
        return True


def toys_of(size: Size, now: datetime) -> Iterator[Toy]:
    """Yield toys with the texts of ``benchmarks/search.py``, each older than the recent orders."""
    for number, (toy_id, document) in enumerate(search.catalogue(size.toys)):
        at = now - timedelta(days=90) + timedelta(seconds=number)
        yield Toy(
            id=toy_id,
            name=document.name,
            description=document.description,
            category=document.category,
            brand=document.brand,
            price=Money(amount=document.amount, currency=CURRENCY),
            min_age=document.min_age,
            attributes=document.attributes,
            images=[],
            version=1,
            created_at=at,
            updated_at=at,
        )


@dataclass(frozen=True)
class Period:
    """When the orders of a shop were placed, and by whom.

    Attributes
    ----------
    customer
        Id of the customer whose own orders are among the older ones.
    now
        When the shop is filled, in UTC.
    """

    size: Size
    customer: str
    now: datetime

    def orders(self, numbers: range) -> Iterator[Order]:
        """Yield the orders with some numbers, oldest first.

        The newest orders are the same in a shop of any size, but for the times of the older ones.
        """
        size, older = self.size, self.size.orders - self.size.recent
        start_of_list = datetime.fromisoformat(f"{FIRST_MONTH}-01T00:00:00+00:00")
        first = max(start_of_list, self.now - timedelta(days=28))
        last = self.now - RECENT - SETTLED
        own = {number * older // size.own for number in range(size.own)}
        for number in numbers:
            newer = size.orders - number - 1
            chance = random.Random(newer)
            if number < older:
                at = first + (last - first) * number / older
            else:
                at = self.now - RECENT + (RECENT - SETTLED) * (number - older) / size.recent
            other = derived_id("cus", str(chance.randrange(5_000)))
            yield _order(self.customer if number in own else other, newer, at, chance)


def _order(customer: str, number: int, at: datetime, chance: random.Random) -> Order:
    lines = [
        PricedLine(
            toy_id=derived_id("toy", str(chance.randrange(100_000))),
            name=f"Wooden Railway Set {chance.randrange(1_000)}",
            quantity=chance.randint(1, 3),
            unit_price=NewMoney(amount=chance.randint(500, 20_000), currency=CURRENCY),
        )
        for _ in range(chance.choice((1, 1, 2, 3)))
    ]
    request = PlaceOrder(
        customer_id=customer,
        idempotency_key=f"growth-{number}",
        fingerprint=hashlib.sha256(f"{number}".encode()).hexdigest(),
        contact=NewContact(email="alice@example.com", name="Alice Archer"),
        lines=lines,
        shipping_address=NewAddress(
            name="Alice Archer", line1="1 Toy Street", city="Sydney", postal_code="2000",
            country="AU",
        ),
        payment_method="pm_card_visa",
    )  # fmt: skip
    return orders_domain.place(derived_id("ord", customer, request.idempotency_key), request, at)


def records_of(order: Order, intent_id: str, collector: Collector) -> Iterator[tuple[str, Item]]:
    """Yield the items of a paid and emailed order, each with its service."""
    paid_at = order.placed_at + timedelta(seconds=1)
    intent = payments_domain.Intent(id=intent_id, status="succeeded", card_last4="4242")
    payment = payments_domain.opened(order, intent_id, order.placed_at)
    payment = payments_domain.apply_intent(payment, intent, paid_at)
    receipt_id = payments_domain.receipt_id(order.id)
    document = NewDocument(
        subject=order.id,
        content_type="application/pdf",
        filename=f"receipt-{order.id}.pdf",
        content=_RECEIPT,
    )
    mail = NewMessage(
        to=order.contact.email,
        name=order.contact.name,
        template="payment_succeeded",
        order=OrderMail(order_id=order.id, total=order.total, lines=order.lines),
    )
    message_id = payments_domain.message_id(order.id, "payment_succeeded")
    attempt = messages_domain.first_attempt(message_id, mail, _LEASE, paid_at)
    collector.orders.add(order, hashlib.sha256(order.id.encode()).hexdigest())
    yield "orders", collector.taken()
    collector.transactions.add(payment.with_receipt(receipt_id, paid_at))
    yield "payments", collector.taken()
    file = files_domain.new_document(receipt_id, document, RECEIPT_BYTES, paid_at)
    collector.files.add(file, hashlib.sha256(_RECEIPT).hexdigest(), document.filename)
    yield "file-manager", collector.taken()
    # about as long as an email; composing each takes too long
    text = MessageText(
        subject=f"Thank you! Your order {order.id} is paid",
        text=f"Hello {order.contact.name},\n\n{_RECEIVED}\n\nYour order {order.id}\n",
    )
    collector.messages.add(messages_domain.mark_sent(attempt, text, paid_at))
    yield "notifications", collector.taken()


class PastGateway(Store):
    """Collects what the payment gateway stores at a time in the past.

    Attributes
    ----------
    time
        The time of what is written.
    written
        The rows by table and id.
    """

    def __init__(self) -> None:
        self.time = datetime.fromtimestamp(0, UTC)
        self.written: dict[str, dict[str, Any]] = {}

    def now(self) -> int:
        """Return the time in seconds since 1970."""
        return int(self.time.timestamp())

    def rows(self, table: str) -> dict[str, Any]:
        """Return the rows of a table by id."""
        return self.written.setdefault(table, {})

    def write(self, rows: dict[str, dict[str, Any]]) -> None:
        """Collect rows."""
        for table, changed in rows.items():
            self.rows(table).update(changed)


class SavedTables:
    """The tables in the saved state of a stopped embedded AWS.

    Parameters
    ----------
    home
        Directory of the shop's files.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "aws/state/dynamodb.json"
        self._state = json.loads(self._path.read_text())
        tables = self._state["payload"]["tables"]["data"]
        self._tables = {key.split("\0")[2].strip("'"): table for key, table in tables.items()}

    def put(self, service: str, item: Item) -> None:
        """Put an item into a service's table."""
        table = self._tables[_TABLE.format(service)]
        table["items"][item["id"]["S"]] = {_NO_SORT_KEY: item}
        table["ItemCount"] = len(table["items"])

    def save(self) -> None:
        """Write the state."""
        # the previous snapshot may share the file
        self._path.unlink()
        self._path.write_text(json.dumps(self._state))
        manifest = self._path.with_name("manifest.json")
        snapshot = json.loads(manifest.read_text())
        del snapshot["files"][self._path.name]
        manifest.write_text(json.dumps(snapshot))


def fill(home: Path, size: Size, customer: str, now: datetime) -> None:
    """Add toys and orders to a stopped shop, with all that belongs to a paid order.

    Receipts are records without files.

    Parameters
    ----------
    home
        Directory of the shop's files.
    customer
        Id of the customer whose list of orders is read.
    now
        The present time in UTC.
    """
    period = Period(size, customer, now)
    numbers = range(size.orders)
    chunks = [numbers[start : start + _CHUNK] for start in numbers[::_CHUNK]]
    tables, gateway = SavedTables(home), Store(home / "gateway")
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        toys = pool.submit(toy_items, size, period.now)
        for items, rows in pool.map(order_items, repeat(period), chunks):
            for service, item in items:
                tables.put(service, item)
            gateway.write(rows)
        for item in toys.result():
            tables.put("toys", item)
    gateway.close()
    tables.save()


def toy_items(size: Size, now: datetime) -> list[Item]:
    """Return the items of the toys and of the end of their change log."""
    collector = Collector()
    items = []
    for toy in toys_of(size, now):
        collector.toys.add(toy)
        items.append(collector.taken())
    return [*items, collector.end_of_log()]


def order_items(period: Period, numbers: range) -> tuple[list[tuple[str, Item]], dict[str, Any]]:
    """Return what the services and the gateway store of some orders."""
    collector, gateway = Collector(), PastGateway()
    items = []

    def keep(record: Record, condition: Any) -> bool:
        collector.save(record, condition)
        return True

    with mock.patch.object(Record, "put", keep):
        for order in period.orders(numbers):
            gateway.time = order.placed_at
            work = gateway.begin()
            items += records_of(order, _charged(work, order), collector)
            work.commit()
    return items, gateway.written


def _charged(work: Any, order: Order) -> str:
    """Charge an order at the gateway as ``payments`` does, and return the intent's id."""
    form: Any = {
        "amount": str(order.total.amount),
        "currency": order.total.currency.lower(),
        "metadata": {"order_id": order.id},
        "automatic_payment_methods": {"enabled": "true", "allow_redirects": "never"},
    }
    intent_id: str = intents.create(work, Params(form), f"{order.id}:intent").body["id"]
    confirmation: Any = {"payment_method": order.payment_method}
    intents.confirm(work, intent_id, Params(confirmation), f"{order.id}:confirm")
    return intent_id
