"""Dead letters: the messages of a dead-letter queue, whatever put them there, understood.

=============== ==================================================== =========================
shape           put there by                                         holds
=============== ==================================================== =========================
``event``       `chassis.parking`: permanent, poison                 what a topic delivered
``record``      the relay: a stream record that is no event          the record
``upload``      SQS: receives used up; `chassis.parking`: poison     what S3 told the queue
``gave up``     Lambda's failure destination, by the retry queue     the event, the last error
``undelivered`` SNS: what it could not hand to Lambda                the notification
``position``    a stream's failure destination                       where in the stream
=============== ==================================================== =========================
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shopctl.operating.replay.routes import Route

Json = dict[str, Any]

_POSITION = {"streamArn", "shardId", "startSequenceNumber", "batchSize"}
_ORDER_ID = re.compile(r"(?<![A-Za-z0-9_])ord_[0-9A-HJKMNP-TV-Z]{26}(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Told:
    """What a dead letter tells of.

    Attributes
    ----------
    id
        The event's id; a stream record's sequence number.
    type
        The event's type; what was done to the record or object.
    subject
        The entity's id; the object's key.
    traceparent
        The trace of what caused it.
    """

    id: str
    type: str
    subject: str
    traceparent: str = ""


@dataclass(frozen=True)
class Letter:
    """A dead letter.

    Attributes
    ----------
    id
        SQS's id of the message.
    route
        Its queue, and the function that can handle it.
    shape
        See above; ``unknown`` if it is none of these.
    reason
        Why it is there, as far as is known.
    parked_at
        When SQS got it: the dead-letter queue, or the retry queue before it.
    received
        How often it was received, looks at it included.
    told
        What it tells of.
    orders
        Ids of the orders that it speaks of.
    traceparent
        The trace in which it failed.
    content
        The message.
    payload
        What the function gets when it is delivered again; ``None`` if that must be read from
        the stream, or cannot be told.
    """

    id: str
    route: Route
    shape: str
    reason: str
    parked_at: datetime
    received: int
    told: tuple[Told, ...]
    orders: frozenset[str]
    traceparent: str
    content: Any
    payload: Json | None = field(repr=False)

    @property
    def types(self) -> frozenset[str]:
        """The types of what it tells of."""
        return frozenset(told.type for told in self.told)


def read(route: Route, message: Mapping[str, Any]) -> Letter:
    """Understand a message of a dead-letter queue.

    Parameters
    ----------
    message
        As `ReceiveMessage` answers it, with all its attributes.
    """
    body = str(message["Body"])
    system = message.get("Attributes", {})
    own = {
        name: value.get("StringValue", "")
        for name, value in message.get("MessageAttributes", {}).items()
    }
    content = _decoded(body)
    shape, payload = _shape(route, message, body, content)
    try:
        told = tuple(_told(payload)) if payload else ()
    except (AttributeError, TypeError):
        # poison may have any shape
        told = ()
    received = int(system.get("ApproximateReceiveCount", 1))
    traces = [own.get("traceparent", ""), *(each.traceparent for each in told)]
    return Letter(
        id=str(message["MessageId"]),
        route=route,
        shape=shape,
        # the second is what SNS says
        reason=own.get("reason") or own.get("ErrorMessage") or _known_reason(shape, content, route),
        parked_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
        received=received,
        told=told,
        orders=frozenset(_ORDER_ID.findall(body)),
        traceparent=next(filter(None, traces), ""),
        content=content,
        payload=payload,
    )


def _shape(
    route: Route, message: Mapping[str, Any], body: str, content: Any
) -> tuple[str, Json | None]:
    document = content if isinstance(content, dict) else {}
    position = document.get("DDBStreamBatchInfo")
    if isinstance(position, dict) and position.keys() >= _POSITION:
        return "position", None
    if isinstance(document.get("requestPayload"), dict):
        return "gave up", document["requestPayload"]
    if route.trigger == "topic":
        if _is_notification(document):
            return "event", document
        if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
            return "undelivered", notification(route, document["Message"])
        # what was no JSON was parked as a JSON text
        return "event", notification(route, content if isinstance(content, str) else body)
    if route.trigger == "stream" and isinstance(document.get("dynamodb"), dict):
        return "record", {"Records": [document]}
    if route.trigger == "queue":
        parked = "reason" in message.get("MessageAttributes", {})
        text = content if parked and isinstance(content, str) else body
        return "upload", _queued(route, message, text)
    if route.trigger == "other" and document:
        return "event", document
    return "unknown", None


def notification(route: Route, text: str) -> Json:
    """Return a message as SNS delivers it to a function."""
    event = _decoded(text)
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


def _queued(route: Route, message: Mapping[str, Any], body: str) -> Json:
    """Return a message as a queue delivers it, without the receipt: no queue holds it."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": route.source,
                "awsRegion": route.source.split(":")[3],
            }
        ]
    }


def _told(payload: Json) -> Iterator[Told]:
    """Yield what a function's event tells of, as far as it can be read."""
    records = payload.get("Records")
    for record in records if isinstance(records, list) else []:
        if not isinstance(record, dict):
            continue
        if "Sns" in record:
            yield from _of_event(_decoded(str(record["Sns"].get("Message", ""))))
        elif "dynamodb" in record:
            yield _of_record(record)
        elif "body" in record:
            yield from _of_upload(_decoded(str(record["body"])))


def _of_event(event: Any) -> Iterator[Told]:
    if isinstance(event, dict):
        names = ("id", "type", "subject", "traceparent")
        yield Told(*(str(event.get(name) or "") for name in names))


def _of_record(record: Json) -> Told:
    images = record["dynamodb"]
    image = images.get("NewImage") or images.get("OldImage") or {}
    return Told(
        str(images.get("SequenceNumber", "")),
        str(record.get("eventName", "")),
        str(images.get("Keys", image).get("id", {}).get("S", "")),
        str(image.get("traceparent", {}).get("S", "")),
    )


def _of_upload(event: Any) -> Iterator[Told]:
    records = event.get("Records") if isinstance(event, dict) else None
    for record in records if isinstance(records, list) else []:
        found = record.get("s3", {}).get("object", {}) if isinstance(record, dict) else {}
        yield Told(
            str(found.get("sequencer", "")),
            str(record.get("eventName", "")) if found else "",
            str(found.get("key", "")),
        )


def _known_reason(shape: str, content: Any, route: Route) -> str:
    """Return what is known of a message that nobody gave a reason."""
    if shape == "gave up":
        error, request = (_dict(content.get(key)) for key in ("responsePayload", "requestContext"))
        last = ": ".join(
            str(error[name]) for name in ("errorType", "errorMessage") if error.get(name)
        )
        what = (
            "grew too old"
            if request.get("condition") == "EventAgeExceeded"
            else "used up its retries"
        )
        return f"exhausted: {what}; it failed first with {last or 'an error that is not known'}"
    if shape == "position":
        batch = content["DDBStreamBatchInfo"]
        return f"exhausted: {batch.get('batchSize', '?')} stream records were given up"
    if shape == "undelivered":
        return "exhausted: SNS could not hand it to Lambda"
    if shape == "unknown":
        return f"unknown: nothing that {route.function} could handle"
    return "exhausted: received as often as its queue allows"


def _is_notification(document: Json) -> bool:
    records = document.get("Records")
    return isinstance(records, list) and all(
        isinstance(record, dict) and "Sns" in record for record in records
    )


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _dict(content: Any) -> Json:
    return content if isinstance(content, dict) else {}
