"""A fake stream, and the messages that refer to its records."""

from typing import Any

from botocore.exceptions import ClientError

from support.dead_letter_queues import Event


class Streams:
    """A botocore client for streams that hold some records and have dropped all others.

    Parameters
    ----------
    page
        The most records in a page.
    empty
        Number of empty pages before each page.
    is_closed
        Whether the shard ends after the records.
    """

    def __init__(
        self, records: list[Event], page: int = 2, *, empty: int = 0, is_closed: bool = False
    ) -> None:
        self.records = records
        self._page = page
        self._empty = empty
        self._is_closed = is_closed
        self._pages = 0

    def get_shard_iterator(self, *, SequenceNumber: str, **_: Any) -> Event:  # noqa: N803
        numbers = [record["dynamodb"]["SequenceNumber"] for record in self.records]
        if SequenceNumber not in numbers:
            raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator")
        return {"ShardIterator": str(numbers.index(SequenceNumber))}

    def get_records(self, *, ShardIterator: str, Limit: int = 1000) -> Event:  # noqa: N803
        self._pages += 1
        assert self._pages < 10_000, "read forever"
        start = int(ShardIterator)
        is_empty = self._pages % (self._empty + 1) != 0
        found = [] if is_empty else self.records[start : start + min(Limit, self._page)]
        end = start + len(found)
        if self._is_closed and end == len(self.records):
            return {"Records": found}
        return {"Records": found, "NextShardIterator": str(end)}


def position(start: str, end: str, size: int = 100) -> Event:
    """Return what a stream's failure destination receives."""
    return {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "DDBStreamBatchInfo": {
            "shardId": "shard-1",
            "startSequenceNumber": start,
            "endSequenceNumber": end,
            "approximateArrivalOfFirstRecord": "2026-11-24T03:00:00Z",
            "approximateArrivalOfLastRecord": "2026-11-24T03:00:09Z",
            "batchSize": size,
            "streamArn": "arn:aws:dynamodb:us-east-1:0:table/toyshop-local-orders/stream/x",
        },
    }
