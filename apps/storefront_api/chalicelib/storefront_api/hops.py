"""Draws the journey of an order: turns the spans of its traces into hops and messages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from chalicelib.storefront_api.traces import Span
from contracts.journeys import Channel, HopKind, HopOutcome, JourneyHop, JourneyMessage

_FUNCTION = re.compile(r"toyshop-[a-z0-9]+-(.+)")
_READING = ("GET", "HEAD")
_LOOKUP = "/lookup"
_AUDIT = "/audit"
_PUBLISHING = ("send", "publish", "create")
_PROCESSING = ("process", "receive")
_PEERS = {"SendEmail": "Amazon SES", "PutObject": "Amazon S3"}
"""AWS's services that are hops of an order, by operation; a call of any other is a detail."""
_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")


class Drawing(NamedTuple):
    """The journey of an order.

    Attributes
    ----------
    started_at
        When its first hop started.
    duration
        Milliseconds until its last hop ended.
    hops, messages
        In order of time.
    emails
        The hop that sent each email, by the message's id.
    """

    started_at: datetime | None
    duration: float
    hops: list[JourneyHop]
    messages: list[JourneyMessage]
    emails: dict[str, str]


class _Hop(NamedTuple):
    """A span that is a hop, with the span of the call that led to it, if there is one."""

    span: Span
    kind: HopKind
    parent_id: str | None
    call: Span | None


def drawn(order_id: str, spans: Sequence[Span]) -> Drawing:
    """Return the journey that the spans of an order's traces show.

    Parameters
    ----------
    order_id
        The order's id; spans of other orders in the same trace are left out.
    spans
        The spans.
    """
    found = _hops(_of_order(order_id, spans))
    if not found:
        return Drawing(None, 0.0, [], [], {})
    begin = min(hop.span.start for hop in found)
    end = max(hop.span.end for hop in found)
    by_id = {hop.span.id: hop for hop in found}
    attempts = _attempts(found)
    emails: dict[str, str] = {}
    for hop in found:
        if (message_id := hop.span.text("toyshop_message_id")) and not hop.span.failed:
            # the first one sent it, and later ones found it sent
            emails.setdefault(message_id, hop.span.id)
    return Drawing(
        started_at=datetime.fromtimestamp(begin, UTC),
        duration=_milliseconds(end - begin),
        hops=[_hop(hop, attempts, begin) for hop in found],
        messages=sorted(
            _messages(found, by_id, attempts, spans, begin), key=lambda message: message.sent
        ),
        emails=emails,
    )


def _of_order(order_id: str, spans: Sequence[Span]) -> list[Span]:
    """Return the spans without those that are about other orders, and what these caused."""
    by_id = {span.id: span for span in spans}

    def is_ours(span: Span) -> bool:
        for one in _lineage(span, by_id):
            if about := one.text("toyshop_order_id"):
                return about == order_id
        return True

    return [span for span in spans if is_ours(span)]


def _lineage(span: Span, by_id: Mapping[str, Span]) -> Iterator[Span]:
    """Yield a span, its parent, and so on."""
    seen: set[str] = set()
    current: Span | None = span
    while current is not None and current.id not in seen:
        seen.add(current.id)
        yield current
        current = by_id.get(current.parent_id or "")


def _hops(spans: Sequence[Span]) -> list[_Hop]:
    """Return the hops in order of time."""
    by_id = {span.id: span for span in spans}
    served = {span.parent_id for span in spans if _is_request(span)}
    kinds = {span.id: kind for span in spans if (kind := _kind(span, is_served=span.id in served))}
    found = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        kind = kinds.get(span.id)
        if kind is None:
            continue
        _, *ancestors = lineage = list(_lineage(span, by_id))
        if any(one.text("http_route").endswith(_AUDIT) for one in lineage):
            # it only compares records, those of other orders too
            continue
        parents = [one for one in ancestors if one.id in kinds]
        root = (parents or [span])[-1]
        if _is_request(root) and _is_reading(root):
            continue
        parent = parents[0] if parents else None
        call = by_id.get(span.parent_id or "")
        if call is None or kind != "request" or not call.text("url_template"):
            call = None
        found.append(_Hop(span, kind, parent.id if parent else None, call))
    return found


def _kind(span: Span, *, is_served: bool) -> HopKind | None:
    """Return the kind of hop that a span is; ``None`` if it is a detail of one.

    Parameters
    ----------
    is_served
        Whether the callee recorded the call too.
    """
    if span.text("toyshop_parked"):
        return "event"
    messaging = span.text("messaging_operation_type")
    if messaging in _PUBLISHING:
        return "relay"
    if messaging in _PROCESSING:
        # the batch of a relay, whose events are hops
        return None if span.text("messaging_destination_name").endswith("/stream") else "event"
    if _is_request(span):
        return "request"
    if span.text("rpc_method") in _PEERS:
        return "call"
    if span.text("peer_service") == "payment gateway":
        return "call"
    if span.text("url_template") and not is_served and span.failed:
        return "call"
    if span.is_segment and span.text("faas_invocation_id"):
        return "function"
    return None


def _is_request(span: Span) -> bool:
    return bool(span.text("http_route"))


def _is_reading(span: Span) -> bool:
    return span.text("http_request_method") in _READING or span.text("http_route").endswith(_LOOKUP)


def _hop(hop: _Hop, attempts: Mapping[str, list[_Hop]], begin: float) -> JourneyHop:
    span = hop.span
    error = span.text("toyshop_parked") or span.text("error_type")
    return JourneyHop(
        id=span.id,
        trace_id=span.trace_id,
        parent_id=hop.parent_id,
        service=span.service,
        peer=_peer(span) if hop.kind == "call" else None,
        function=_function(span),
        kind=hop.kind,
        name=_name(span, hop.kind),
        event=_event(span),
        start=_milliseconds(span.start - begin),
        duration=_milliseconds(span.end - span.start),
        attempt=_attempt(hop, attempts),
        outcome=_outcome(hop, attempts),
        status=span.number("http_response_status_code"),
        error=error or None,
    )


def _peer(span: Span) -> str:
    return _PEERS.get(span.text("rpc_method")) or span.text("peer_service") or span.name


def _function(span: Span) -> str | None:
    """Return the name of a function in its service, as in ``service.toml``."""
    found = _FUNCTION.fullmatch(span.text("faas_name"))
    if found is None:
        return span.text("faas_name") or None
    service = span.service.replace("_", "-")
    return found[1].removeprefix(f"{service}-").replace("-", "_")


def _name(span: Span, kind: HopKind) -> str:
    method = span.text("http_request_method")
    path = span.text("http_route") or span.text("url_template")
    if method and path:
        return f"{method} {path}"
    if kind == "call" and (operation := span.text("rpc_method")):
        return operation
    if kind in ("relay", "event"):
        verb = "send" if kind == "relay" else "process"
        event = _event(span) or span.text("messaging_destination_name")
        return f"{verb} {event}" if event else verb
    return _function(span) or span.name


def _event(span: Span) -> str | None:
    """Return the type of an event, which its id ends with: ``<entity>.<version>.<type>``."""
    if known := span.text("toyshop_event_type"):
        return known
    _, _, rest = span.text("messaging_message_id").partition(".")
    return rest.partition(".")[2] or None


def _attempt(hop: _Hop, attempts: Mapping[str, list[_Hop]]) -> int:
    """Return the number of an attempt; a function does not know those of other processes."""
    resent = hop.call.number("http_request_resend_count") if hop.call else None
    tries = attempts.get(_key(hop), [])
    earlier = tries[: tries.index(hop)] if hop in tries else []
    failed = sum(one.span.failed for one in earlier)
    return max((hop.span.number("toyshop_attempt") or 1), (resent or 0) + 1, failed + 1)


def _attempts(hops: Sequence[_Hop]) -> dict[str, list[_Hop]]:
    """Return the attempts to handle each event, in order of time, by service and event."""
    attempts: dict[str, list[_Hop]] = {}
    for hop in hops:
        if hop.kind == "event" and hop.span.text("messaging_message_id"):
            attempts.setdefault(_key(hop), []).append(hop)
    return attempts


def _key(hop: _Hop) -> str:
    return f"{hop.span.service} {hop.span.text('messaging_message_id')}"


def _outcome(hop: _Hop, attempts: Mapping[str, list[_Hop]]) -> HopOutcome:
    span = hop.span
    if span.text("toyshop_parked"):
        return "parked"
    if span.text("toyshop_duplicate").lower() == "true":
        return "duplicate"
    status = span.number("http_response_status_code")
    # an answer such as 404 is an error of its caller, and often an expected one
    if not span.failed or (hop.kind == "request" and status is not None and status < 500):
        return "ok"
    later = attempts.get(_key(hop), [])
    return "retried" if later and later[-1] is not hop else "failed"


def _messages(
    hops: Sequence[_Hop],
    by_id: Mapping[str, _Hop],
    attempts: Mapping[str, list[_Hop]],
    spans: Sequence[Span],
    begin: float,
) -> Iterator[JourneyMessage]:
    for hop in hops:
        tries = attempts.get(_key(hop), [])
        earlier = tries[: tries.index(hop)] if hop in tries else []
        # after a success, an event that comes again is no retry
        failed = earlier[-1] if earlier and earlier[-1].span.failed else None
        sender = failed or by_id.get(hop.parent_id or "")
        if sender is None:
            continue
        channel = _channel(hop, is_retry=failed is not None)
        sent = _sent(hop, sender, channel, spans)
        yield JourneyMessage(
            sender=sender.span.id,
            receiver=hop.span.id,
            channel=channel,
            event=_event(hop.span),
            sent=_milliseconds(sent - begin),
            waited=_milliseconds(hop.span.start - sent),
        )


def _channel(hop: _Hop, *, is_retry: bool) -> Channel:
    if hop.kind == "relay":
        return "stream"
    if hop.kind != "event":
        return "http"
    if hop.span.text("messaging_system") == "aws_sqs":
        return "retry_queue"
    return "retry" if is_retry else "topic"


def _sent(hop: _Hop, sender: _Hop, channel: Channel, spans: Sequence[Span]) -> float:
    """Return when a message was sent, at the latest when its receiver started."""
    start = hop.span.start
    if channel == "http":
        return min(hop.call.start if hop.call else start, start)
    if channel == "stream":
        # a change is in the stream once it is written
        writes = [
            span.end
            for span in spans
            if span.parent_id == sender.span.id
            and span.text("rpc_method") in _WRITES
            and span.end <= start
        ]
        if writes:
            return max(writes)
    return min(sender.span.end, start)


def _milliseconds(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 1)
