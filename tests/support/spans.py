"""Spans made with OpenTelemetry's own protobuf classes, as functions send them."""

import base64
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

HEADER = b'{"format":"json","version":1}\n'
TRACE = "5f84c7a1e7d1852fbb80808080808080"
_START_NS = 1_764_547_200_000_000_000


@dataclass
class MadeSpan:
    """A span; times are in milliseconds after a fixed moment, ids are small numbers."""

    id: int
    name: str
    kind: str = "internal"
    parent: int = 0
    service: str = "orders"
    start_ms: float = 0
    duration_ms: float = 10
    trace_id: str = TRACE
    failed: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    links: list[tuple[str, int]] = field(default_factory=list)


def datagram(*spans: MadeSpan, start_ns: int = _START_NS) -> bytes:
    """Return a datagram with spans of one service."""
    resource = Resource(
        attributes=_attributes(
            {
                "service.name": spans[0].service,
                "faas.name": f"toyshop-local-{spans[0].service}-api-handler",
            }
        )
    )
    scope = trace_pb2.ScopeSpans(spans=[_span(span, start_ns) for span in spans])
    group = trace_pb2.ResourceSpans(resource=resource, scope_spans=[scope])
    request = ExportTraceServiceRequest(resource_spans=[group])
    return HEADER + b"T1S" + base64.b64encode(request.SerializeToString())


def _span(span: MadeSpan, start_ns: int) -> trace_pb2.Span:
    started = start_ns + int(span.start_ms * 1e6)
    return trace_pb2.Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=span.id.to_bytes(8),
        parent_span_id=span.parent.to_bytes(8) if span.parent else b"",
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Value(f"SPAN_KIND_{span.kind.upper()}"),
        start_time_unix_nano=started,
        end_time_unix_nano=started + int(span.duration_ms * 1e6),
        attributes=_attributes(span.attributes),
        status=trace_pb2.Status(
            code=trace_pb2.Status.STATUS_CODE_ERROR
            if span.failed
            else trace_pb2.Status.STATUS_CODE_UNSET,
            message=span.failed,
        ),
        events=[
            trace_pb2.Span.Event(
                name=name, time_unix_nano=started, attributes=_attributes(attributes)
            )
            for name, attributes in span.events
        ],
        links=[
            trace_pb2.Span.Link(trace_id=bytes.fromhex(trace), span_id=number.to_bytes(8))
            for trace, number in span.links
        ],
    )


def _attributes(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in values.items()]


def _value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_value(entry) for entry in value]))
    return AnyValue(string_value=value)
