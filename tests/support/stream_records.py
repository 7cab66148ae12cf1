"""A fake stream, and the messages that refer to its records."""

from typing import Any

from botocore.exceptions import ClientError

from support.dead_letter_queues import (
    Event,
)


class Streams:
    """A botocore client for streams that hold some records and have dropped all others."""

    def __init__(self, records: list[Event], page: int = 2) -> None:
        self.records = records
        self._page = page

    def get_shard_iterator(self, *, SequenceNumber: str, **_: Any) -> Event:  # noqa: N803
        numbers = [record["dynamodb"]["SequenceNumber"] for record in self.records]
        if SequenceNumber not in numbers:
            raise ClientError({"Error": {"Code": "TrimmedDataAccessException"}}, "GetShardIterator")
        return {"ShardIterator": str(numbers.index(SequenceNumber))}

    def get_records(self, *, ShardIterator: str, Limit: int) -> Event:  # noqa: N803
        start = int(ShardIterator)
        found = self.records[start : start + min(Limit, self._page)]
        return {"Records": found, "NextShardIterator": str(start + len(found))}


def position(start: str, size: int) -> Event:
    return {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "DDBStreamBatchInfo": {
            "shardId": "shard-1",
            "startSequenceNumber": start,
            "endSequenceNumber": "?",
            "approximateArrivalOfFirstRecord": "2026-11-24T03:00:00Z",
            "approximateArrivalOfLastRecord": "2026-11-24T03:00:09Z",
            "batchSize": size,
            "streamArn": "arn:aws:dynamodb:us-east-1:0:table/toyshop-local-orders/stream/x",
        },
    }
