"""X-Ray's API for reading traces, answered from the telemetry store.

A filter expression can compare annotations with strings, numbers and booleans, joined by ``AND``.
"""

import asyncio
import contextlib
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ministack import app as ministack_app
from ministack.core import iam_actions, router
from ministack.core.responses import error_response_json

from embedded_aws.telemetry import segments
from embedded_aws.telemetry.store import Span, Store

_SUMMARIES, _TRACES = "/TraceSummaries", "/Traces"
_ACTIONS = {_SUMMARIES: "xray:GetTraceSummaries", _TRACES: "xray:BatchGetTraces"}
_TRACES_PER_REQUEST = 5
_TRACES_PER_PAGE = 100
_SELECT = f"SELECT {', '.join(Span._fields)} FROM spans"  # nosec B608
_CONDITION = re.compile(
    r"""\s*annotation(?:\.(?P<name>\w+)|\[["']?(?P<quoted>[\w.]+)["']?\])"""
    r"""\s*=\s*(?:"(?P<text>[^"]*)"|(?P<value>true|false|-?\d+(?:\.\d+)?))\s*""",
    re.IGNORECASE,
)


class _Invalid(Exception):
    """A request that X-Ray refuses, with the reason."""


def install(store: Store) -> None:
    """Make ministack serve X-Ray; with IAM, callers need X-Ray's actions."""

    async def handle(
        method: str,
        path: str,
        headers: Any,  # noqa: ARG001 - the signature is ministack's
        body: bytes,
        query_params: Any,  # noqa: ARG001
    ) -> Any:
        answer = {_SUMMARIES: _summaries, _TRACES: _traces}.get(path)
        if method != "POST" or answer is None:
            return error_response_json("InvalidRequestException", "Unknown operation", 400)
        try:
            request = json.loads(body or b"{}")
            found = await asyncio.to_thread(_answered, store, answer, request)
        except _Invalid as error:
            return error_response_json("InvalidRequestException", str(error), 400)
        except (ValueError, TypeError, AttributeError):
            return error_response_json("InvalidRequestException", "Invalid request", 400)
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

    router.SERVICE_PATTERNS["xray"] = {"host_patterns": [r"^xray\."]}
    ministack_app.SERVICE_HANDLERS["xray"] = handle
    iam_actions.extract_iam_action = _with_actions(iam_actions.extract_iam_action)


def _with_actions(extract: Any) -> Any:
    def extract_iam_action(service: str, method: str, path: str, *rest: Any) -> str | None:
        if service == "xray":
            return _ACTIONS.get(path)
        action: str | None = extract(service, method, path, *rest)
        return action

    return extract_iam_action


def _answered(store: Store, answer: Any, request: dict[str, Any]) -> Any:
    store.flush()
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        return answer(connection, request)


def _traces(connection: sqlite3.Connection, request: dict[str, Any]) -> dict[str, Any]:
    """Answer BatchGetTraces."""
    ids = request.get("TraceIds")
    if not ids:
        raise _Invalid("TraceIds is required")
    if len(ids) > _TRACES_PER_REQUEST:
        raise _Invalid(f"TraceIds has more than {_TRACES_PER_REQUEST} members")
    found = {xray_id: _spans(connection, segments.otel_trace_id(xray_id)) for xray_id in ids}
    return {
        "Traces": [
            {
                "Id": xray_id,
                "Duration": _duration(spans),
                "LimitExceeded": False,
                "Segments": [
                    {"Id": document["id"], "Document": json.dumps(document)}
                    for document in segments.documents(spans)
                ],
            }
            for xray_id, spans in found.items()
            if spans
        ],
        "UnprocessedTraceIds": [],
    }


def _summaries(connection: sqlite3.Connection, request: dict[str, Any]) -> dict[str, Any]:
    """Answer GetTraceSummaries; the newest trace comes first."""
    start, end = request.get("StartTime"), request.get("EndTime")
    if start is None or end is None:
        raise _Invalid("StartTime and EndTime are required")
    wanted = _conditions(request.get("FilterExpression") or "")
    ids = _ids(connection, wanted, int(float(start) * 1e9), int(float(end) * 1e9))
    first = int(request.get("NextToken") or 0)
    page = ids[first : first + _TRACES_PER_PAGE]
    summaries = [_summary(found, _spans(connection, found)) for found in page]
    more = first + _TRACES_PER_PAGE < len(ids)
    return {
        "TraceSummaries": summaries,
        "ApproximateTime": float(end),
        "TracesProcessedCount": len(ids),
        **({"NextToken": str(first + _TRACES_PER_PAGE)} if more else {}),
    }


def _conditions(expression: str) -> dict[str, Any]:
    """Return the required values by annotation."""
    conditions = {}
    for part in re.split(r"\bAND\b", expression) if expression.strip() else ():
        match = _CONDITION.fullmatch(part)
        if not match:
            raise _Invalid(f"The filter expression cannot be parsed: {part.strip()}")
        name = segments.annotation(match["name"] or match["quoted"])
        text = match["text"]
        conditions[name] = text if text is not None else json.loads(match["value"].lower())
    return conditions


def _ids(
    connection: sqlite3.Connection, wanted: dict[str, Any], start_ns: int, end_ns: int
) -> list[str]:
    """Return the ids of the traces that have each annotation on some span."""
    query, parameters = "start_ns BETWEEN ? AND ?", [start_ns, end_ns]
    order = wanted.get("toyshop_order_id")
    if order is not None:
        # an index finds them
        query, parameters = f"order_id = ? AND {query}", [order, *parameters]
    starts: dict[str, int] = {}
    present: dict[str, set[str]] = defaultdict(set)
    rows = connection.execute(
        f"SELECT trace_id, start_ns, attributes FROM spans WHERE {query}",  # nosec B608
        parameters,
    )
    for found, started, attributes in rows:
        starts[found] = min(started, starts.get(found, started))
        if wanted:
            values = segments.annotations(json.loads(attributes))
            present[found] |= {name for name, value in wanted.items() if values.get(name) == value}
    matching = [found for found in starts if present[found] >= wanted.keys()]
    return sorted(matching, key=lambda found: starts[found], reverse=True)


def _summary(found: str, spans: list[Span]) -> dict[str, Any]:
    documents = [segments.document(span) for span in spans]
    annotations: dict[str, list[Any]] = defaultdict(list)
    for document in documents:
        for name, value in document["annotations"].items():
            entry = {"AnnotationValue": _annotation_value(value)}
            if entry not in annotations[name]:
                annotations[name].append(entry)
    names = dict.fromkeys(span.service for span in spans if span.service)
    first = min(documents, key=lambda document: document["start_time"])
    http = first.get("http", {})
    parts = {
        "HttpMethod": http.get("request", {}).get("method"),
        "HttpURL": http.get("request", {}).get("url"),
        "HttpStatus": http.get("response", {}).get("status"),
    }
    return {
        "Id": segments.trace_id(found),
        "StartTime": first["start_time"],
        "Duration": _duration(spans),
        "ResponseTime": first["end_time"] - first["start_time"],
        "HasFault": any(document.get("fault", False) for document in documents),
        "HasError": any(document.get("error", False) for document in documents),
        "HasThrottle": any(document.get("throttle", False) for document in documents),
        "IsPartial": False,
        "Http": {name: value for name, value in parts.items() if value is not None},
        "Annotations": annotations,
        "ServiceIds": [{"Name": name, "Names": [name]} for name in names],
        "EntryPoint": {"Name": first["name"], "Names": [first["name"]]},
    }


def _annotation_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": float(value)}


def _spans(connection: sqlite3.Connection, found: str) -> list[Span]:
    rows = connection.execute(f"{_SELECT} WHERE trace_id = ? ORDER BY start_ns", [found])
    return [Span(*row) for row in rows]


def _duration(spans: Iterable[Span]) -> float:
    spans = list(spans)
    return (
        (max(span.end_ns for span in spans) - min(span.start_ns for span in spans)) / 1e9
        if spans
        else 0.0
    )
