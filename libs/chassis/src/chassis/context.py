"""The context of a request or an event: its trace, correlation id and deadline.

The log adds it to each line, and calls to other services pass it on. ``chassis.tracing`` enters it
together with the span that it names.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from typing import Any

import msgspec

from chassis.redaction import contains_card_number, masked

RESERVE = 5.0
"""Seconds of an invocation that are kept to report and record a failure."""

TRACEPARENT = "traceparent"
CORRELATION_ID = "X-Correlation-Id"
DEADLINE = "X-Request-Deadline"

_DEFAULT_BUDGET = 30.0
_RANDOM_BITS = 56
"""The bits at the end of a trace's id that W3C Trace Context requires to be random."""
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
    fields
        Further fields of all lines of the log, such as ``order_id``; all contexts of one request
        or event share them.
    """

    traceparent: str
    correlation_id: str
    deadline: float
    fields: dict[str, Any] = {}

    @property
    def trace_id(self) -> str:
        """The trace's id: 32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """The current span's id: 16 hexadecimal digits."""
        return self.traceparent[36:52]

    @property
    def is_sampled(self) -> bool:
        """Whether every hop of the trace exports its spans."""
        return bool(int(self.traceparent[53:], 16) & 1)

    def remaining(self) -> float:
        """Return the seconds left until the deadline, 0 if it has passed."""
        return max(0.0, self.deadline - time.time())


def parent_of(traceparent: str | None) -> tuple[str, str, str] | None:
    """Return trace id, span id and flags of a W3C trace context; ``None`` if it is not valid."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None or match[1] == "0" * 32 or match[2] == "0" * 16:
        return None
    # Lines of the log have it unmasked.
    return (match[1], match[2], match[3]) if _is_clean(f"00-{match[1]}") else None


def is_in_share(trace_id: str, percent: float) -> bool:
    """Return whether a trace is in a share of all traces; a larger one includes every smaller one.

    Parameters
    ----------
    trace_id
        The trace's id.
    percent
        The size of the share.
    """
    return int(trace_id[-_RANDOM_BITS // 4 :], 16) < percent / 100 * (1 << _RANDOM_BITS)


def _new_trace_id() -> str:
    while contains_card_number(f"00-{(trace_id := secrets.token_hex(16))}"):
        pass
    return trace_id


def _traceparent(trace_id: str, flags: str) -> str:
    # Lines of the log have it unmasked, so the next service would not adopt it otherwise.
    while contains_card_number(new := f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"):
        pass
    return new


def _is_clean(id_: str) -> bool:
    """Return whether an id, which will be logged unmasked, has nothing secret in it."""
    return masked(id_) == id_ and not contains_card_number(id_)


def _root(budget: float) -> Context:
    trace = _traceparent(_new_trace_id(), "01")
    return Context(trace, trace[3:35], time.time() + budget)


_current: ContextVar[Context | None] = ContextVar("context", default=None)


def current() -> Context:
    """Return the current context; outside of a request or event, a new one."""
    return _current.get() or _root(_DEFAULT_BUDGET)


@contextmanager
def entered(
    headers: Mapping[str, str],
    *,
    budget: float,
    trust_deadline: bool = True,
    sampled: Callable[[str], bool] | None = None,
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
    sampled
        Decides by the id of the trace whether it is sampled; by default, as the caller decided.
    """
    given = {name.lower(): value for name, value in headers.items()}
    trace_id, _, flags = parent_of(given.get(TRACEPARENT)) or (_new_trace_id(), "", "01")
    if sampled is not None:
        flags = "01" if sampled(trace_id) else "00"
    trace = _traceparent(trace_id, flags)
    correlation = given.get(CORRELATION_ID.lower(), "")
    if not _CORRELATION_ID.fullmatch(correlation) or not _is_clean(correlation):
        correlation = trace[3:35]
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
def limited(seconds: float) -> Iterator[None]:
    """Bring the deadline forward within the context, to at most some seconds from now.

    Parameters
    ----------
    seconds
        The most seconds that are left within the context.
    """
    with reserving(max(0.0, current().remaining() - seconds)):
        yield


@contextmanager
def reserving(seconds: float) -> Iterator[None]:
    """Bring the deadline forward within the context, so that time is left after it.

    Parameters
    ----------
    seconds
        How much earlier the deadline is.
    """
    now = current()
    token = _current.set(msgspec.structs.replace(now, deadline=now.deadline - seconds))
    try:
        yield
    finally:
        _current.reset(token)


def child_of(traceparent: str | None = None) -> Context:
    """Return a context with a span of its own.

    Parameters
    ----------
    traceparent
        The trace context that the span is below: the current one by default. If it is not valid,
        a new trace begins.
    """
    now = current()
    if traceparent is None:
        trace = _traceparent(now.trace_id, now.traceparent[53:])
        return Context(trace, now.correlation_id, now.deadline, now.fields)
    trace_id, _, flags = parent_of(traceparent) or (_new_trace_id(), "", "01")
    return Context(_traceparent(trace_id, flags), trace_id, now.deadline)


def enter(context: Context) -> Token[Context | None]:
    """Make a context the current one, until ``leave`` is called with the token."""
    return _current.set(context)


def sample() -> None:
    """Sample the current trace from here on."""
    now = current()
    flags = f"{int(now.traceparent[53:], 16) | 1:02x}"
    _current.set(msgspec.structs.replace(now, traceparent=f"{now.traceparent[:53]}{flags}"))


def leave(token: Token[Context | None]) -> None:
    """Return to the context before ``enter``."""
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
