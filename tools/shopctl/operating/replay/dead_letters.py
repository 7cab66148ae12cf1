"""Dead letters: the messages of a dead-letter queue, by the component that sent them there.

=================== ============================================ =============================
shape               sent by                                      content
=================== ============================================ =============================
``event``           `chassis.parking`: permanent or poison       the event that a topic delivered
``record``          the relay: a stream record without an event  the stream record
``upload``          SQS: receive limit reached; or               the S3 notification
                    `chassis.parking`: poison
``exhausted``       Lambda's failure destination, by way of the  the event and the last error
                    retry queue
``undelivered``     SNS: it could not invoke the function        the notification
``stream_position`` a stream's failure destination               the position in the stream
=================== ============================================ =============================
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shopctl.operating.replay import payloads
from shopctl.operating.replay.payloads import EventSummary, Json
from shopctl.operating.replay.routes import Route

_POSITION = {"streamArn", "shardId", "startSequenceNumber", "endSequenceNumber", "batchSize"}
_ORDER_ID = re.compile(r"(?<![A-Za-z0-9_])ord_[0-9A-HJKMNP-TV-Z]{26}(?![A-Za-z0-9])")


@dataclass(frozen=True)
class DeadLetter:
    """A message of a dead-letter queue.

    Attributes
    ----------
    id
        SQS's id of the message.
    route
        Its queue, and the function that can handle it.
    shape
        One of the shapes above, or ``unknown``.
    reason
        Why it is in the queue, as far as is known.
    parked_at
        When SQS received it: in the dead-letter queue, or in the retry queue before it.
    received
        How often it has been received, inspections included.
    events
        Summaries of the events in it.
    orders
        Ids of the orders that it mentions.
    traceparent
        The trace in which it failed.
    content
        The message body, decoded if it is JSON.
    payload
        The event that redelivers it to the function; ``None`` if that has to be read from the
        stream or is unknown.
    """

    id: str
    route: Route
    shape: str
    reason: str
    parked_at: datetime
    received: int
    events: tuple[EventSummary, ...]
    orders: frozenset[str]
    traceparent: str
    content: Any
    payload: Json | None = field(repr=False)

    @property
    def types(self) -> frozenset[str]:
        """The types of its events."""
        return frozenset(event.type for event in self.events)


def read(route: Route, message: Mapping[str, Any]) -> DeadLetter:
    """Interpret a message of a dead-letter queue.

    Parameters
    ----------
    route
        The queue and its function.
    message
        The message as `ReceiveMessage` returns it, with all its attributes.
    """
    body = str(message["Body"])
    system = message.get("Attributes", {})
    attributes = {
        name: value.get("StringValue", "")
        for name, value in message.get("MessageAttributes", {}).items()
    }
    content = payloads.decoded(body)
    shape, payload = _shape(route, message, body, content)
    try:
        events = tuple(payloads.summaries(payload)) if payload else ()
    except (AttributeError, TypeError):
        # a poison message can have any structure
        events = ()
    traces = [attributes.get("traceparent", ""), *(event.traceparent for event in events)]
    return DeadLetter(
        id=str(message["MessageId"]),
        route=route,
        shape=shape,
        # SNS sets ErrorMessage
        reason=attributes.get("reason")
        or attributes.get("ErrorMessage")
        or _derived_reason(shape, content, route),
        parked_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
        received=int(system.get("ApproximateReceiveCount", 1)),
        events=events,
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
        return "stream_position", None
    if isinstance(document.get("requestPayload"), dict):
        return "exhausted", document["requestPayload"]
    if route.trigger == "topic":
        if payloads.is_notification(document):
            return "event", document
        if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
            return "undelivered", payloads.notification(route, document["Message"])
        # a message that was not JSON was parked as a JSON string
        text = content if isinstance(content, str) else body
        return "event", payloads.notification(route, text)
    if route.trigger == "stream" and isinstance(document.get("dynamodb"), dict):
        return "record", {"Records": [document]}
    if route.trigger == "queue":
        parked = "reason" in message.get("MessageAttributes", {})
        text = content if parked and isinstance(content, str) else body
        return "upload", payloads.queue_message(route, str(message["MessageId"]), text)
    if route.trigger == "other" and document:
        return "event", document
    return "unknown", None


def _derived_reason(shape: str, content: Any, route: Route) -> str:
    """Return the reason of a message that came without one."""
    match shape:
        case "exhausted":
            error = _object(content.get("responsePayload"))
            context = _object(content.get("requestContext"))
            first = ": ".join(
                str(error[name]) for name in ("errorType", "errorMessage") if error.get(name)
            )
            expired = context.get("condition") == "EventAgeExceeded"
            limit = "the event became too old" if expired else "all retries failed"
            return f"exhausted: {limit}; the first error was {first or 'not recorded'}"
        case "stream_position":
            count = content["DDBStreamBatchInfo"].get("batchSize", "?")
            return f"exhausted: {count} stream records were not processed"
        case "undelivered":
            return "exhausted: SNS could not invoke the function"
        case "unknown":
            return f"unknown: {route.function} cannot handle this message"
        case _:
            return "exhausted: the queue's receive limit was reached"


def _object(content: Any) -> Json:
    return content if isinstance(content, dict) else {}


def to_json(dead_letter: DeadLetter) -> Json:
    """Return a dead letter in full as JSON."""
    return {
        "message": dead_letter.id,
        "service": dead_letter.route.service,
        "queue": dead_letter.route.queue,
        "function": dead_letter.route.function,
        "shape": dead_letter.shape,
        "reason": dead_letter.reason,
        "parked_at": timestamp(dead_letter.parked_at),
        "received": dead_letter.received,
        "traceparent": dead_letter.traceparent,
        "orders": sorted(dead_letter.orders),
        "events": [
            {"id": event.id, "type": event.type, "subject": event.subject}
            for event in dead_letter.events
        ],
        "content": dead_letter.content,
    }


def timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC, to the second."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
