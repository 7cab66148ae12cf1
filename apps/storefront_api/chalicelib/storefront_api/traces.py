"""Reads the traces of an order from X-Ray."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chassis import context, log

_WINDOW = timedelta(hours=6)
"""The time that one search covers; X-Ray refuses long ones."""
_LEAST_SECONDS = 10
"""What must remain of the request's time to search on: reading what was found takes some, too."""
_BATCH = 5
"""Traces that X-Ray returns at a time."""
_MOST_TRACES = 50
_READING = ("GET", "HEAD")
_OTHER_SHAPE = (AttributeError, LookupError, TypeError, ValueError)
"""What a document of a shape that is not documented raises."""
_RESOURCE = "otel_resource_"
"""Precedes what describes the whole service, such as its name."""
_PARKED = "parked"
"""The error of an event that was moved to a dead-letter queue, and the name of its record."""


class TracesUnavailableError(Exception):
    """X-Ray does not answer, or not as expected."""


class Span(msgspec.Struct, frozen=True):
    """A segment or subsegment of a trace.

    Attributes
    ----------
    id, trace_id, parent_id
        Its ids; a root has no parent.
    service
        The service that recorded it.
    name
        Its name in X-Ray.
    is_segment
        Whether a service began its work with it, unlike a call within that work.
    start, end
        Seconds since the epoch.
    failed
        Whether it ended with an error.
    attributes
        Annotations and metadata, with underscores in place of the dots of their names. A span that
        was parked has the reason as ``toyshop_parked``.
    """

    id: str
    trace_id: str
    parent_id: str | None
    service: str
    name: str
    is_segment: bool
    start: float
    end: float
    failed: bool
    attributes: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return an attribute as a text; empty if there is none."""
        value = self.attributes.get(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> int | None:
        """Return an attribute as a whole number; ``None`` if it is none."""
        try:
            return int(self.attributes[name])
        except (KeyError, TypeError, ValueError):
            return None


class Traces(msgspec.Struct, frozen=True):
    """The spans of all traces of an order, and whether they could be read in full."""

    spans: list[Span]
    complete: bool


class TraceReader:
    """Reads the traces of orders.

    Parameters
    ----------
    xray
        Returns a client of X-Ray; called when traces are read.
    """

    def __init__(self, xray: Callable[[], Any]) -> None:
        self._xray = xray

    def of_order(self, order_id: str, since: datetime, until: datetime) -> Traces:
        """Return the traces of the requests and events that changed an order.

        Parameters
        ----------
        order_id
            The order's id.
        since, until
            The time in which they were recorded.

        Raises
        ------
        TracesUnavailableError
            If X-Ray does not answer.
        """
        try:
            found_ids: dict[str, bool] = {}
            complete = True
            while since < until and complete:
                start = max(since, until - _WINDOW)
                found_ids.update(self._ids(order_id, start, until))
                until = start
                complete = until <= since or context.current().remaining() > _LEAST_SECONDS
            ids = [one for one, is_reading in found_ids.items() if not is_reading]
            complete = complete and len(ids) <= _MOST_TRACES
            # a client may have one trace for all it does, which then begins with reading
            reading = [one for one, is_reading in found_ids.items() if is_reading]
            ids = ids[:_MOST_TRACES] + reading[-_BATCH:]
            spans: list[Span] = []
            for first in range(0, len(ids), _BATCH):
                found, is_whole = self._batch(ids[first : first + _BATCH])
                spans += found
                complete = complete and is_whole
        except (ClientError, BotoCoreError, *_OTHER_SHAPE) as error:
            reason = f"{type(error).__name__}: {error}"
            log.warning("traces not read", order_id=order_id, reason=reason)
            raise TracesUnavailableError from None
        return Traces(spans, complete)

    def _ids(self, order_id: str, since: datetime, until: datetime) -> Iterator[tuple[str, bool]]:
        """Yield each trace's id, and whether its first request only reads; the newest first."""
        request = {
            "StartTime": since,
            "EndTime": until,
            "TimeRangeType": "Event",
            "FilterExpression": f'annotation.toyshop_order_id = "{order_id}"',
        }
        answer = self._xray().get_trace_summaries(**request)
        while True:
            for summary in answer.get("TraceSummaries", ()):
                yield summary["Id"], summary.get("Http", {}).get("HttpMethod") in _READING
            if not (token := answer.get("NextToken")):
                break
            answer = self._xray().get_trace_summaries(**request, NextToken=token)

    def _batch(self, ids: list[str]) -> tuple[list[Span], bool]:
        documents: dict[str, list[dict[str, Any]]] = {}
        complete = True
        answer = self._xray().batch_get_traces(TraceIds=ids)
        while True:
            for trace in answer.get("Traces", ()):
                complete = complete and not trace.get("LimitExceeded", False)
                documents.setdefault(trace["Id"], []).extend(
                    json.loads(one["Document"]) for one in trace["Segments"]
                )
            complete = complete and not answer.get("UnprocessedTraceIds")
            if not (token := answer.get("NextToken")):
                break
            answer = self._xray().batch_get_traces(TraceIds=ids, NextToken=token)
        return [span for trace in documents.values() for span in spans_of(trace)], complete


def spans_of(documents: list[dict[str, Any]]) -> list[Span]:
    """Return the spans of the segment documents of one trace."""
    flat: list[tuple[dict[str, Any], str | None, bool]] = []

    def add(document: dict[str, Any], parent_id: str | None, is_segment: bool) -> None:
        parent_id = document.get("parent_id", parent_id)
        flat.append((document, parent_id, is_segment))
        for inner in document.get("subsegments", ()):
            add(inner, document["id"], False)

    for document in documents:
        add(document, None, document.get("type") != "subsegment")
    by_id = {document["id"]: (document, parent_id) for document, parent_id, _ in flat}
    trace_id = documents[0].get("trace_id", "") if documents else ""
    return [
        Span(
            id=document["id"],
            trace_id=trace_id,
            parent_id=parent_id,
            service=_service_of(document, by_id),
            name=document["name"],
            is_segment=is_segment,
            start=document["start_time"],
            end=document.get("end_time", document["start_time"]),
            failed=bool(document.get("error") or document.get("fault")),
            attributes=_attributes(document),
        )
        for document, parent_id, is_segment in flat
    ]


def _service_of(
    document: dict[str, Any], by_id: Mapping[str, tuple[dict[str, Any], str | None]]
) -> str:
    """Return the service in which a document was recorded: its own, or that of its segment."""
    seen = set()
    while document["id"] not in seen:
        seen.add(document["id"])
        if name := _attributes(document).get("service_name"):
            return str(name)
        parent_id = by_id[document["id"]][1]
        if document.get("type") != "subsegment" and "namespace" not in document:
            break
        if parent_id is None or parent_id not in by_id:
            break
        document = by_id[parent_id][0]
    return str(document["name"])


def _attributes(document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    http = document.get("http", {})
    if "method" in http.get("request", {}):
        found["http_request_method"] = http["request"]["method"]
    if "status" in http.get("response", {}):
        found["http_response_status_code"] = http["response"]["status"]
    metadata = document.get("metadata", {})
    for group in (document.get("annotations", {}), *metadata.values()):
        if isinstance(group, Mapping):
            found |= {name.replace(".", "_"): value for name, value in group.items()}
    for name in [one for one in found if one.startswith(_RESOURCE)]:
        found.setdefault(name.removeprefix(_RESOURCE), found[name])
    if found.get("error_type") == _PARKED:
        reasons = [
            event.get("attributes", {}).get("reason")
            for event in metadata.get("events", ())
            if event.get("name") == _PARKED
        ]
        found["toyshop_parked"] = next(filter(None, reasons), _PARKED)
    return found
