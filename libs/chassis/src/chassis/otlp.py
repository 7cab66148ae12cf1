"""Spans as bytes: OTLP's protobuf messages, in the datagrams of AWS's OpenTelemetry distribution.

The messages are those of ``opentelemetry/proto/trace/v1/trace.proto``; the tests decode them with
the official package. It would take a function longer to import than to do its work.
"""

from binascii import b2a_base64, unhexlify
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from struct import pack
from typing import Any, Protocol

MAX_DATAGRAM = 8_000
"""Bytes; macOS sends at most 9,216 by default (``net.inet.udp.maxdgram``)."""
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
"""Kinds of spans."""
_HEADER = b'{"format":"json","version":1}\nT1S'
_SCOPE = "chassis"
_STATUS_ERROR = 2

Attributes = Mapping[str, Any]


class Finished(Protocol):
    """A span that has ended."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    attributes: dict[str, Any]
    events: list[tuple[int, str, Attributes]]
    links: list[tuple[str, str]]
    error: str


def datagrams(resource: Attributes, spans: Iterable[Finished]) -> Iterator[bytes]:
    """Yield the datagrams that export spans.

    Parameters
    ----------
    resource
        The attributes of the process.
    spans
        The spans.
    """
    head = _bytes(1, b"".join(_attributes(1, resource)))
    scope = _bytes(1, _text(1, _SCOPE))
    room = MAX_DATAGRAM * 3 // 4 - len(head) - 200
    batch: list[bytes] = []
    size = 0
    for span in spans:
        encoded = _bytes(2, _span(span))
        if batch and size + len(encoded) > room:
            yield _datagram(head, scope, batch)
            batch, size = [], 0
        batch.append(encoded)
        size += len(encoded)
    if batch:
        yield _datagram(head, scope, batch)


def _datagram(head: bytes, scope: bytes, spans: Iterable[bytes]) -> bytes:
    resource_spans = head + _bytes(2, scope + b"".join(spans))
    return _HEADER + b2a_base64(_bytes(1, resource_spans), newline=False)


def _span(span: Finished) -> bytes:
    parts = [
        _bytes(1, unhexlify(span.trace_id)),
        _bytes(2, unhexlify(span.span_id)),
        _text(5, span.name),
        _number(6, span.kind),
        _fixed64(7, span.start),
        _fixed64(8, span.end),
        *_attributes(9, span.attributes),
    ]
    if span.parent_id:
        parts.append(_bytes(4, unhexlify(span.parent_id)))
    for time, name, attributes in span.events:
        event = [_fixed64(1, time), _text(2, name), *_attributes(3, attributes)]
        parts.append(_bytes(11, b"".join(event)))
    for trace_id, span_id in span.links:
        link = _bytes(1, unhexlify(trace_id)) + _bytes(2, unhexlify(span_id))
        parts.append(_bytes(13, link))
    if span.error:
        parts.append(_bytes(15, _text(2, span.error) + _number(3, _STATUS_ERROR)))
    return b"".join(parts)


def _attributes(field: int, attributes: Attributes) -> Iterator[bytes]:
    for name, value in attributes.items():
        encoded = _text_attribute if type(value) is str else _attribute
        yield encoded(field, name, value)


def _attribute(field: int, name: str, value: Any) -> bytes:
    return _bytes(field, _text(1, name) + _bytes(2, _value(value)))


# most spans of a process have the same texts
_text_attribute = lru_cache(512)(_attribute)


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return _number(2, int(value))
    if isinstance(value, int):
        return _number(3, value)
    if isinstance(value, float):
        return b"\x21" + pack("<d", value)
    if isinstance(value, list | tuple):
        return _bytes(5, b"".join(_bytes(1, _value(item)) for item in value))
    return _text(1, str(value))


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def _fixed64(field: int, value: int) -> bytes:
    return _varint(field << 3 | 1) + pack("<Q", value)


_SMALL = tuple(bytes((value,)) for value in range(0x80))


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _SMALL[value]
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
