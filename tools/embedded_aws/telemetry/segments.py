"""Segment documents as X-Ray makes them from OTLP spans."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from embedded_aws.telemetry.store import Span

Document = dict[str, Any]
# kinds of spans that are segments; others are subsegments
_SEGMENT_KINDS = ("server", "consumer")


def trace_id(otel_id: str) -> str:
    """Return X-Ray's form of a trace id: ``1-`` and its first 8 and last 24 hex digits."""
    return f"1-{otel_id[:8]}-{otel_id[8:]}"


def otel_trace_id(xray_id: str) -> str:
    """Return the 32 hex digits of an X-Ray trace id."""
    return xray_id.removeprefix("1-").replace("-", "")


def annotation(name: str) -> str:
    """Return the key that an attribute is indexed by, without dots."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def annotations(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the annotations of a span: its attributes that ``aws.xray.annotations`` lists."""
    return {
        annotation(name): attributes[name]
        for name in attributes.get("aws.xray.annotations", [])
        if name in attributes
    }


def documents(spans: Iterable[Span]) -> Iterator[Document]:
    """Yield the segments of one trace, each with its subsegments.

    A subsegment whose parent is not there, such as one whose parent has not ended, stands alone
    with ``"type": "subsegment"``.
    """
    ordered = sorted(spans, key=lambda span: (span.start_ns, span.span_id))
    made = {span.span_id: document(span) for span in ordered}
    children: dict[str, list[Document]] = defaultdict(list)
    nested = set()
    for span in ordered:
        if span.kind not in _SEGMENT_KINDS and span.parent_id in made:
            children[span.parent_id].append(made[span.span_id])
            nested.add(span.span_id)
    for span_id, of_parent in children.items():
        made[span_id]["subsegments"] = of_parent
    for span in ordered:
        if span.span_id not in nested:
            yield made[span.span_id]


def document(span: Span) -> Document:
    """Return the document of a span.

    All attributes are in the metadata's ``default``, with the span's name and kind. Its events are
    in the metadata's ``events``.
    """
    attributes = json.loads(span.attributes)
    events = json.loads(span.events)
    links = json.loads(span.links)
    found: Document = {
        "id": span.span_id,
        "trace_id": trace_id(span.trace_id),
        "name": _name(span, attributes),
        "start_time": span.start_ns / 1e9,
        "end_time": span.end_ns / 1e9,
    }
    if span.parent_id:
        found["parent_id"] = span.parent_id
    if span.kind in _SEGMENT_KINDS:
        found["origin"] = "AWS::Lambda::Function"
    else:
        found["type"] = "subsegment"
        if span.kind in ("client", "producer"):
            found["namespace"] = "aws" if attributes.get("rpc.system") == "aws-api" else "remote"
    found |= _failure(span, attributes, events) | _http(attributes)
    found["aws"] = _aws(span, attributes)
    found["annotations"] = annotations(attributes)
    found["metadata"] = {
        "default": {
            "otel.span.name": span.name,
            "otel.span.kind": span.kind.upper(),
            "otel.resource.service.name": span.service,
            "otel.resource.faas.name": span.function,
            **attributes,
        }
    }
    if events:
        found["metadata"]["events"] = events
    if links:
        found["links"] = [
            {
                "trace_id": trace_id(link["trace_id"]),
                "id": link["span_id"],
                "attributes": link["attributes"],
            }
            for link in links
        ]
    return found


def _name(span: Span, attributes: dict[str, Any]) -> str:
    """Return the service, called service or AWS service; the name of other spans."""
    if span.kind in _SEGMENT_KINDS:
        return span.service
    called = attributes.get("peer.service") or attributes.get("rpc.service")
    return str(called or span.name)


def _failure(span: Span, attributes: dict[str, Any], events: list[Any]) -> Document:
    status = attributes.get("http.response.status_code", 0)
    failed: Document = {}
    if status == 429:
        failed = {"throttle": True, "error": True}
    elif 400 <= status < 500:
        failed = {"error": True}
    elif span.status == "error" or status >= 500:
        failed = {"fault": True}
    exceptions = [
        {
            "message": event["attributes"].get("exception.message", ""),
            "type": event["attributes"].get("exception.type", ""),
        }
        for event in events
        if event["name"] == "exception"
    ]
    if failed and not exceptions and (kind := attributes.get("error.type")):
        message = attributes.get("otel.status_description", "")
        exceptions = [{"message": message, "type": str(kind)}]
    return failed | ({"cause": {"exceptions": exceptions}} if exceptions else {})


def _http(attributes: dict[str, Any]) -> Document:
    request = {
        name: attributes[key]
        for name, keys in (
            ("method", ("http.request.method",)),
            ("url", ("url.full", "url.template", "http.route")),
        )
        for key in [next((key for key in keys if key in attributes), None)]
        if key
    }
    status = attributes.get("http.response.status_code")
    parts: Document = {"request": request} if request else {}
    if status is not None:
        parts["response"] = {"status": status}
    return {"http": parts} if parts else {}


def _aws(span: Span, attributes: dict[str, Any]) -> Document:
    names = {
        "operation": attributes.get("rpc.method"),
        "table_name": next(iter(attributes.get("aws.dynamodb.table_names") or []), None),
        "request_id": attributes.get("faas.invocation_id") or attributes.get("aws.request_id"),
        "function_name": span.function,
    }
    return {name: value for name, value in names.items() if value}
