"""Spans: what each request, event and call did, as OpenTelemetry describes it.

A *hop* is the work of a function for one request or event; calls to others within it are its child
spans. A hop's spans are exported when it ends, in datagrams to the address that Lambda provides,
so that nothing waits for them. Every trace with a write is sampled, and a share of all others. A
hop that fails or is slow exports its own spans in any case.
"""

import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

from chassis import context, log, otlp
from chassis.otlp import CLIENT, CONSUMER, INTERNAL, PRODUCER, SERVER
from chassis.redaction import masked
from chassis.settings import Settings

__all__ = ["CLIENT", "CONSUMER", "INTERNAL", "PRODUCER", "SERVER", "Span", "hop", "span"]

ORDER_ID = "toyshop.order_id"
_ORDER_ID = re.compile(r"ord_[0-7][0-9A-HJKMNP-TV-Z]{25}")
_DROPPED = "toyshop.dropped_spans"
_DAEMON = "AWS_XRAY_DAEMON_ADDRESS"
_MAX_SPANS = 200
"""Spans of a hop; those after them are dropped."""

_resource: dict[str, str] = {"cloud.provider": "aws"}
_trace_percent = 100.0
_slow_seconds = 1.0
_is_cold = True
_socket: socket.socket | None = None


class Span:
    """One operation of a trace: enter it, or call ``begin`` and ``finish``.

    Attributes
    ----------
    name, kind
        What it is called and its kind, after OpenTelemetry's semantic conventions.
    attributes
        What is known about it.
    error
        Why it failed; empty if it did not.
    """

    __slots__ = (
        "_below",
        "_outer",
        "_token",
        "attributes",
        "end",
        "error",
        "events",
        "is_sampled",
        "kind",
        "links",
        "name",
        "parent_id",
        "span_id",
        "start",
        "trace_id",
    )

    def __init__(self, name: str, kind: int, attributes: dict[str, Any]) -> None:
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.trace_id = self.span_id = self.parent_id = self.error = ""
        self.start = self.end = 0
        self.events: list[tuple[int, str, Mapping[str, Any]]] = []
        self.links: list[tuple[str, str]] = []
        self.is_sampled = True
        self._below: str | None = None
        self._token: Token[context.Context | None] | None = None
        self._outer: Span | None = None

    def below(self, traceparent: str) -> "Span":
        """Put the span below another one, of any trace, instead of the current one."""
        self._below = traceparent
        return self

    def begin(self) -> context.Context:
        """Begin the span without entering it; ``finish`` ends it. Returns its context."""
        below = context.current().traceparent if self._below is None else self._below
        own = context.child_of(self._below)
        if found := context.parent_of(below):
            self.parent_id = found[1]
        self._identify(own)
        self.start = time.time_ns()
        return own

    def finish(self) -> None:
        """End the span."""
        self.end = time.time_ns()
        finished = _hop.get()
        if finished is not None and self.span_id:
            if len(finished) < _MAX_SPANS:
                finished.append(self)
            else:
                own = finished[0].attributes
                own[_DROPPED] = own.get(_DROPPED, 0) + 1

    def __enter__(self) -> "Span":
        if _hop.get() is None:
            self.start = time.time_ns()
            return self
        self._token = context.enter(self.begin())
        self._outer = _current.get()
        _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        if kind is not None and "error.type" not in self.attributes:
            self.fail(kind.__name__, str(error))
        if self._token is not None:
            context.leave(self._token)
            _current.set(self._outer)
        self.finish()

    def _identify(self, own: context.Context) -> None:
        self.trace_id, self.span_id, self.is_sampled = own.trace_id, own.span_id, own.is_sampled

    def fail(self, error_type: str, reason: str = "") -> None:
        """Mark the span as failed.

        Parameters
        ----------
        error_type
            The kind of error: the name of an exception or a status.
        reason
            What happened; secrets in it are masked.
        """
        self.attributes["error.type"] = error_type
        self.error = masked(reason)[:500] or error_type

    def refuse(self, status: int) -> None:
        """Record that the answer is a problem, which is a failure only if the server caused it."""
        self.attributes["error.type"] = str(int(status))
        if status >= 500:
            self.fail(str(int(status)))

    def seconds(self) -> float:
        """Return how long the span has taken until now."""
        return round((time.time_ns() - self.start) / 1e9, 4)

    def note(self, name: str, **attributes: Any) -> None:
        """Add an event to the span.

        Parameters
        ----------
        name
            What happened.
        attributes
            What is known about it; secrets are masked.
        """
        self.events.append((time.time_ns(), name, masked(attributes)))

    def link(self, traceparent: str | None) -> None:
        """Link the span to another one, if that is a valid trace context."""
        if found := context.parent_of(traceparent):
            self.links.append(found[:2])


_hop: ContextVar[list[Span] | None] = ContextVar("hop", default=None)
"""The finished spans of the current hop; the first is the hop's own, which has not finished."""
_current: ContextVar[Span | None] = ContextVar("span", default=None)


def configure(settings: Settings) -> None:
    """Set what all spans of this process have in common.

    Parameters
    ----------
    settings
        The settings of the service.
    """
    global _trace_percent, _slow_seconds
    _resource["service.name"] = settings.service
    _resource["deployment.environment.name"] = settings.stage
    _trace_percent = settings.trace_percent
    _slow_seconds = settings.slow_seconds


def always(_trace_id: str) -> bool:
    """Sample every trace."""
    return True


def is_in_share(trace_id: str) -> bool:
    """Return whether a trace belongs to the share of traces that are sampled."""
    return context.is_in_share(trace_id, _trace_percent)


def span(name: str, kind: int = INTERNAL, attributes: Mapping[str, Any] | None = None) -> Span:
    """Return a span, to be entered, below the current one; outside of a hop, it is not exported.

    Parameters
    ----------
    name, kind
        What it is called, and its kind.
    attributes
        What is known about it.
    """
    return Span(name, kind, {**(attributes or {})})


@contextmanager
def hop(
    name: str,
    kind: int,
    parent: Mapping[str, str],
    *,
    budget: float,
    public: bool = False,
    sampled: Callable[[str], bool] | None = None,
    invocation: Any = None,
) -> Iterator[Span]:
    """Enter the context that a request or event carries, with a span of its own.

    Parameters
    ----------
    name, kind
        What the span is called, and its kind.
    parent
        The headers of the request, or the extension attributes of the event.
    budget
        The most seconds that this hop may take.
    public
        Whether anybody may have sent ``parent``: its deadline and its sampled flag are ignored
        then, and its span is not the parent, since no one here has it.
    sampled
        Decides by the id of the trace whether it is sampled, unless the caller has decided.
    invocation
        Lambda's context object.
    """
    global _is_cold
    own = Span(name, kind, {"faas.coldstart": True} if _is_cold else {})
    is_cold, _is_cold = _is_cold, False
    if invocation_id := getattr(invocation, "aws_request_id", None):
        own.attributes["faas.invocation_id"] = invocation_id
    finished = [own]
    token = _hop.set(finished)
    outer = _current.get()
    _current.set(own)
    given = None if public else context.parent_of(_traceparent_of(parent))
    if given:
        sampled = None
        own.parent_id = given[1]
    try:
        with (
            context.entered(
                parent, budget=budget, trust_deadline=not public, sampled=sampled
            ) as current,
            log.collected_metrics(),
        ):
            if is_cold:
                current.fields["cold_start"] = True
            own._identify(current)
            own.start = time.time_ns()
            try:
                yield own
            except BaseException as error:
                own.fail(type(error).__name__, str(error))
                raise
            finally:
                own.end = time.time_ns()
                try:
                    _export(finished, current)
                except Exception as error:
                    # whatever is wrong with a span, the request or event has been handled
                    log.warning("spans not exported", reason=f"{type(error).__name__}: {error}")
    finally:
        _current.set(outer)
        _hop.reset(token)


@contextmanager
def scheduled(name: str, invocation: Any = None, *, budget: float | None = None) -> Iterator[Span]:
    """Enter the context of a scheduled run, a trace of its own.

    Parameters
    ----------
    name
        The name of the function.
    invocation
        Lambda's context object.
    budget
        The most seconds that it may take; by default, what the invocation has left.
    """
    budget = context.budget_of(invocation) if budget is None else budget
    with hop(name, SERVER, {}, budget=budget, sampled=always, invocation=invocation) as span:
        span.attributes["faas.trigger"] = "timer"
        yield span


def keep() -> None:
    """Export the spans of the current hop, and sample its trace from here on."""
    if (finished := _hop.get()) is not None:
        context.sample()
        for one in finished:
            one.is_sampled = True


def current_hop() -> Span | None:
    """Return the span of the current hop."""
    finished = _hop.get()
    return finished[0] if finished else None


def current() -> Span | None:
    """Return the current span: the innermost that has been entered and not left."""
    return _current.get()


def concerns_subject_of(document: Any) -> None:
    """Add the id of the order that a body or an event's data is about, if it is about one.

    Parameters
    ----------
    document
        A contract type.
    """
    for name in ("order_id", "id", "subject", "order"):
        value = getattr(document, name, None)
        if isinstance(value, str):
            concerns(value)
        elif value is not None:
            concerns(getattr(value, "order_id", None))
    order_ids = getattr(document, "order_ids", None)
    if order_ids and len(order_ids) == 1:
        concerns(order_ids[0])


def is_order_id(text: str) -> bool:
    """Return whether a text is the id of an order."""
    return _ORDER_ID.fullmatch(text) is not None


def concerns(order_id: str | None) -> None:
    """Add an order's id to all spans of the current hop, and to its lines of the log.

    Anything but an id is ignored: it may come from a path.
    """
    if order_id and is_order_id(order_id):
        context.current().fields["order_id"] = order_id


def forget() -> None:
    """Close the socket, so that no snapshot of the process has it."""
    global _socket
    if _socket is not None:
        _socket.close()
        _socket = None


def _traceparent_of(parent: Mapping[str, str]) -> str | None:
    return next((value for name, value in parent.items() if name.lower() == "traceparent"), None)


def _export(spans: list[Span], current: context.Context) -> None:
    host, _, port = os.environ.get(_DAEMON, "").rpartition(":")
    if not host or not port.isdigit():
        return
    own = spans[0]
    is_slow = own.end - own.start > _slow_seconds * 1e9
    if not is_slow and not any(one.error for one in spans):
        spans = [one for one in spans if one.is_sampled]
    if order_id := current.fields.get("order_id"):
        for one in spans:
            one.attributes.setdefault(ORDER_ID, order_id)
        own.attributes["aws.xray.annotations"] = [ORDER_ID]
    if name := os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        # read here, since the local functions of an app are forked from one process
        _resource["faas.name"] = name
    for datagram in otlp.datagrams(_resource, spans):
        # one that the system refuses is lost, but not those after it
        with suppress(OSError):
            _send(datagram, host, int(port))


def _send(datagram: bytes, host: str, port: int) -> None:
    global _socket
    if _socket is None:
        _socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    _socket.sendto(datagram, (host, port))
