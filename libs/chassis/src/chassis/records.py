"""PynamoDB models: binding to a table, versions, conditional writes, documents.

A stored record is a model of its own, separate from the contract types of requests and responses.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Generic, TypeVar

import msgspec
from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.connection import Connection
from pynamodb.constants import BATCH_GET_PAGE_LIMIT, STRING
from pynamodb.exceptions import (
    DeleteError,
    DoesNotExist,
    PutError,
    PynamoDBException,
    UpdateError,
)
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chassis import aws, context, health, log
from chassis.problems import ServiceUnavailable

Item = Mapping[str, Any]
"""An item as DynamoDB sends it, with each value in an object that names its type."""

D = TypeVar("D")
R = TypeVar("R", bound="Record")


class DocumentAttribute(Attribute[D], Generic[D]):
    """A contract type stored as JSON text, read and written as a whole and never queried by.

    Parameters
    ----------
    kind
        The type to decode to, as msgspec accepts it.
    """

    attr_type = STRING

    def __init__(self, kind: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kind = kind

    def serialize(self, value: D) -> str:
        """Return the JSON text to store."""
        return msgspec.json.encode(value).decode()

    def deserialize(self, value: str) -> D:
        """Return the document that a stored JSON text holds."""
        document: D = msgspec.json.decode(value, type=self._kind)
        return document


class Record(Model):
    """The attributes that every stored entity has.

    ``version`` counts the entity's own writes and is its ETag. ``traceparent`` is the trace of the
    last write, which the relay adds to the event. ``reemitted`` counts how often the entity's
    events were re-emitted.
    """

    id = UnicodeAttribute(hash_key=True)
    version = NumberAttribute()
    created_at = UTCDateTimeAttribute()
    updated_at = UTCDateTimeAttribute()
    traceparent = UnicodeAttribute(null=True)
    reemitted = NumberAttribute(null=True)

    @property
    def trace(self) -> str | msgspec.UnsetType:
        """The trace of the last write, for the event of that write."""
        return self.traceparent or msgspec.UNSET

    def put(self, condition: Condition) -> bool:
        """Write the record if a condition holds; otherwise return ``False``.

        Parameters
        ----------
        condition
            The condition on the stored record.

        Raises
        ------
        PutError
            If the write fails for another reason.
        """
        try:
            self.save(condition=condition)
        except PutError as error:
            return _raise_unless_condition_failed(error)
        return True

    def remove(self, condition: Condition) -> bool:
        """Delete the record if a condition holds; otherwise return ``False``.

        Parameters
        ----------
        condition
            The condition on the stored record.

        Raises
        ------
        DeleteError
            If the deletion fails for another reason.
        """
        try:
            self.delete(condition=condition)
        except DeleteError as error:
            return _raise_unless_condition_failed(error)
        return True

    def reemit(self) -> bool:
        """Re-emit the events of the record; return ``False`` if it is not stored.

        Only a write becomes an event, so this is one. The entity itself is unchanged and keeps
        its version.

        Raises
        ------
        UpdateError
            If the write fails for another reason.
        """
        kind = type(self)
        try:
            self.update(
                actions=[kind.reemitted.add(1), kind.traceparent.set(current_trace())],
                condition=kind.id.exists(),
            )
        except UpdateError as error:
            return _raise_unless_condition_failed(error)
        return True

    def fill_in(self, values: Mapping[str, Any]) -> bool:
        """Add attributes without a new version; return ``False`` if the record has changed.

        Parameters
        ----------
        values
            The values of the attributes by name.

        Raises
        ------
        UpdateError
            If the write fails for another reason.
        """
        kind = type(self)
        try:
            self.update(
                actions=[getattr(kind, name).set(value) for name, value in values.items()],
                condition=kind.version == self.version,
            )
        except UpdateError as error:
            return _raise_unless_condition_failed(error)
        return True

    def is_reemitted(self, before: "Record | None") -> bool:
        """Return whether the last write only re-emitted the events.

        Parameters
        ----------
        before
            The record before that write; ``None`` if the write created it.
        """
        return (
            before is not None
            and before.version == self.version
            and before.reemitted != self.reemitted
        )

    @classmethod
    def from_image(cls: type[R], image: dict[str, Any]) -> R:
        """Return the record of a stream image.

        Parameters
        ----------
        image
            The old or new image in a stream record; it is not modified.
        """
        record = cls()
        record.from_dynamodb_dict(deepcopy(image))
        return record


def _raise_unless_condition_failed(error: PutError | DeleteError | UpdateError) -> bool:
    if error.cause_response_code == "ConditionalCheckFailedException":
        return False
    raise error


class TableMeta:
    """Timeouts of DynamoDB calls in seconds, and the number of retries."""

    region = None
    connect_timeout_seconds = 1.0
    read_timeout_seconds = 3.0
    max_retry_attempts = 3


class TableConnection(Connection):
    """A connection to DynamoDB over the process's client.

    PynamoDB's own makes a session and a client of botocore for each model, each of which loads the
    description of DynamoDB's API: 0.1 s and 13 MB at a cold start.
    """

    @property
    def client(self) -> Any:
        """What sends the operations, by the method ``_make_api_call`` of botocore's clients."""
        return aws.client(
            "dynamodb",
            read_timeout=self._read_timeout_seconds,
            attempts=1 + self._max_retry_attempts_exception,
        )


def bind(model: type[R], table_name: str) -> type[R]:
    """Bind a model to its table, whose name is known when the service starts.

    The service's health check looks up a record in that table from then on.

    Parameters
    ----------
    model
        The model; a binding to another table is replaced.
    table_name
        The table.
    """
    meta: Any = model.Meta
    meta.table_name = table_name
    model._connection = None
    table = model._get_connection()
    connection = TableConnection(
        region=meta.region,
        connect_timeout_seconds=meta.connect_timeout_seconds,
        read_timeout_seconds=meta.read_timeout_seconds,
        max_retry_attempts=meta.max_retry_attempts,
    )
    connection.add_meta_table(table.get_meta_table())
    table.connection = connection
    health.add_check(table_name, lambda: _check_table(model))
    return model


def bind_to_table_of(model: type[Model], owner: type[Record]) -> None:
    """Bind a model of other items to the table of a bound model; both use one client.

    Parameters
    ----------
    model
        The model of items with the same key attribute, ``id``.
    owner
        The model that is bound to the table.
    """
    meta: Any = model.Meta
    owners: Any = owner.Meta
    meta.table_name = owners.table_name
    model._connection = None
    model._get_connection().connection = connection_of(owner)


def connection_of(model: type[Model]) -> Connection:
    """Return the connection of a bound model, which a transaction is sent through."""
    return model._get_connection().connection


def read_items(model: type[Model], ids: Iterable[str]) -> Iterator[Item]:
    """Yield the stored items with the given ids, in any order: one consistent read per 100 ids.

    Items are returned as DynamoDB sends them: making a model of each takes ten times as long.

    Parameters
    ----------
    model
        A bound model whose key is ``id``.
    ids
        The ids, of which duplicates are ignored.
    """
    table = model._get_connection()
    waiting: list[Any] = [{"id": one} for one in dict.fromkeys(ids)]
    while waiting:
        keys = waiting[:BATCH_GET_PAGE_LIMIT]
        answer: Any = table.batch_get_item(keys, consistent_read=True)
        yield from answer["Responses"].get(table.table_name, ())
        unprocessed = answer["UnprocessedKeys"].get(table.table_name, {}).get("Keys", [])
        waiting[:BATCH_GET_PAGE_LIMIT] = unprocessed


def _check_table(model: type[Record]) -> None:
    try:
        model.get("health-check")
    except DoesNotExist:
        return
    except PynamoDBException as error:
        log.error("table unavailable", reason=f"{type(error).__name__}: {error}")
        raise ServiceUnavailable(
            "The service is temporarily unavailable. Try again later."
        ) from None


def current_trace() -> str:
    """Return the trace of the current context, to store with a write."""
    return context.current().traceparent
