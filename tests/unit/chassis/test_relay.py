"""The relay: every stream record is published, reported or parked; none is lost."""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pynamodb.attributes import UnicodeAttribute

from chassis.parking import Parking, ReplayRejected
from chassis.records import Record, TableMeta
from chassis.relay import MAX_BYTES, Relay
from contracts.events import CloudEvent
from support.exported import ExportedSpan, Spans
from support.log_lines import Lines, Metrics
from support.queue_spy import QueueSpy


class ThingRecord(Record):
    class Meta(TableMeta):
        table_name = "things"

    name = UnicodeAttribute()


class TopicSpy:
    """A botocore SNS client that records its batches, and rejects the events in ``refused``."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.refused: set[str] = set()
        self.silent: set[str] = set()
        self.error_at: int | None = None

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: Any) -> Any:  # noqa: N803
        assert TopicArn == "arn:topic"
        self.batches.append(PublishBatchRequestEntries)
        if len(self.batches) == self.error_at:
            raise ConnectionError("no answer")
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in PublishBatchRequestEntries:
            event = msgspec.json.decode(entry["Message"])
            if event["id"] in self.silent:
                continue
            kind = "Failed" if event["id"] in self.refused else "Successful"
            answer[kind].append({"Id": entry["Id"]})
        return answer

    def events(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(entry["Message"]) for batch in self.batches for entry in batch]


def event_of(record: ThingRecord, kind: str, payload: str = "") -> CloudEvent[Any]:
    return CloudEvent(
        id=f"{record.id}.{int(record.version)}.{kind}",
        source="/things",
        type=kind,
        subject=record.id,
        time=record.updated_at,
        data=payload,
        traceparent=record.trace,
    )


def events_of(before: Record | None, after: Record | None) -> Iterator[CloudEvent[Any]]:
    if not isinstance(after, ThingRecord):
        return
    if after.name == "poison":
        raise ValueError("cannot be converted")
    size = int(after.name) if after.name.isdigit() else 0
    yield event_of(after, "added" if before is None else "changed", "x" * size)
    if after.name == "two":
        yield event_of(after, "also")


numbers = itertools.count(1)


TRACE, OTHER_TRACE = f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-01"


def image(key: str, name: str, version: int = 1, trace: str = TRACE) -> dict[str, Any]:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    record = ThingRecord(
        id=key, name=name, version=version, created_at=now, updated_at=now, traceparent=trace
    )
    return record.to_dynamodb_dict()


def change(
    key: str,
    name: str = "x",
    before: str | None = None,
    gone: bool = False,
    trace: str = TRACE,
    age: float = 0,
) -> Any:
    images = {"NewImage": None if gone else image(key, name, 2 if before else 1, trace)}
    if before:
        images["OldImage"] = image(key, before)
    return {
        "eventName": "REMOVE" if gone else "MODIFY" if before else "INSERT",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:0:table/things/stream/2026",
        "dynamodb": {
            "ApproximateCreationDateTime": time.time() - age,
            "SequenceNumber": f"{next(numbers):021}",
            **{name: value for name, value in images.items() if value},
        },
    }


def sequence(record: Any) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


@pytest.fixture
def topic() -> TopicSpy:
    return TopicSpy()


@pytest.fixture
def relay(topic: TopicSpy, sqs: QueueSpy, lines: Lines) -> Relay:
    return Relay("arn:topic", topic, ThingRecord, events_of, Parking(sqs, "parking"))


def reported(relay: Relay, *records: Any) -> list[str]:
    answer = relay.handle({"Records": list(records)})
    assert set(answer) == {"batchItemFailures"}
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def test_a_change_is_published_with_its_type_as_attribute(relay: Relay, topic: TopicSpy) -> None:
    assert reported(relay, change("t1"), change("t2", before="y"), change("t3", gone=True)) == []
    assert [event["id"] for event in topic.events()] == ["t1.1.added", "t2.2.changed"]
    first = topic.batches[0][0]
    event = msgspec.json.decode(first["Message"])
    assert len(event.pop("traceparent")) == 55
    assert first["MessageAttributes"] == {"type": {"DataType": "String", "StringValue": "added"}}
    assert event == {
        "specversion": "1.0",
        "id": "t1.1.added",
        "source": "/things",
        "type": "added",
        "subject": "t1",
        "time": "2026-11-24T00:00:00Z",
        "datacontenttype": "application/json",
        "data": "",
    }


def test_a_change_without_events_makes_no_call(relay: Relay, topic: TopicSpy) -> None:
    assert reported(relay, change("t1", before="x", gone=True)) == []
    assert topic.batches == []


def test_a_call_publishes_ten_events_in_stream_order(relay: Relay, topic: TopicSpy) -> None:
    records = [change(f"t{number}") for number in range(23)]
    assert reported(relay, *records) == []
    assert [len(batch) for batch in topic.batches] == [10, 10, 3]
    assert [event["subject"] for event in topic.events()] == [f"t{n}" for n in range(23)]
    for batch in topic.batches:
        ids = [entry["Id"] for entry in batch]
        assert len(set(ids)) == len(ids)


def test_a_call_stays_below_256_kilobytes(relay: Relay, topic: TopicSpy) -> None:
    sizes = [88_000, 88_000, 88_000, 10, 249_000, 240_000, 1]
    assert reported(relay, *(change(f"t{n}", str(size)) for n, size in enumerate(sizes))) == []
    for batch in topic.batches:
        attributes = sum(len(str(entry["MessageAttributes"])) for entry in batch)
        assert sum(len(entry["Message"].encode()) for entry in batch) + attributes <= 256 * 1024
    assert len(topic.events()) == len(sizes)
    # and no call is made that another one has room for
    assert [len(batch) for batch in topic.batches] == [2, 2, 1, 2]


def test_an_event_beyond_the_limit_is_sent_alone_wherever_it_comes(
    relay: Relay, topic: TopicSpy
) -> None:
    # SNS rejects it, and Lambda's failure destination reports it; the others must not suffer
    for sizes in ([300_000, 10, 10], [10, 300_000, 10], [10, 10, 300_000]):
        topic.batches.clear()
        assert reported(relay, *(change(f"t{n}", str(size)) for n, size in enumerate(sizes))) == []
        assert len(topic.events()) == 3
        assert all(topic.batches)
        (large,) = [b for b in topic.batches if any(len(e["Message"]) > 300_000 for e in b)]
        assert len(large) == 1


@pytest.mark.parametrize(("too_many", "calls"), [(0, [2]), (1, [1, 1])])
def test_a_call_holds_exactly_the_largest_number_of_bytes(
    relay: Relay, topic: TopicSpy, too_many: int, calls: list[int]
) -> None:
    reported(relay, change("t1", "1"), change("t2", "1"))
    envelopes = sum(len(entry["Message"].encode()) - 1 for entry in topic.batches.pop())
    first = 1000
    second = MAX_BYTES - envelopes - first + too_many
    reported(relay, change("t1", str(first)), change("t2", str(second)))
    assert [len(batch) for batch in topic.batches] == calls


def test_the_limit_of_a_call_counts_bytes_and_not_characters(
    topic: TopicSpy, sqs: QueueSpy, lines: Lines
) -> None:
    def long_events(before: Record | None, after: Record | None) -> Iterator[CloudEvent[Any]]:
        assert isinstance(after, ThingRecord)
        yield event_of(after, "added", "é" * 100_000)

    relay = Relay("arn:topic", topic, ThingRecord, long_events, Parking(sqs, "parking"))
    assert reported(relay, change("t1"), change("t2")) == []
    assert [len(batch) for batch in topic.batches] == [1, 1]


def test_a_record_without_a_trace_gives_an_event_of_a_new_trace(
    relay: Relay, topic: TopicSpy
) -> None:
    record = change("t1")
    del record["dynamodb"]["NewImage"]["traceparent"]
    assert reported(relay, record) == []
    (event,) = topic.events()
    assert event["id"] == "t1.1.added"
    assert len(event["traceparent"]) == 55


def test_a_published_event_is_logged_with_its_trace(
    relay: Relay, topic: TopicSpy, lines: Lines
) -> None:
    reported(relay, change("t1", trace=TRACE))
    (line,) = lines()
    assert (line["level"], line["message"]) == ("INFO", "event published")
    (event,) = topic.events()
    assert (line["event_id"], line["trace_id"]) == ("t1.1.added", "a" * 32)
    assert event["traceparent"] == f"00-{line['trace_id']}-{line['span_id']}-01"


def test_a_debugged_trace_shows_how_many_records_became_events(
    relay: Relay, details: Lines
) -> None:
    # GIVEN a deleted record, which has no event
    reported(relay, change("t1"), change("t2", gone=True))
    (line,) = details()
    assert (line["message"], line["records"], line["events"]) == ("records received", 2, 1)


def failures(metrics: Metrics) -> list[float]:
    return [metric.value for metric in metrics() if metric.name == "toyshop.relay.failures"]


def test_a_rejected_event_is_reported_by_its_sequence_number(
    relay: Relay, topic: TopicSpy, lines: Lines, metrics: Metrics
) -> None:
    # GIVEN a topic whose response rejects some events of a batch, or omits them
    records = [change(f"t{number}") for number in range(12)]
    topic.refused = {"t2.1.added", "t11.1.added"}
    topic.silent = {"t5.1.added"}
    # THEN Lambda delivers those again, and no others
    assert reported(relay, *records) == [sequence(records[n]) for n in (2, 5, 11)]
    assert failures(metrics) == [3]
    (line,) = [line for line in lines() if line.get("message") == "events not published"]
    assert (line["level"], line["records"]) == ("WARNING", 3)
    assert sum(line.get("message") == "event published" for line in lines()) == 9


def named(spans: Spans, name: str) -> list[ExportedSpan]:
    return [span for span in spans() if span.name == name]


def test_an_event_is_sent_by_a_span_below_the_write_that_caused_it(
    relay: Relay, topic: TopicSpy, spans: Spans
) -> None:
    reported(relay, change("t1", "two"))
    sent = named(spans, "send topic")
    assert [span.attributes["messaging.message.id"] for span in sent] == ["t1.1.added", "t1.1.also"]
    assert [event["traceparent"] for event in topic.events()] == [
        f"00-{'a' * 32}-{span.span_id}-01" for span in sent
    ]
    for span in sent:
        assert (span.kind, span.trace_id, span.parent_id) == ("PRODUCER", "a" * 32, "b" * 16)
        assert span.attributes["messaging.destination.name"] == "topic"
        assert span.error is None
    # a batch of one trace belongs to it
    (batch,) = named(spans, "process things/stream")
    assert (batch.kind, batch.trace_id, batch.parent_id) == ("CONSUMER", "a" * 32, "b" * 16)
    assert batch.links == []


def test_a_batch_of_several_traces_has_a_trace_of_its_own_with_links(
    relay: Relay, topic: TopicSpy, spans: Spans
) -> None:
    reported(relay, change("t1"), change("t2", trace=OTHER_TRACE), change("t3"))
    (batch,) = named(spans, "process things/stream")
    assert batch.parent_id == ""
    assert batch.trace_id not in ("a" * 32, "c" * 32)
    assert batch.links == [("a" * 32, "b" * 16), ("c" * 32, "d" * 16)]
    assert batch.attributes["messaging.batch.message_count"] == 3
    assert [span.trace_id for span in named(spans, "send topic")] == [
        "a" * 32,
        "c" * 32,
        "a" * 32,
    ]


def test_only_events_of_sampled_traces_have_spans(
    relay: Relay, topic: TopicSpy, spans: Spans
) -> None:
    reported(relay, change("t1"), change("t2", trace=OTHER_TRACE[:-1] + "0"))
    assert len(topic.events()) == 2
    assert [span.trace_id for span in named(spans, "send topic")] == ["a" * 32]


def test_an_event_that_was_not_published_has_a_failed_span(
    relay: Relay, topic: TopicSpy, spans: Spans
) -> None:
    topic.refused = {"t2.1.added"}
    reported(relay, change("t1"), change("t2"))
    assert [span.error for span in named(spans, "send topic")] == [None, "rejected"]


def test_a_parked_record_has_a_span_below_its_write(
    relay: Relay, sqs: QueueSpy, spans: Spans
) -> None:
    reported(relay, change("t1", "poison"), change("t2", trace=OTHER_TRACE))
    (span,) = [span for span in named(spans, "process things/stream") if span.events]
    assert (span.trace_id, span.parent_id) == ("a" * 32, "b" * 16)
    assert span.events == [("parked", {"reason": "poison: ValueError: cannot be converted"})]
    attributes = sqs.parked[0]["MessageAttributes"]
    assert attributes["traceparent"]["StringValue"] == f"00-{'a' * 32}-{span.span_id}-01"


def test_the_lag_is_the_age_of_the_oldest_record(relay: Relay, metrics: Metrics) -> None:
    reported(relay, change("t1", age=5), change("t2", age=90), change("t3", age=1))
    (lag,) = metrics()
    assert (lag.name, lag.unit) == ("toyshop.outbox.lag", "Seconds")
    assert 90 <= lag.value < 150


def test_records_without_events_have_no_lag(relay: Relay, metrics: Metrics) -> None:
    reported(relay, change("t1", before="x", gone=True, age=90))
    assert metrics() == []


def test_a_record_with_two_events_is_reported_if_one_is_rejected(
    relay: Relay, topic: TopicSpy
) -> None:
    record = change("t1", "two")
    topic.refused = {"t1.1.also"}
    assert reported(relay, record) == [sequence(record)]


def test_a_failed_call_reports_its_batch_and_the_other_batches_are_published(
    relay: Relay, topic: TopicSpy, lines: Lines, metrics: Metrics
) -> None:
    records = [change(f"t{number}") for number in range(25)]
    topic.error_at = 2
    assert reported(relay, *records) == [sequence(record) for record in records[10:20]]
    assert len(topic.batches) == 3
    (line,) = [line for line in lines() if line.get("message") == "publish call failed"]
    assert (line["level"], line["reason"]) == ("WARNING", "ConnectionError: no answer")
    assert failures(metrics) == [10]


def test_a_record_that_cannot_be_converted_is_parked(
    relay: Relay, topic: TopicSpy, sqs: QueueSpy
) -> None:
    poison, broken, fine = change("t1", "poison"), change("t2"), change("t3")
    broken["dynamodb"]["NewImage"]["updated_at"] = {"S": "yesterday"}
    assert reported(relay, poison, broken, fine) == []
    assert [event["subject"] for event in topic.events()] == ["t3"]
    assert sqs.bodies() == [poison, broken]  # complete, so that they can be replayed
    assert sqs.reasons()[0] == "poison: ValueError: cannot be converted"
    assert {message["QueueUrl"] for message in sqs.parked} == {"parking"}


def test_a_parked_record_keeps_the_trace_of_its_write(relay: Relay, sqs: QueueSpy) -> None:
    record = change("t1", "poison")
    record["dynamodb"]["NewImage"]["traceparent"] = {"S": f"00-{'a' * 32}-{'b' * 16}-01"}
    reported(relay, record)
    attributes = sqs.parked[0]["MessageAttributes"]
    assert attributes["correlation_id"]["StringValue"] == "a" * 32
    assert attributes["traceparent"]["StringValue"].startswith(f"00-{'a' * 32}-")


def test_a_parked_deletion_keeps_the_trace_of_the_last_write(relay: Relay, sqs: QueueSpy) -> None:
    # GIVEN a deletion whose old record cannot be read
    record = change("t1", before="x", gone=True)
    old = record["dynamodb"]["OldImage"]
    old["traceparent"] = {"S": f"00-{'a' * 32}-{'b' * 16}-01"}
    old["updated_at"] = {"S": "yesterday"}
    assert reported(relay, record) == []
    assert sqs.bodies() == [record]
    assert sqs.parked[0]["MessageAttributes"]["correlation_id"]["StringValue"] == "a" * 32


@pytest.mark.parametrize("images", [{}, {"NewImage": {}}, {"OldImage": {"id": {"S": "t1"}}}])
def test_a_record_without_a_trace_is_parked_in_a_new_trace(
    topic: TopicSpy, sqs: QueueSpy, lines: Lines, images: dict[str, Any]
) -> None:
    def fail(before: Record | None, after: Record | None) -> list[CloudEvent[Any]]:
        raise ValueError("cannot be converted")

    relay = Relay("arn:topic", topic, ThingRecord, fail, Parking(sqs, "parking"))
    assert reported(relay, {"dynamodb": {"SequenceNumber": "1", **images}}) == []
    assert len(sqs.parked[0]["MessageAttributes"]["traceparent"]["StringValue"]) == 55


def test_a_replay_parks_nothing_again(relay: Relay, topic: TopicSpy, sqs: QueueSpy) -> None:
    with pytest.raises(ReplayRejected, match="poison: ValueError: cannot be converted"):
        relay.handle({"Records": [change("t1", "poison")], "replay": True})
    assert sqs.parked == []
    answer = relay.handle({"Records": [change("t2")], "replay": True})
    assert answer == {"batchItemFailures": []}
    assert [event["subject"] for event in topic.events()] == ["t2"]


def test_an_error_while_parking_is_raised(relay: Relay, sqs: QueueSpy) -> None:
    def refuse(**message: Any) -> None:
        raise ConnectionError("no queue")

    sqs.send_message = refuse  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        relay.handle({"Records": [change("t1", "poison")]})


def test_the_stream_event_is_not_modified(relay: Relay) -> None:
    records = [change("t1"), change("t2", "poison")]
    before = msgspec.json.encode(records)
    relay.handle({"Records": records})
    assert msgspec.json.encode(records) == before
