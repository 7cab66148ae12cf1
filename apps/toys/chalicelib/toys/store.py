"""Toys in DynamoDB: conditional writes, each together with its entry in the change log."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.transactions import TransactWrite

from chalicelib.toys.change_log import ChangeLog, LogRecord
from chassis.records import (
    DocumentAttribute,
    Item,
    Record,
    TableMeta,
    bind,
    bind_to_table_of,
    current_trace,
    read_items,
)
from contracts.money import Money
from contracts.toys import Toy, ToyImage


class ToyRecord(Record):
    """A toy's item of the table.

    ``sequence`` is the number of its last write in the change log. A release without the log
    stores toys without it.
    """

    class Meta(TableMeta):
        table_name = ""

    sequence = NumberAttribute(null=True)
    name = UnicodeAttribute()
    description = UnicodeAttribute()
    category = UnicodeAttribute()
    brand = UnicodeAttribute()
    price: DocumentAttribute[Money] = DocumentAttribute(Money)
    min_age = NumberAttribute()
    attributes: DocumentAttribute[dict[str, str]] = DocumentAttribute(dict[str, str])
    images: DocumentAttribute[list[ToyImage]] = DocumentAttribute(list[ToyImage])
    seen_files: DocumentAttribute[list[str]] = DocumentAttribute(list[str])

    def to_toy(self) -> Toy:
        """Return the toy in the contract's form."""
        return Toy(
            id=self.id,
            name=self.name,
            description=self.description,
            category=self.category,
            brand=self.brand,
            price=self.price,
            min_age=int(self.min_age),
            attributes=self.attributes,
            images=self.images,
            version=int(self.version),
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


class Stored(msgspec.Struct, frozen=True):
    """A toy, and the ids of all files that were ever added to it, which are never added again."""

    toy: Toy
    seen_files: list[str] = []


class ToyStore:
    """Reads and writes the toys table.

    Parameters
    ----------
    table_name
        Name of the service's own table.
    log
        The change log, which is in the same table.
    """

    def __init__(self, table_name: str, log: ChangeLog) -> None:
        bind(ToyRecord, table_name)
        bind_to_table_of(LogRecord, ToyRecord)
        self._log = log

    def get(self, toy_id: str) -> Stored | None:
        """Return a toy with a consistent read, or ``None`` if there is no such toy."""
        record = _get(toy_id)
        return Stored(record.to_toy(), record.seen_files) if record else None

    def get_many(self, ids: Sequence[str]) -> list[Toy]:
        """Return the existing toys in the order of their ids, with one read per 100 ids."""
        found = {toy.id: toy for toy in map(_toy_of, read_items(ToyRecord, ids))}
        return [found[toy_id] for toy_id in dict.fromkeys(ids) if toy_id in found]

    def all(self) -> Iterator[Toy]:
        """Yield every toy of the table, with consistent reads."""
        # items, not models, as in `read_items`
        table = ToyRecord._get_connection()
        after: Any = None
        while True:
            answer = table.scan(
                filter_condition=ToyRecord.name.exists(),
                consistent_read=True,
                exclusive_start_key=after,
            )
            for item in answer["Items"]:
                yield _toy_of(item)
            after = answer.get("LastEvaluatedKey")
            if not after:
                return

    def add(self, toy: Toy) -> None:
        """Store a new toy."""
        # The id is new, so if it exists, this call has stored it and the response was lost.
        self._put(Stored(toy), ToyRecord.id.does_not_exist())

    def replace(self, stored: Stored) -> bool:
        """Store the next version of a toy; return ``False`` if another writer was first."""
        return self._put(stored, ToyRecord.version == stored.toy.version - 1)

    def delete(self, toy: Toy) -> bool:
        """Delete a version of a toy; return ``False`` if another writer was first."""

        def delete(transaction: TransactWrite, _: int) -> None:
            transaction.delete(ToyRecord(id=toy.id), condition=ToyRecord.version == toy.version)

        return self._log.write(toy.id, delete)

    def log_if_bypassed(self, toy_id: str) -> bool:
        """Add the last write of a toy to the log, unless it is there; return whether it was added.

        Each entry means that the toy may have changed, so it does no harm to add one twice. That
        happens to deletions, of which no trace is left that tells who made them.
        """
        record = _get(toy_id)
        if record is not None and record.sequence is not None:
            return False
        return self._log.write(toy_id)

    def _put(self, stored: Stored, condition: Any) -> bool:
        def put(transaction: TransactWrite, sequence: int) -> None:
            transaction.save(_record_of(stored, sequence), condition=condition)

        return self._log.write(stored.toy.id, put)


def _get(toy_id: str) -> ToyRecord | None:
    try:
        return ToyRecord.get(toy_id, consistent_read=True)
    except DoesNotExist:
        return None


def _record_of(stored: Stored, sequence: int) -> ToyRecord:
    toy = stored.toy
    return ToyRecord(
        id=toy.id,
        sequence=sequence,
        name=toy.name,
        description=toy.description,
        category=toy.category,
        brand=toy.brand,
        price=toy.price,
        min_age=toy.min_age,
        attributes=toy.attributes,
        images=toy.images,
        seen_files=stored.seen_files,
        version=toy.version,
        created_at=toy.created_at,
        updated_at=toy.updated_at,
        traceparent=current_trace(),
    )


def _toy_of(item: Item) -> Toy:
    """Return the toy of an item, ten times as fast as PynamoDB does."""
    return Toy(
        id=item["id"]["S"],
        name=item["name"]["S"],
        description=item["description"]["S"],
        category=item["category"]["S"],
        brand=item["brand"]["S"],
        price=msgspec.json.decode(item["price"]["S"], type=Money),
        min_age=int(item["min_age"]["N"]),
        attributes=msgspec.json.decode(item["attributes"]["S"], type=dict[str, str]),
        images=msgspec.json.decode(item["images"]["S"], type=list[ToyImage]),
        version=int(item["version"]["N"]),
        created_at=datetime.fromisoformat(item["created_at"]["S"]),
        updated_at=datetime.fromisoformat(item["updated_at"]["S"]),
    )
