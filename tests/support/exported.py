"""The spans and metrics that the chassis exported, decoded by the official packages."""

import base64
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from chassis import tracing

HEADER = {"format": "json", "version": 1}


class ExportedSpan(NamedTuple):
    """One span, as a backend receives it."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: list[tuple[str, str]]
    error: str | None


class Metric(NamedTuple):
    """One value of a metric."""

    name: str
    value: float
    unit: str
    dimensions: dict[str, str]


Spans = Callable[[], list[ExportedSpan]]


def decoded(datagram: bytes) -> list[ExportedSpan]:
    """Return the spans in a datagram, whose format is verified."""
    header, _, body = datagram.partition(b"\n")
    assert json.loads(header) == HEADER
    assert body.startswith(b"T1S")
    request = ExportTraceServiceRequest.FromString(base64.b64decode(body[3:], validate=True))
    (resource_spans,) = request.resource_spans
    resource = _attributes(resource_spans.resource.attributes)
    (scope_spans,) = resource_spans.scope_spans
    return [_span(resource["service.name"], span) for span in scope_spans.spans]


def resource_of(datagram: bytes) -> dict[str, Any]:
    """Return the attributes of the process that sent a datagram."""
    body = base64.b64decode(datagram.partition(b"\n")[2][3:])
    (resource_spans,) = ExportTraceServiceRequest.FromString(body).resource_spans
    return _attributes(resource_spans.resource.attributes)


def metrics_in(line: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics of a line of the log, as CloudWatch extracts them."""
    for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
        assert directive["Namespace"] == "ToyShop"
        (names,) = directive["Dimensions"]
        for metric in directive["Metrics"]:
            values = line[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                dimensions = {name: line[name] for name in names}
                yield Metric(metric["Name"], value, metric["Unit"], dimensions)


@pytest.fixture
def datagrams(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[bytes]]]:
    """Return a function that returns the datagrams received so far."""
    monkeypatch.setattr(tracing, "_socket", None)
    monkeypatch.setattr(tracing, "_is_cold", True)
    monkeypatch.setitem(tracing._resource, "service.name", "tests")
    received: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        port = receiver.getsockname()[1]
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{port}")

        def read() -> list[bytes]:
            try:
                while True:
                    received.append(receiver.recv(1 << 16))
            except BlockingIOError:
                return received

        yield read
    tracing.forget()


@pytest.fixture
def spans(datagrams: Callable[[], list[bytes]]) -> Spans:
    """Return a function that returns the spans exported so far."""
    return lambda: [span for datagram in datagrams() for span in decoded(datagram)]


def _span(service: str, span: Message) -> ExportedSpan:
    is_error = span.status.code == Status.STATUS_CODE_ERROR
    return ExportedSpan(
        service=service,
        name=span.name,
        kind=Message.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=[(event.name, _attributes(event.attributes)) for event in span.events],
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        error=span.status.message if is_error else None,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    pair: KeyValue
    for pair in pairs:
        found[pair.key] = _value(pair.value)
    return found


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind or "")
