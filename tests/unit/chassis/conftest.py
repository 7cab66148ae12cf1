"""What several tests of the chassis need: the log as lines, and queues that remember."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chassis import log

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return a function that gives all lines that were logged."""
    monkeypatch.setattr(log, "_about", {})
    monkeypatch.setattr(log, "_threshold", 0)
    monkeypatch.setattr(log, "_out", None)
    log.configure("tests", "unit", "DEBUG")
    logged: list[dict[str, Any]] = []

    def read() -> list[dict[str, Any]]:
        logged.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return logged

    return read


class QueueSpy:
    """A botocore SQS client that keeps what it was told."""

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
    """Return queues that remember."""
    return QueueSpy()
