"""Receives spans as functions send them to Lambda's X-Ray daemon.

The protocol is that of AWS's distribution of OpenTelemetry: datagrams with a header, ``T1S`` (a
sampled trace) and an OTLP request in protobuf as base64.
"""

import base64
import functools
import json
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from embedded_aws.telemetry.store import Span, Store

_HEADER = b'{"format":"json","version":1}\n'
_SAMPLED = b"T1S"
_LONGEST_DATAGRAM = 65_535
# the kernel grants what it allows
_BUFFER_BYTES = 8 * 2**20
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
ORDER_ID = "toyshop.order_id"


def receive(store: Store) -> str:
    """Store the spans that arrive from now on.

    Returns
    -------
    str
        The address to send them to, for ``AWS_XRAY_DAEMON_ADDRESS``.
    """
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    receiver.bind(("127.0.0.1", 0))

    def run() -> None:
        while True:
            store.add(functools.partial(decode, receiver.recv(_LONGEST_DATAGRAM)))

    threading.Thread(target=run, daemon=True, name="spans").start()
    return f"127.0.0.1:{receiver.getsockname()[1]}"


def decode(datagram: bytes) -> Iterator[Span]:
    """Yield the spans of a datagram; one of an unsampled trace has none.

    Raises
    ------
    ValueError
        If it is not one of the protocol.
    google.protobuf.message.DecodeError
        If its content is no OTLP request.
    """
    if not datagram.startswith(_HEADER):
        raise ValueError("the datagram has another header")
    content = datagram[len(_HEADER) :]
    if not content.startswith(_SAMPLED):
        return
    request = ExportTraceServiceRequest.FromString(base64.b64decode(content[len(_SAMPLED) :]))
    for group in request.resource_spans:
        resource = _plain(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield _row(span, resource)


def _row(span: Any, resource: dict[str, Any]) -> Span:
    attributes = _plain(span.attributes)
    if span.status.message:
        attributes["otel.status_description"] = span.status.message
    order_id = attributes.get(ORDER_ID)
    events = [
        {
            "name": event.name,
            "time_ns": event.time_unix_nano,
            "attributes": _plain(event.attributes),
        }
        for event in span.events
    ]
    links = [
        {
            "trace_id": link.trace_id.hex(),
            "span_id": link.span_id.hex(),
            "attributes": _plain(link.attributes),
        }
        for link in span.links
    ]
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        service=str(resource.get("service.name", "")),
        function=str(resource.get("faas.name", "")),
        name=span.name,
        kind=_KINDS[span.kind],
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=_STATUSES[span.status.code],
        order_id=None if order_id is None else str(order_id),
        attributes=json.dumps(attributes),
        events=json.dumps(events) if events else "[]",
        links=json.dumps(links) if links else "[]",
    )


def _plain(attributes: Iterable[Any]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(entry) for entry in value.array_value.values]
    if kind == "kvlist_value":
        return _plain(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return None if kind is None else getattr(value, kind)
