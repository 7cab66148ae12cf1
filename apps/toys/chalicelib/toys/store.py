"""Toys in DynamoDB: conditional writes, and an index of compact entries for the search."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.toys.search import entry_of
from chassis.records import DocumentAttribute, Record, TableMeta, bind, current_trace
from contracts.money import Money
from contracts.toys import Toy, ToyImage

LISTING = "toy"
"""Key of the only partition of the search index."""


class ByListing(GlobalSecondaryIndex["ToyRecord"]):
    """The search index's entry of each toy."""

    class Meta:
        index_name = "by_listing"
        projection = IncludeProjection(["entry"])

    listing = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    entry = UnicodeAttribute()


class ToyRecord(Record):
    """An item of the toys table."""

    class Meta(TableMeta):
        table_name = ""

    listing = UnicodeAttribute(default_for_new=LISTING)
    entry = UnicodeAttribute()
    name = UnicodeAttribute()
    description = UnicodeAttribute()
    category = UnicodeAttribute()
    brand = UnicodeAttribute()
    price: DocumentAttribute[Money] = DocumentAttribute(Money)
    min_age = NumberAttribute()
    attributes: DocumentAttribute[dict[str, str]] = DocumentAttribute(dict[str, str])
    images: DocumentAttribute[list[ToyImage]] = DocumentAttribute(list[ToyImage])
    seen_files: DocumentAttribute[list[str]] = DocumentAttribute(list[str])

    by_listing = ByListing()

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


@dataclass(frozen=True)
class Stored:
    """A toy, and the ids of all files that were ever added to it, which are never added again."""

    toy: Toy
    seen_files: list[str] = field(default_factory=list)


class ToyStore:
    """Reads and writes the toys table.

    Parameters
    ----------
    table_name
        Name of the service's own table.
    """

    def __init__(self, table_name: str) -> None:
        bind(ToyRecord, table_name)

    def get(self, toy_id: str) -> Stored | None:
        """Return a toy with a consistent read, or ``None`` if there is no such toy."""
        try:
            record = ToyRecord.get(toy_id, consistent_read=True)
        except DoesNotExist:
            return None
        return Stored(record.to_toy(), record.seen_files)

    def get_many(self, ids: Sequence[str]) -> list[Toy]:
        """Return the existing toys of up to 100 ids, in the order of the ids, with one read."""
        found = {
            record.id: record.to_toy()
            for record in ToyRecord.batch_get(list(dict.fromkeys(ids)), consistent_read=True)
        }
        return [found[toy_id] for toy_id in dict.fromkeys(ids) if toy_id in found]

    def listing(self) -> Iterator[str]:
        """Yield the search index's entry of each toy."""
        # Raw items: creating a model of each would take longer than the search itself.
        table = ToyRecord._get_connection()
        after: dict[str, Any] | None = None
        while True:
            answer = table.query(LISTING, index_name="by_listing", exclusive_start_key=after)
            for item in answer["Items"]:
                yield item["entry"]["S"]
            after = answer.get("LastEvaluatedKey")
            if not after:
                return

    def add(self, toy: Toy) -> None:
        """Store a new toy."""
        # The id is new, so if it exists, this call has stored it and the response was lost.
        _put(Stored(toy), ToyRecord.id.does_not_exist())

    def replace(self, stored: Stored) -> bool:
        """Store the next version of a toy; return ``False`` if another writer was first."""
        return _put(stored, ToyRecord.version == stored.toy.version - 1)

    def delete(self, toy: Toy) -> bool:
        """Delete a version of a toy; return ``False`` if another writer was first."""
        return ToyRecord(id=toy.id).remove(ToyRecord.version == toy.version)


def _put(stored: Stored, condition: Any) -> bool:
    toy = stored.toy
    record = ToyRecord(
        id=toy.id,
        entry=entry_of(toy),
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
    return record.put(condition)
