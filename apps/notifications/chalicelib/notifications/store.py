"""Messages in DynamoDB: conditional writes, one table."""

from collections.abc import Iterable
from typing import Any

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute, UTCDateTimeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.notifications.domain import Attempt
from chassis.records import Record, TableMeta, bind, current_trace
from contracts.notifications import Message


class MessageRecord(Record):
    """An item of the messages table."""

    class Meta(TableMeta):
        table_name = ""

    to = UnicodeAttribute()
    template = UnicodeAttribute()
    status = UnicodeAttribute()
    fingerprint = UnicodeAttribute()
    leased_until = UTCDateTimeAttribute()
    sent_at = UTCDateTimeAttribute(null=True)
    content = BinaryAttribute(null=True, legacy_encoding=False)

    def to_attempt(self) -> Attempt:
        """Return the message with the last attempt to send it."""
        message = Message(
            id=self.id,
            to=self.to,
            template=self.template,  # type: ignore[arg-type]
            status=self.status,  # type: ignore[arg-type]
            version=int(self.version),
            created_at=self.created_at,
            sent_at=self.sent_at,
        )
        return Attempt(message, self.fingerprint, self.leased_until, self.updated_at, self.content)


class MessageStore:
    """Reads and writes the messages table.

    Parameters
    ----------
    table_name
        Name of the service's own table.
    """

    def __init__(self, table_name: str) -> None:
        bind(MessageRecord, table_name)

    def get(self, message_id: str) -> Attempt | None:
        """Return a message with a consistent read, or ``None`` if there is no such message."""
        try:
            return MessageRecord.get(message_id, consistent_read=True).to_attempt()
        except DoesNotExist:
            return None

    def of_ids(self, message_ids: Iterable[str]) -> list[Attempt]:
        """Return the existing messages of some ids, with one read per 100 ids."""
        found = MessageRecord.batch_get(list(dict.fromkeys(message_ids)), consistent_read=True)
        return [record.to_attempt() for record in found]

    def add(self, attempt: Attempt) -> bool:
        """Store a first attempt; return ``False`` and store nothing if there is one already."""
        return self._put(attempt, MessageRecord.id.does_not_exist())

    def replace(self, attempt: Attempt) -> bool:
        """Store the next version of a message; return ``False`` if another writer was first."""
        return self._put(attempt, MessageRecord.version == attempt.message.version - 1)

    @staticmethod
    def _put(attempt: Attempt, condition: Any) -> bool:
        message = attempt.message
        record = MessageRecord(
            id=message.id,
            to=message.to,
            template=message.template,
            status=message.status,
            fingerprint=attempt.fingerprint,
            leased_until=attempt.leased_until,
            sent_at=message.sent_at,
            content=attempt.content,
            version=message.version,
            created_at=message.created_at,
            updated_at=attempt.updated_at,
            traceparent=current_trace(),
        )
        return record.put(condition)
