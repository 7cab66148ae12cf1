"""Reads one dead-letter queue, and makes what was not deleted visible again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

from shopctl.aws.clients import Cloud

_BATCH = 10

# A queue that takes longer to read than messages are hidden is never empty: its first messages
# return before its last were received. So reading ends, too, after this many messages in a row
# that are not new: at least the first number, and the second for each message received so far.
# SQS samples the visible messages, so the chance to miss a given one is less than 1 in 10,000.
_LEAST_IN_A_ROW = 1000
_IN_A_ROW_PER_MESSAGE = 10


class Queue:
    """A dead-letter queue, read once from start to end.

    SQS hides received messages from other readers for a time. On exit all messages that were not
    deleted become visible again; after a crash SQS does the same when that time is over.

    Parameters
    ----------
    cloud
        The stage's account.
    name
        The queue's name.
    hold
        Seconds for which a received message is hidden from other readers.
    at_once
        How many messages to receive in one call. One at a time leaves the rest to other readers.
    """

    def __init__(self, cloud: Cloud, name: str, *, hold: int, at_once: int = _BATCH) -> None:
        self._sqs = cloud.client("sqs")
        found = self._sqs.get_queue_url(QueueName=name)
        self._url = str(found["QueueUrl"])
        self._opened = _sqs_time(found)
        self._hold = hold
        self._at_once = at_once
        # AWS asks all its servers only if the call waits; the embedded AWS has one server
        self._wait = 0 if cloud.is_local else 1
        self._received: dict[str, str] = {}

    def __enter__(self) -> "Queue":
        """Return the queue."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Make all messages that were received and not deleted visible again."""
        receipts = list(self._received.values())
        for start in range(0, len(receipts), _BATCH):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                    for number, receipt in enumerate(receipts[start : start + _BATCH])
                ],
            )

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield each message that is not in flight with another reader.

        Messages that arrive in the meantime are skipped. Otherwise a function that parks what is
        redelivered to it would keep a replay running forever. Of a queue that takes longer to read
        than messages are hidden, a message may be missed; it stays in the queue.
        """
        left = _LEAST_IN_A_ROW
        while left > 0 and (found := self._receive()):
            for message in found:
                is_new = message["MessageId"] not in self._received
                self._received[message["MessageId"]] = message["ReceiptHandle"]
                if is_new and int(message["Attributes"]["SentTimestamp"]) <= self._opened:
                    yield message
                    left = _LEAST_IN_A_ROW + _IN_A_ROW_PER_MESSAGE * len(self._received)
                else:
                    left -= 1

    def delete(self, message_id: str) -> None:
        """Delete a message that has been handled."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=self._received[message_id])
        del self._received[message_id]

    def in_flight(self) -> int:
        """Return the approximate number of messages that other readers have received."""
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        hidden = int(attributes["ApproximateNumberOfMessagesNotVisible"])
        return max(0, hidden - len(self._received))

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=self._at_once,
            VisibilityTimeout=self._hold,
            WaitTimeSeconds=self._wait,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found


def _sqs_time(answer: dict[str, Any]) -> float:
    """Return SQS's own time in milliseconds, at the end of the second that its header names."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(date) if date else datetime.now(UTC)
    return now.timestamp() * 1000 + 999
