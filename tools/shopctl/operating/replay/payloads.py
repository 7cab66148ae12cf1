"""The events that Lambda's triggers deliver: how to build them, and what they are about."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shopctl.operating.replay.routes import Route

Json = dict[str, Any]


@dataclass(frozen=True)
class EventSummary:
    """What an event is about.

    Attributes
    ----------
    id
        The event's id, or a stream record's sequence number.
    type
        The event's type, or the operation on the record or object.
    subject
        The entity's id, or the object's key.
    traceparent
        The trace that the event belongs to.
    """

    id: str
    type: str
    subject: str
    traceparent: str = ""


def notification(route: Route, text: str) -> Json:
    """Return a message as SNS delivers it to a function."""
    event = decoded(text)
    kind = event.get("type") if isinstance(event, dict) else None
    attributes = {"type": {"Type": "String", "Value": kind}} if isinstance(kind, str) else {}
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSource": "aws:sns",
                "EventSubscriptionArn": f"{route.source}:replay",
                "Sns": {
                    "Type": "Notification",
                    "MessageId": "replay",
                    "TopicArn": route.source,
                    "Subject": None,
                    "Message": text,
                    "Timestamp": datetime.now(UTC).isoformat(),
                    "MessageAttributes": attributes,
                },
            }
        ]
    }


def queue_message(route: Route, message_id: str, body: str) -> Json:
    """Return a message as SQS delivers it, without a receipt, since no queue holds it."""
    return {
        "Records": [
            {
                "messageId": message_id,
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": route.source,
                "awsRegion": route.source.split(":")[3],
            }
        ]
    }


def is_notification(document: Json) -> bool:
    """Return whether a document is an event that SNS delivers."""
    records = document.get("Records")
    return isinstance(records, list) and all(
        isinstance(record, dict) and "Sns" in record for record in records
    )


def summaries(payload: Json) -> Iterator[EventSummary]:
    """Yield a summary of each event in a function's payload, as far as it can be read.

    Raises
    ------
    AttributeError, TypeError
        If a part of the payload has another type than its trigger gives it.
    """
    records = payload.get("Records")
    for record in records if isinstance(records, list) else []:
        if not isinstance(record, dict):
            continue
        if "Sns" in record:
            yield from _of_cloud_event(decoded(str(record["Sns"].get("Message", ""))))
        elif "dynamodb" in record:
            yield _of_stream_record(record)
        elif "body" in record:
            yield from _of_upload(decoded(str(record["body"])))


def decoded(text: str) -> Any:
    """Return a JSON text decoded; return any other text as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _of_cloud_event(event: Any) -> Iterator[EventSummary]:
    if isinstance(event, dict):
        names = ("id", "type", "subject", "traceparent")
        yield EventSummary(*(str(event.get(name) or "") for name in names))


def _of_stream_record(record: Json) -> EventSummary:
    images = record["dynamodb"]
    image = images.get("NewImage") or images.get("OldImage") or {}
    return EventSummary(
        str(images.get("SequenceNumber", "")),
        str(record.get("eventName", "")),
        str(images.get("Keys", image).get("id", {}).get("S", "")),
        str(image.get("traceparent", {}).get("S", "")),
    )


def _of_upload(event: Any) -> Iterator[EventSummary]:
    records = event.get("Records") if isinstance(event, dict) else None
    for record in records if isinstance(records, list) else []:
        found = record.get("s3", {}).get("object", {}) if isinstance(record, dict) else {}
        yield EventSummary(
            str(found.get("sequencer", "")),
            str(record.get("eventName", "")) if found else "",
            str(found.get("key", "")),
        )
