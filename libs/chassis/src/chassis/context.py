"""The context of a request or an event: its trace, correlation id and deadline.

The log adds it to each line, and calls to other services pass it on.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import msgspec

from chassis.redaction import contains_card_number, masked

RESERVE = 5.0
"""Seconds of an invocation that are kept to report and record a failure."""

TRACEPARENT = "traceparent"
CORRELATION_ID = "X-Correlation-Id"
DEADLINE = "X-Request-Deadline"

_DEFAULT_BUDGET = 30.0
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_CORRELATION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Context(msgspec.Struct, frozen=True):
    """The context of one request or event, which the next hop continues.

    Attributes
    ----------
    traceparent
        The W3C trace context, with this hop's span as the parent of the next.
    correlation_id
        The id of the request that started the chain.
    deadline
        The time, in seconds since the epoch, after which no caller waits for the response.
    """

    traceparent: str
    correlation_id: str
    deadline: float

    def remaining(self) -> float:
        """Return the seconds left until the deadline, 0 if it has passed."""
        return max(0.0, self.deadline - time.time())


def _new_traceparent(parent: str | None) -> str:
    match = _TRACEPARENT.fullmatch(parent or "")
    if match and match[1] != "0" * 32 and match[2] != "0" * 16 and _is_clean(f"00-{match[1]}"):
        return _traceparent(lambda: match[1], match[3])
    return _traceparent(lambda: secrets.token_hex(16), "01")


def _traceparent(trace_id: Callable[[], str], flags: str) -> str:
    # Lines of the log have it unmasked, so the next service would not adopt it otherwise.
    while not _is_clean(new := f"00-{trace_id()}-{secrets.token_hex(8)}-{flags}"):
        pass
    return new


def _is_clean(id_: str) -> bool:
    """Return whether an id, which will be logged unmasked, has nothing secret in it."""
    return masked(id_) == id_ and not contains_card_number(id_)


def _root(budget: float) -> Context:
    trace = _new_traceparent(None)
    return Context(trace, trace.split("-")[1], time.time() + budget)


_current: ContextVar[Context | None] = ContextVar("context", default=None)


def current() -> Context:
    """Return the current context; outside of a request or event, a new one."""
    return _current.get() or _root(_DEFAULT_BUDGET)


@contextmanager
def entered(
    headers: Mapping[str, str], *, budget: float, trust_deadline: bool = True
) -> Iterator[Context]:
    """Enter the context that a request or an event carries, and leave it at the end.

    Parameters
    ----------
    headers
        The headers of the request, or the extension attributes of the event; names in any case.
    budget
        The most seconds that this hop may take.
    trust_deadline
        Whether the caller's deadline may shorten the budget; a public API ignores it.
    """
    given = {name.lower(): value for name, value in headers.items()}
    trace = _new_traceparent(given.get(TRACEPARENT))
    correlation = given.get(CORRELATION_ID.lower(), "")
    if not _CORRELATION_ID.fullmatch(correlation) or not _is_clean(correlation):
        correlation = trace.split("-")[1]
    deadline = time.time() + budget
    if trust_deadline:
        with suppress(ValueError):
            deadline = min(deadline, float(given.get(DEADLINE.lower(), "inf")))
    token = _current.set(Context(trace, correlation, deadline))
    try:
        yield current()
    finally:
        _current.reset(token)


@contextmanager
def reserving(seconds: float) -> Iterator[None]:
    """Bring the deadline forward within the context, so that time is left after it.

    Parameters
    ----------
    seconds
        How much earlier the deadline is.
    """
    now = current()
    token = _current.set(Context(now.traceparent, now.correlation_id, now.deadline - seconds))
    try:
        yield
    finally:
        _current.reset(token)


def budget_of(lambda_context: Any, reserve: float = RESERVE) -> float:
    """Return how many seconds an invocation may work before its timeout.

    Parameters
    ----------
    lambda_context
        The context object of the invocation; ``None`` outside of Lambda.
    reserve
        Seconds before the timeout that stay unused.
    """
    remaining = getattr(lambda_context, "get_remaining_time_in_millis", None)
    return max(0.0, remaining() / 1000 - reserve) if remaining else _DEFAULT_BUDGET


def headers() -> dict[str, str]:
    """Return the headers that pass the current context on to another service."""
    context = current()
    return {
        TRACEPARENT: context.traceparent,
        CORRELATION_ID: context.correlation_id,
        DEADLINE: f"{context.deadline:.3f}",
    }
