"""A fake of the client of a downstream service."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chassis.client import Reply
from contracts.operations import Operation


class Call(NamedTuple):
    """One call of an operation."""

    operation: str
    path: dict[str, str]
    query: Any
    body: Any
    headers: dict[str, str]


class FakeDownstream:
    """Answers the operations of a downstream service in place of a ``ServiceClient``.

    Parameters
    ----------
    answers
        The answer of each operation, by the operation's name: an error to raise, or a function
        that takes the ``Call`` and returns the value or a whole ``Reply``.

    Attributes
    ----------
    calls
        All calls so far, in order.
    error
        Raised by every operation while it is set.
    """

    def __init__(self, **answers: Callable[[Call], Any] | Exception) -> None:
        self.answers: dict[str, Callable[[Call], Any] | Exception] = dict(answers)
        self.calls: list[Call] = []
        self.error: Exception | None = None

    def pop_operations(self) -> list[str]:
        """Return the names of the operations called since the last time, and forget the calls."""
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
        """Record the call and return its answer."""
        call = Call(operation.name, dict(path or {}), query, body, dict(headers or {}))
        self.calls.append(call)
        answer = self.error or self.answers[operation.name]
        if isinstance(answer, Exception):
            raise answer
        value = answer(call)
        return value if isinstance(value, Reply) else Reply(operation.status[0], value)
