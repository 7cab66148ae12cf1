"""Fake downstream services, with the signature of ``ServiceClient.call``."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chassis.client import Reply
from contracts.operations import Operation


class Call(NamedTuple):
    """What a neighbour was asked."""

    operation: str
    path: dict[str, str]
    query: Any
    body: Any
    headers: dict[str, str]


class FakeDownstream:
    """Answers operations by name, and keeps what it was asked.

    Parameters
    ----------
    answers
        Of each operation, by its name: a function of the call that returns a value or a
        ``Reply``, or an error to raise.
    """

    def __init__(self, **answers: Callable[[Call], Any] | Exception) -> None:
        self.answers: dict[str, Callable[[Call], Any] | Exception] = dict(answers)
        self.calls: list[Call] = []

    def asked(self) -> list[str]:
        """Return the names of the operations called since the last time, and forget them."""
        names = [call.operation for call in self.calls]
        self.calls.clear()
        return names

    def call(
        self,
        operation: Operation[Any],
        path: Mapping[str, str] | None = None,
        *,
        query: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply[Any]:
        """Answer as the test has said."""
        call = Call(operation.name, dict(path or {}), query, body, dict(headers or {}))
        self.calls.append(call)
        answer = self.answers[operation.name]
        if isinstance(answer, Exception):
            raise answer
        value = answer(call)
        return value if isinstance(value, Reply) else Reply(operation.status[0], value)
