"""The relay: publishes the changes in a table's stream as events, and does nothing else.

The stream is the outbox. Every entry of a ``PublishBatch`` response is checked, and a rejected one
is reported as a batch item failure, so that Lambda delivers from there again. Event ids are
stable, so duplicates are harmless.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from chassis import context, log, tracing
from chassis.aws_spans import name_of
from chassis.parking import Parking, is_replay
from chassis.records import Record
from contracts.events import CloudEvent

MAX_ENTRIES = 10
"""The most entries in one call of ``PublishBatch``."""
MAX_BYTES = 250_000
"""The most bytes in one call: SNS accepts 256 KiB, attributes included."""

EventsOf = Callable[[Record | None, Record | None], Iterable[CloudEvent[Any]]]


class Relay:
    """Publishes the events of one table's stream to one topic.

    Parameters
    ----------
    topic_arn
        ARN of the service's topic.
    sns
        A botocore SNS client.
    model
        The model of the table's records.
    events_of
        Returns the events of a change, given the record before it (``None`` if it was created)
        and after it (``None`` if it was deleted).
    parking
        Parks stream records that cannot be converted to events.
    """

    def __init__(
        self,
        topic_arn: str,
        sns: Any,
        model: type[Record],
        events_of: EventsOf,
        parking: Parking,
    ) -> None:
        self._topic_arn = topic_arn
        self._sns = sns
        self._model = model
        self._events_of = events_of
        self._parking = parking

    def handle(self, stream_event: dict[str, Any], lambda_context: Any = None) -> dict[str, Any]:
        """Publish a batch of stream records.

        Parameters
        ----------
        stream_event
            The event of Lambda, with its ``Records``.
        lambda_context
            The context of the invocation.

        Returns
        -------
        dict
            A partial batch response: the sequence numbers that Lambda must deliver again.

        Raises
        ------
        ReplayRejected
            If a replayed record would be parked again.
        """
        records = stream_event["Records"]
        with stream_hop(records, lambda_context):
            failed = self._relay(records, is_replay(stream_event))
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    def _relay(self, records: Sequence[dict[str, Any]], replay: bool) -> list[str]:
        """Publish the events of records; return the sequence numbers of those that failed."""
        failed: list[str] = []
        entries: list[_Entry] = []
        for record in records:
            sequence_number = record["dynamodb"]["SequenceNumber"]
            try:
                entries.extend(
                    self._begin(sequence_number, event, record) for event in self._events(record)
                )
            except Exception as error:
                # A retry would fail again and block the shard; a parked record can be replayed.
                reason = f"poison: {type(error).__name__}: {error}"
                span = tracing.span(f"process {_source_of(record)}", tracing.CONSUMER)
                with span.below(_trace(record)):
                    self._parking.park(record, reason=reason, replay=replay)
        log.debug("records received", records=len(records), events=len(entries))
        if entries:
            if len(subjects := {entry.event.subject for entry in entries}) == 1:
                tracing.concerns(*subjects)
            log.metric("toyshop.outbox.lag", _age_of_oldest(records), "Seconds")
        for batch in _batches(entries):
            failed.extend(self._publish(batch))
        if failed:
            log.warning("events not published", records=len(failed))
            log.metric("toyshop.relay.failures", len(failed))
        return failed

    def _events(self, record: dict[str, Any]) -> Iterable[CloudEvent[Any]]:
        images = record["dynamodb"]
        before, after = (
            self._model.from_image(images[name]) if images.get(name) else None
            for name in ("OldImage", "NewImage")
        )
        return list(self._events_of(before, after))

    def _publish(self, batch: Sequence["_Entry"]) -> list[str]:
        """Publish one batch; return the sequence numbers of the events that were not accepted."""
        answer: dict[str, Any] = {}
        error_type = "rejected"
        try:
            answer = self._sns.publish_batch(
                TopicArn=self._topic_arn,
                PublishBatchRequestEntries=[
                    {
                        "Id": str(index),
                        "Message": entry.message,
                        "MessageAttributes": {
                            "type": {"DataType": "String", "StringValue": entry.event.type}
                        },
                    }
                    for index, entry in enumerate(batch)
                ],
            )
        except Exception as error:
            error_type = type(error).__name__
            log.warning("publish call failed", reason=f"{error_type}: {error}")
        accepted = {int(entry["Id"]) for entry in answer.get("Successful", [])}
        failed = []
        for index, entry in enumerate(batch):
            if index not in accepted:
                failed.append(entry.sequence_number)
                entry.span.fail(error_type)
            entry.span.finish()
            if index in accepted:
                log.summary(
                    "event published",
                    event_id=entry.event.id,
                    type=entry.event.type,
                    trace_id=entry.span.trace_id,
                    span_id=entry.span.span_id,
                    **_order_of(entry.event),
                )
        return failed

    def _begin(
        self, sequence_number: str, event: CloudEvent[Any], record: dict[str, Any]
    ) -> "_Entry":
        """Begin the span of an event, which the event passes on."""
        topic = name_of(self._topic_arn)
        span = tracing.span(
            f"send {topic}",
            tracing.PRODUCER,
            {
                "messaging.system": "aws.sns",
                "messaging.operation.type": "send",
                "messaging.destination.name": topic,
                "messaging.message.id": event.id,
                "toyshop.event_type": event.type,
            },
        ).below(_trace(record))
        sent = msgspec.structs.replace(event, traceparent=span.begin().traceparent)
        if order_id := _order_of(event):
            span.attributes[tracing.ORDER_ID] = order_id["order_id"]
        return _Entry(sequence_number, sent, span, msgspec.json.encode(sent).decode())


@contextmanager
def stream_hop(records: Sequence[Mapping[str, Any]], lambda_context: Any) -> Iterator[None]:
    """Enter the context of a batch of stream records.

    It is that of the writes that caused them, if all belong to one trace; otherwise it is a trace
    of its own, with links to them.

    Parameters
    ----------
    records
        The records, as Lambda delivers them.
    lambda_context
        The context of the invocation.
    """
    source = _source_of(records[0])
    traces = list(dict.fromkeys(map(_trace, records)))
    is_one = len(traces) == 1
    with tracing.hop(
        f"process {source}",
        tracing.CONSUMER,
        {context.TRACEPARENT: traces[0]} if is_one else {},
        budget=context.budget_of(lambda_context),
        sampled=lambda _: any(trace.endswith("1") for trace in traces),
        invocation=lambda_context,
    ) as span:
        span.attributes |= {
            "messaging.system": "aws.dynamodb_streams",
            "messaging.operation.type": "process",
            "messaging.destination.name": source,
            "messaging.batch.message_count": len(records),
        }
        if not is_one:
            for trace in traces:
                span.link(trace)
        yield


class _Entry(NamedTuple):
    """An event to publish, with the record that it is of and its span."""

    sequence_number: str
    event: CloudEvent[Any]
    span: tracing.Span
    message: str


def _order_of(event: CloudEvent[Any]) -> dict[str, str]:
    return {"order_id": event.subject} if tracing.is_order_id(event.subject) else {}


def _trace(record: Mapping[str, Any]) -> str:
    """Return the trace of the write that caused a stream record."""
    images = record["dynamodb"]
    image = images.get("NewImage") or images.get("OldImage") or {}
    return str(image.get("traceparent", {}).get("S", ""))


def _source_of(record: Mapping[str, Any]) -> str:
    """Return the name of a record's stream: the table's name and ``/stream``."""
    table = record.get("eventSourceARN", "").rpartition(":table/")[2].partition("/")[0]
    return f"{table}/stream"


def _age_of_oldest(records: Iterable[dict[str, Any]]) -> float:
    """Return the seconds since the oldest of the records was written."""
    now = time.time()
    written: list[float] = [
        record["dynamodb"].get("ApproximateCreationDateTime", now) for record in records
    ]
    return round(max(0.0, now - min(written)), 3)


def _batches(entries: Iterable[_Entry]) -> Iterator[list[_Entry]]:
    """Divide the events into batches that one ``PublishBatch`` call accepts."""
    batch: list[_Entry] = []
    size = 0
    for entry in entries:
        length = len(entry.message.encode())
        if batch and (len(batch) == MAX_ENTRIES or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch
