"""The relay: publishes the changes in a table's stream as events, and does nothing else.

The stream is the outbox. Every entry of a ``PublishBatch`` response is checked, and a rejected one
is reported as a batch item failure, so that Lambda delivers from there again. Event ids are
stable, so duplicates are harmless.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from chassis import context, log
from chassis.parking import Parking, is_replay
from chassis.records import Record
from contracts.events import CloudEvent

MAX_ENTRIES = 10
"""The most entries in one call of ``PublishBatch``."""
MAX_BYTES = 250_000
"""The most bytes in one call: SNS accepts 256 KiB, attributes included."""
_PARKING_SECONDS = 30.0

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

    def handle(self, stream_event: dict[str, Any]) -> dict[str, Any]:
        """Publish a batch of stream records.

        Parameters
        ----------
        stream_event
            The event of Lambda, with its ``Records``.

        Returns
        -------
        dict
            A partial batch response: the sequence numbers that Lambda must deliver again.

        Raises
        ------
        ReplayRejected
            If a replayed record would be parked again.
        """
        failed: list[str] = []
        entries: list[tuple[str, CloudEvent[Any]]] = []
        for record in stream_event["Records"]:
            sequence_number = record["dynamodb"]["SequenceNumber"]
            try:
                entries.extend((sequence_number, event) for event in self._events(record))
            except Exception as error:
                # A retry would fail again and block the shard; a parked record can be replayed.
                with context.entered(_trace(record), budget=_PARKING_SECONDS):
                    self._parking.park(
                        record,
                        reason=f"poison: {type(error).__name__}: {error}",
                        replay=is_replay(stream_event),
                    )
        for batch in _batches(entries):
            failed.extend(self._publish(batch))
        if failed:
            log.warning("events not published", records=len(failed))
            log.metric("RelayFailures", len(failed))
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    def _events(self, record: dict[str, Any]) -> Iterable[CloudEvent[Any]]:
        images = record["dynamodb"]
        before, after = (
            self._model.from_image(images[name]) if images.get(name) else None
            for name in ("OldImage", "NewImage")
        )
        return list(self._events_of(before, after))

    def _publish(self, batch: Sequence[tuple[str, str, CloudEvent[Any]]]) -> list[str]:
        try:
            answer = self._sns.publish_batch(
                TopicArn=self._topic_arn,
                PublishBatchRequestEntries=[
                    {
                        "Id": str(index),
                        "Message": message,
                        "MessageAttributes": {
                            "type": {"DataType": "String", "StringValue": event.type}
                        },
                    }
                    for index, (_, message, event) in enumerate(batch)
                ],
            )
        except Exception as error:
            log.warning("publish call failed", reason=f"{type(error).__name__}: {error}")
            return [number for number, _, _ in batch]
        accepted = {int(entry["Id"]) for entry in answer.get("Successful", [])}
        for index, (_, _, event) in enumerate(batch):
            if index in accepted:
                log.info("event published", event_id=event.id, traceparent=event.traceparent)
        return [number for index, (number, _, _) in enumerate(batch) if index not in accepted]


def _trace(record: dict[str, Any]) -> dict[str, str]:
    """Return the trace of the write that caused a stream record."""
    images = record["dynamodb"]
    image = images.get("NewImage") or images.get("OldImage") or {}
    return {context.TRACEPARENT: image.get("traceparent", {}).get("S", "")}


def _batches(
    entries: Iterable[tuple[str, CloudEvent[Any]]],
) -> Iterator[list[tuple[str, str, CloudEvent[Any]]]]:
    """Divide the events into batches that one ``PublishBatch`` call accepts."""
    batch: list[tuple[str, str, CloudEvent[Any]]] = []
    size = 0
    for number, event in entries:
        message = msgspec.json.encode(event).decode()
        length = len(message.encode())
        if batch and (len(batch) == MAX_ENTRIES or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((number, message, event))
        size += length
    if batch:
        yield batch
