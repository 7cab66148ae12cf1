"""One dead-letter queue, read without losing anything: what is received is held, then let go."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

from shopctl.aws.clients import Cloud

_BATCH = 10


def _clock(answer: dict[str, Any]) -> float:
    """Return the time of SQS itself in milliseconds, and the second that it is rounded down by."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(date) if date else datetime.now(UTC)
    return now.timestamp() * 1000 + 999


class Queue:
    """A dead-letter queue that one look or replay goes through, once.

    SQS hides what is received from others for a while. At the end all that was not deleted is
    shown again; after a crash SQS itself does so when the while is over.

    Parameters
    ----------
    name
        Of the queue.
    hold
        Seconds that a message is hidden at most.
    at_once
        How many messages to take in one call. One at a time leaves the others to whoever else is
        at it.
    """

    def __init__(self, cloud: Cloud, name: str, *, hold: int, at_once: int = _BATCH) -> None:
        self._sqs = cloud.client("sqs")
        found = self._sqs.get_queue_url(QueueName=name)
        self._url = str(found["QueueUrl"])
        self._opened = _clock(found)
        self._hold = hold
        self._at_once = at_once
        # AWS asks all its servers only if one waits for them; the embedded one has just one
        self._wait = 0 if cloud.is_local else 1
        self._held: dict[str, str] = {}

    def __enter__(self) -> "Queue":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        receipts = list(self._held.values())
        for start in range(0, len(receipts), _BATCH):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                    for number, receipt in enumerate(receipts[start : start + _BATCH])
                ],
            )

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield each message of the queue that nobody else is at.

        What comes while this goes on is left for the next time: a function that parked what is
        delivered to it would keep a replay at it for ever.
        """
        while found := self._receive():
            for message in found:
                is_new = message["MessageId"] not in self._held
                self._held[message["MessageId"]] = message["ReceiptHandle"]
                if is_new and int(message["Attributes"]["SentTimestamp"]) <= self._opened:
                    yield message

    def delete(self, message_id: str) -> None:
        """Delete a message: it is handled."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=self._held[message_id])
        del self._held[message_id]

    def elsewhere(self) -> int:
        """Count the messages that somebody else is at, about."""
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        hidden = int(attributes["ApproximateNumberOfMessagesNotVisible"])
        return max(0, hidden - len(self._held))

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
