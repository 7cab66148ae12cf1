"""Arranges the spans of a trace as a tree, in lines of 80 columns."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shopctl.local.telemetry import Span, Telemetry
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem

_TRACE_ID = re.compile(r"[0-9a-f]{32}|1-[0-9a-f]{8}-[0-9a-f]{24}")
_ORDER_ID = re.compile(r"ord_[0-7][0-9A-HJKMNP-TV-Z]{25}")
_NOT_STORED = (
    "The id may be wrong, or the trace too old: the store keeps the newest 64 MiB."
    " ./shop logs --order ID finds log lines."
)
_NO_ID = (
    "That is not an id: an order id is ord_ followed by 26 digits and capital letters, and a trace"
    " id has 32 hexadecimal digits. The response to POST /orders contains the order id."
)
_NAME_WIDTH = 35
_SERVICE_WIDTH = 14
# calls of AWS that end a chain: what the customer gets
_DELIVERIES = {("SESv2", "SendEmail"), ("SES", "SendEmail"), ("S3", "PutObject")}
_SECOND, _MINUTE, _HOUR = 1000, 60_000, 3_600_000


@dataclass(frozen=True)
class Hop:
    """A span at its place in the tree.

    Attributes
    ----------
    lead
        The lines of the tree that lead to it.
    """

    span: Span
    lead: str


def find(telemetry: Telemetry, id_: str) -> list[list[Span]]:
    """Return the traces of an order, or one trace by its id, oldest first.

    Parameters
    ----------
    id_
        The order's id, or a trace's in the form of W3C or of X-Ray.

    Raises
    ------
    ShopProblem
        If no span is stored.
    """
    is_trace = bool(_TRACE_ID.fullmatch(id_))
    ids = [id_.removeprefix("1-").replace("-", "")] if is_trace else telemetry.traces_of(id_)
    traces = [spans for trace_id in ids if (spans := telemetry.spans(trace_id))]
    if not traces:
        is_id = is_trace or _ORDER_ID.fullmatch(id_)
        raise ShopProblem(
            f"No {'span' if is_trace else 'trace'} of {id_} is stored.",
            _NOT_STORED if is_id else _NO_ID,
        )
    return sorted(traces, key=lambda spans: spans[0].start_ns)


def hops(spans: Iterable[Span], *, everything: bool = False) -> Iterator[Hop]:
    """Yield the spans of a trace as a tree, each before those that it caused.

    By default without successful calls of AWS, and without calls of a service whose own span is
    there.

    Parameters
    ----------
    everything
        Whether to yield every span.
    """
    spans = sorted(spans, key=lambda span: (span.start_ns, span.span_id))
    by_id = {span.span_id: span for span in spans}
    called = {span.parent_id for span in spans if span.kind == "server"}
    hidden = set() if everything else {s.span_id for s in spans if _is_detail(s, called)}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if span.span_id in hidden:
            continue
        parent = span.parent_id
        while parent in hidden:
            parent = by_id[parent].parent_id
        children[parent if parent in by_id else ""].append(span)

    def below(parent: str, lead: str) -> Iterator[Hop]:
        for position, span in enumerate(children[parent]):
            last = position == len(children[parent]) - 1
            if parent:
                yield Hop(span, lead + ("└ " if last else "├ "))
                yield from below(span.span_id, lead + ("  " if last else "│ "))
            else:
                yield Hop(span, "")
                yield from below(span.span_id, "")

    yield from below("", "")


def outcome(span: Span) -> str:
    """Return a span's outcome in a word: ok, failed, parked, duplicate, or its HTTP status."""
    status = span.attributes.get("http.response.status_code")
    if any(event["name"] == "parked" for event in span.events):
        text = "parked"
    elif span.attributes.get("toyshop.duplicate"):
        text = "duplicate"
    elif status is not None:
        text = str(status)
    else:
        text = "failed" if span.status == "error" else "ok"
    attempt = span.attributes.get("toyshop.attempt", 1)
    return f"{text} (attempt {attempt})" if attempt > 1 else text


def reason(span: Span) -> str:
    """Return why a span failed or its event was parked; empty if neither is so."""
    found = [
        span.attributes.get("error.type"),
        span.attributes.get("otel.status_description"),
        *(event["attributes"].get("reason") for event in span.events),
        *(event["attributes"].get("exception.message") for event in span.events),
    ]
    failed = span.status == "error" or outcome(span).startswith("parked")
    return ": ".join(dict.fromkeys(str(part) for part in found if part)) if failed else ""


def lines(id_: str, traces: list[list[Span]], *, width: int, everything: bool) -> Iterator[str]:
    """Yield what a person reads about traces: a line for each hop, by trace.

    Parameters
    ----------
    id_
        What the traces were found by.
    width
        Columns of the terminal.
    """
    start = min(span.start_ns for spans in traces for span in spans)
    end = max(span.end_ns for spans in traces for span in spans)
    began = datetime.fromtimestamp(start / 1e9)
    yield f"{id_}: {began:%Y-%m-%d %H:%M:%S}, {duration((end - start) / 1e6)} in all"
    for spans in traces:
        yield ""
        yield f"trace {spans[0].trace_id}, {len(spans)} spans"
        head = f"{'start':>9} {'duration':>9}  {'':{_NAME_WIDTH}} {'service':{_SERVICE_WIDTH}}"
        yield f"{head} outcome"
        for hop in hops(spans, everything=everything):
            span = hop.span
            columns = (
                f"{duration((span.start_ns - start) / 1e6):>9}",
                f"{duration(span.duration_ms):>9} ",
                f"{_cut(hop.lead + _short(span.name), _NAME_WIDTH):{_NAME_WIDTH}}",
                f"{_cut(span.service, _SERVICE_WIDTH):{_SERVICE_WIDTH}}",
                outcome(span).removesuffix(")").replace(" (attempt ", " #"),
            )
            yield _cut(" ".join(columns), width)
            if why := reason(span):
                yield _cut(f"{'':21}{'  ' * (len(hop.lead) // 2)}  {why}", width)


def as_json(traces: list[list[Span]]) -> list[dict[str, Any]]:
    """Return traces as plain values, each with all of its spans."""
    return [
        {
            "trace_id": spans[0].trace_id,
            "spans": [
                {**asdict(span), "duration_ms": span.duration_ms, "outcome": outcome(span)}
                for span in spans
            ],
        }
        for spans in traces
    ]


def duration(milliseconds: float) -> str:
    """Return a duration in at most nine characters: ``57 ms``, ``1.25 s``, ``2 h 5 m``."""
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms"
    if milliseconds < _SECOND:
        return f"{milliseconds:.0f} ms"
    if milliseconds < _MINUTE:
        return f"{milliseconds / _SECOND:.2f} s"
    if milliseconds < _HOUR:
        return f"{milliseconds // _MINUTE:.0f} m {milliseconds % _MINUTE // _SECOND:.0f} s"
    return f"{milliseconds // _HOUR:.0f} h {milliseconds % _HOUR // _MINUTE:.0f} m"


def _is_detail(span: Span, called: set[str]) -> bool:
    if span.kind != "client":
        return False
    if span.span_id in called:
        return True
    call = (str(span.attributes.get("rpc.service", "")), str(span.attributes.get("rpc.method", "")))
    is_aws = span.attributes.get("rpc.system") == "aws-api"
    return is_aws and span.status != "error" and call not in _DELIVERIES


def _short(name: str) -> str:
    """Return a span's name without what the names of all of the shop's resources begin with."""
    return name.replace(aws_names.resource("local", ""), "")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
