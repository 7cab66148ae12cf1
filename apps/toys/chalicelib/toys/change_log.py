"""The change log: the toys that were written, in order, in the service's own table.

A write of a toy, its entry in the log and the log's new end are one transaction: all three are
stored or none. A reader of the end therefore learns of every write that has been answered. An entry
holds only the toy's id: the toy itself is in the table, and each release derives from it what its
index needs.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

from pynamodb.attributes import NumberAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chassis.contention import Attempts
from chassis.records import TableMeta, connection_of
from chassis.retry import RetryPolicy

KEPT = timedelta(days=7)
"""How long an entry is kept; an index that is older cannot be brought up to date."""
_END = "changes"
_WAITS = RetryPolicy(base_delay=0.01)
_LONGEST_WAIT = 6
"""The exponent of the longest wait between two attempts."""
_CONDITION_FAILED = "ConditionalCheckFailed"

Write = Callable[[TransactWrite, int], None]
"""Adds the write of a toy to a transaction, given its number in the log."""


class GapError(Exception):
    """Entries of the log are missing: they have expired, or were deleted."""


class Entry(NamedTuple):
    """An entry of the log: the number of a write, and the toy that was written or deleted."""

    sequence: int
    toy_id: str


class LogRecord(Model):
    """An item of the log: an entry, or its end, which has no toy and does not expire."""

    class Meta(TableMeta):
        table_name = ""

    id = UnicodeAttribute(hash_key=True)
    sequence = NumberAttribute()
    toy_id = UnicodeAttribute(null=True)
    expires = TTLAttribute(null=True)


class ChangeLog:
    """Writes toys together with their entries in the log, and reads the log.

    Parameters
    ----------
    sleep
        Waits for a number of seconds.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def end(self) -> int:
        """Return the number of the last entry, with a consistent read; 0 if there is none."""
        try:
            return int(LogRecord.get(_END, consistent_read=True).sequence)
        except DoesNotExist:
            return 0

    def entries(self, after: int, end: int) -> Iterator[Entry]:
        """Yield the last entry of each toy that was written, in order.

        Parameters
        ----------
        after, end
            The numbers that the entries lie between; ``end`` is included.

        Raises
        ------
        GapError
            If an entry is missing.
        """
        numbers = range(after + 1, end + 1)
        found = {
            int(record.sequence): record.toy_id
            for record in LogRecord.batch_get(map(_entry_id, numbers), consistent_read=True)
        }
        last: dict[str, int] = {}
        for number in numbers:
            toy_id = found.get(number)
            if toy_id is None:
                raise GapError(f"The log has no entry {number}")
            last.pop(toy_id, None)
            last[toy_id] = number
        for toy_id, number in last.items():
            yield Entry(number, toy_id)

    def write(self, toy_id: str, write: Write | None = None) -> bool:
        """Write a toy and its entry; return ``False`` and write nothing if a condition fails.

        Writers of other toys may be faster, so it is tried again with random waits.

        Parameters
        ----------
        write
            Adds the write of the toy as the first one of the transaction; ``None`` if the toy was
            written without an entry.

        Raises
        ------
        ServiceUnavailable
            If other writers were faster in every attempt.
        TransactWriteError
            If the transaction fails for another reason.
        """
        attempts = Attempts(toy_id)
        number = 0
        while True:
            attempts.begin()
            try:
                self._write(toy_id, write)
            except TransactWriteError as error:
                codes = _reasons(error)
                if write is not None and codes[0] == _CONDITION_FAILED:
                    return False
                number += 1
                self._sleep(_WAITS.delay(min(number, _LONGEST_WAIT)))
            else:
                return True

    def _write(self, toy_id: str, write: Write | None) -> None:
        end = self.end()
        entry = LogRecord(_entry_id(end + 1), sequence=end + 1, toy_id=toy_id, expires=KEPT)
        is_end = (LogRecord.sequence == end) if end else LogRecord.id.does_not_exist()
        # the token makes it harmless to send the request again after a lost response
        with TransactWrite(
            connection=connection_of(LogRecord), client_request_token=uuid.uuid4().hex
        ) as transaction:
            if write is not None:
                write(transaction, end + 1)
            transaction.save(LogRecord(_END, sequence=end + 1), condition=is_end)
            transaction.save(entry)


def _entry_id(number: int) -> str:
    return f"change#{number:012}"


def _reasons(error: TransactWriteError) -> list[str | None]:
    """Return why each write of a transaction was refused, if another writer was the reason."""
    if error.cause_response_code == "TransactionInProgressException":
        return [None]
    reasons = [reason.code if reason else None for reason in error.cancellation_reasons]
    if not reasons or not {*reasons} <= {None, _CONDITION_FAILED, "TransactionConflict"}:
        raise error
    return reasons
