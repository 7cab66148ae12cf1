"""Other writers that act between a read and the conditional write that follows it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.aws_calls import Original, Params, intercept

OtherWriter = Callable[[], object]
BeforeWrite = Callable[..., None]

_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


@pytest.fixture
def before_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[BeforeWrite]:
    """Return a function that lets another writer act once, before a write reaches DynamoDB.

    Whoever sends that write has read the record before, so it loses the race. The function takes
    the other writer and the number of the write, 1 for the next one. Writes of the other writer
    itself are not counted. The write must come before the test ends.
    """
    waiting: list[tuple[OtherWriter, int]] = []
    count = 0

    def call(original: Original, _service: str, operation: str, _params: Params) -> Any:
        nonlocal count
        if waiting and operation in _WRITES:
            count += 1
            other_writer, number = waiting[0]
            if count == number:
                waiting.clear()
                other_writer()
        return original()

    def arrange(other_writer: OtherWriter, write: int = 1) -> None:
        nonlocal count
        assert not waiting, "one other writer at a time"
        count = 0
        waiting.append((other_writer, write))

    intercept(monkeypatch, call)
    yield arrange
    assert waiting == [], "no write followed, so there was no race"


def after_call(fake: Any, method: str, other_writer: OtherWriter) -> None:
    """Let another writer act once, after the next call of a fake's method.

    Parameters
    ----------
    fake
        A fake store or gateway.
    method
        The name of its method that reads, or calls the gateway.
    other_writer
        Writes what the caller has not read.
    """
    original = getattr(fake, method)

    def call(*arguments: Any) -> Any:
        setattr(fake, method, original)
        answer = original(*arguments)
        other_writer()
        return answer

    setattr(fake, method, call)
