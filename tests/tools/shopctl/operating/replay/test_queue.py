"""Reading a dead-letter queue ends, however large it is and whatever arrives in the meantime."""

import random
from typing import Any

import pytest

from shopctl.aws.clients import Cloud
from shopctl.operating.replay.queue import Queue

HOLD = 20


class SampledQueue:
    """A botocore SQS client of one queue; a receive takes time and returns a random sample.

    Parameters
    ----------
    messages
        Number of messages in the queue.
    seconds
        Duration of a receive.
    arriving
        Number of messages that arrive during each receive.
    """

    def __init__(self, messages: int, seconds: int, arriving: int = 0) -> None:
        self._visible_at = {f"old-{number}": 0 for number in range(messages)}
        self._seconds = seconds
        self._arriving = arriving
        self._receives = 0
        self._random = random.Random(7)

    def get_queue_url(self, **_: Any) -> dict[str, Any]:
        date = "Tue, 24 Nov 2026 03:00:00 GMT"
        return {"QueueUrl": "queue", "ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    def receive_message(
        self,
        *,
        MaxNumberOfMessages: int,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        self._receives += 1
        assert self._receives < 5000, "received forever"
        for number in range(self._arriving):
            self._visible_at[f"new-{self._receives}-{number}"] = 0
        now = self._receives * self._seconds
        visible = [name for name, at in self._visible_at.items() if at <= now]
        found = self._random.sample(visible, min(MaxNumberOfMessages, len(visible)))
        self._visible_at |= dict.fromkeys(found, now + VisibilityTimeout)
        return {"Messages": [self._message(name) for name in found]}

    @staticmethod
    def _message(name: str) -> dict[str, Any]:
        sent = 0 if name.startswith("old") else 10**14
        return {
            "MessageId": name,
            "ReceiptHandle": name,
            "Attributes": {"SentTimestamp": str(sent)},
        }


class SampledCloud(Cloud):
    """A cloud that has only one queue."""

    def __init__(self, queue: SampledQueue) -> None:
        super().__init__("local", "http://127.0.0.1:1")
        self._queue = queue

    def client(self, service: str, read_timeout: float = 60) -> Any:
        return self._queue


def read(queue: SampledQueue, at_once: int = 10) -> list[str]:
    opened = Queue(SampledCloud(queue), "queue", hold=HOLD, at_once=at_once)
    return [message["MessageId"] for message in opened.messages()]


@pytest.mark.parametrize("at_once", [1, 10])
def test_queue_that_takes_longer_to_read_than_the_hold_is_read_once(at_once: int) -> None:
    # GIVEN a queue of which the hold hides a quarter at most
    size = 20 * at_once
    found = read(SampledQueue(size, seconds=4), at_once)
    # THEN each message is read, and none twice
    assert len(found) == len(set(found)) == size


def test_messages_that_keep_arriving_do_not_keep_the_reader() -> None:
    found = read(SampledQueue(5, seconds=1, arriving=20))
    assert sorted(found) == [f"old-{number}" for number in range(5)]
