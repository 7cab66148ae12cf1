"""An SQS client that records its calls."""

import json
from typing import Any

import pytest


class QueueSpy:
    """A fake SQS client that records parked messages and visibility changes."""

    def __init__(self) -> None:
        self.parked: list[dict[str, Any]] = []
        self.delays: list[tuple[str, int]] = []

    def send_message(self, **message: Any) -> None:
        self.parked.append(message)

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int  # noqa: N803
    ) -> None:  # fmt: skip
        self.delays.append((ReceiptHandle, VisibilityTimeout))

    def reasons(self) -> list[str]:
        return [m["MessageAttributes"]["reason"]["StringValue"] for m in self.parked]

    def bodies(self) -> list[Any]:
        return [json.loads(message["MessageBody"]) for message in self.parked]


@pytest.fixture
def sqs() -> QueueSpy:
    """Return a fake SQS client."""
    return QueueSpy()
