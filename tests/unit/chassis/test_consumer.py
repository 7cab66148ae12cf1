"""The consumer: each kind of failure goes where its kind goes."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chassis import context
from chassis.consumer import MAX_DELAY, Consumer, PermanentFailure, delay
from chassis.parking import Parking, ReplayRejected
from contracts.events import CloudEvent, EventType
from contracts.schema import Output
from support.log_lines import Lines
from support.queue_spy import QueueSpy

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


class Thing(Output):
    name: str


ADDED = EventType("shop.thing.added.v1", "/things", Thing)


class Shelf:
    """A handler that keeps what it was handed, or fails."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.traces: list[str] = []
        self.error: Exception | None = None
        self.fails_for: str | None = None

    def add(self, event: CloudEvent[Thing]) -> None:
        self.traces.append(context.current().traceparent)
        if self.error and self.fails_for in (None, event.data.name):
            raise self.error
        self.names.append(event.data.name)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def consumer(shelf: Shelf, sqs: QueueSpy, lines: Lines) -> Consumer:
    return Consumer({ADDED: shelf.add}, Parking(sqs, "dead-letters"), sqs, base_delay=30)


def message(name: str = "kite", **changes: Any) -> str:
    event = {
        "specversion": "1.0",
        "id": f"{name}.1",
        "source": "/things",
        "type": ADDED.name,
        "subject": name,
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {"name": name},
        **changes,
    }
    return json.dumps({key: value for key, value in event.items() if value is not None})


def sns(*messages: str) -> dict[str, Any]:
    return {"Records": [{"Sns": {"Message": text, "MessageAttributes": {}}} for text in messages]}


def sqs_record(body: Any, number: str = "m1", received: int = 1) -> dict[str, Any]:
    return {
        "messageId": number,
        "receiptHandle": f"handle-{number}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": str(received)},
    }


def envelope(*messages: str) -> dict[str, Any]:
    """Return what Lambda sends to a failure destination."""
    return {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": sns(*messages),
        "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "boom"},
    }


def left(consumer: Consumer, *records: dict[str, Any]) -> list[str]:
    answer = consumer.on_sqs({"Records": list(records)}, "retry-queue")
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def test_an_event_reaches_its_handler_in_its_trace(consumer: Consumer, shelf: Shelf) -> None:
    consumer.on_sns(sns(message(traceparent=PARENT)))
    assert shelf.names == ["kite"]
    assert shelf.traces[0].startswith(f"00-{'a' * 32}-")
    assert shelf.traces[0] != PARENT


@pytest.mark.parametrize("traceparent", [None, "", "junk"])
def test_an_event_without_a_sound_trace_begins_one(
    consumer: Consumer, shelf: Shelf, traceparent: str | None
) -> None:
    consumer.on_sns(sns(message(traceparent=traceparent)))
    assert len(shelf.traces[0]) == 55


def test_transient_is_raised_for_lambda_to_retry(
    consumer: Consumer, shelf: Shelf, sqs: QueueSpy
) -> None:
    shelf.error = ConnectionError("no answer")
    with pytest.raises(ConnectionError):
        consumer.on_sns(sns(message()))
    assert sqs.parked == []


def test_permanent_is_parked_at_once(consumer: Consumer, shelf: Shelf, sqs: QueueSpy) -> None:
    shelf.error = PermanentFailure("no such thing")
    text = message(traceparent=PARENT)
    consumer.on_sns(sns(text))
    assert sqs.bodies() == [json.loads(text)]
    assert sqs.reasons() == ["permanent: no such thing"]
    # the person who looks finds the trace
    attributes = sqs.parked[0]["MessageAttributes"]
    assert attributes["correlation_id"]["StringValue"] == "a" * 32
    assert "a" * 32 in attributes["traceparent"]["StringValue"]
    assert sqs.parked[0]["QueueUrl"] == "dead-letters"


POISON = [
    "not json",
    "",
    "[]",
    '"text"',
    "{}",
    message(id=None),
    message(type=None),
    message(specversion="0.3"),
    message(time="yesterday"),
    message(data={}),
    message(data={"name": 1}),
    message(data=None),
]


@pytest.mark.parametrize("text", POISON)
def test_poison_is_parked_at_once(
    consumer: Consumer, shelf: Shelf, sqs: QueueSpy, text: str
) -> None:
    consumer.on_sns(sns(text))
    assert shelf.names == []
    (reason,) = sqs.reasons()
    assert reason.startswith("poison: ")
    try:
        assert sqs.bodies() == [json.loads(text)]
    except ValueError:
        assert sqs.bodies() == [text]


def test_poison_keeps_what_trace_it_has(consumer: Consumer, sqs: QueueSpy) -> None:
    consumer.on_sns(sns(message(traceparent=PARENT, data={})))
    assert sqs.parked[0]["MessageAttributes"]["correlation_id"]["StringValue"] == "a" * 32


def test_what_was_handled_is_answered(consumer: Consumer, shelf: Shelf) -> None:
    assert consumer.on_sns(sns(message("a"), message("b"))) == {"handled": ["a.1", "b.1"]}
    # neither what concerns nobody here, nor what is parked
    assert consumer.on_sns(sns(message(type="shop.thing.sold.v1"), "not json")) == {"handled": []}
    shelf.error = PermanentFailure("no such thing")
    assert consumer.on_sns(sns(message())) == {"handled": []}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (message("bad"), "permanent: no such thing"),
        (message(data={}), "poison: .*name"),
        ("not json", "poison: "),
    ],
)
def test_a_replay_parks_nothing_a_second_time(
    consumer: Consumer, shelf: Shelf, sqs: QueueSpy, text: str, reason: str
) -> None:
    shelf.error, shelf.fails_for = PermanentFailure("no such thing"), "bad"
    with pytest.raises(ReplayRejected, match=reason):
        consumer.on_sns({**sns(text), "replay": True})
    assert sqs.parked == []
    assert consumer.on_sns({**sns(message("a")), "replay": True}) == {"handled": ["a.1"]}


def test_what_no_queue_holds_cannot_be_delayed(sqs: QueueSpy) -> None:
    record = {"messageId": "m1", "body": "{}", "attributes": {"ApproximateReceiveCount": "1"}}
    with pytest.raises(ConnectionError, match="no answer"):
        delay(sqs, "retry", record, ConnectionError("no answer"), 30)
    assert sqs.delays == []


def test_a_reason_is_fit_for_a_message_attribute(
    consumer: Consumer, shelf: Shelf, sqs: QueueSpy
) -> None:
    # SQS refuses control characters there, and a message that cannot be parked would be retried
    shelf.error = PermanentFailure("a\x00b\x1b[0m\n" + "x" * 5000)
    consumer.on_sns(sns(message()))
    (reason,) = sqs.reasons()
    assert reason.isprintable()
    assert len(reason) == 1000
    shelf.error = PermanentFailure("")
    consumer.on_sns(sns(message()))
    assert sqs.reasons()[1]


def test_an_unknown_type_is_ignored(
    consumer: Consumer, shelf: Shelf, sqs: QueueSpy, lines: Lines
) -> None:
    consumer.on_sns(sns(message(type="shop.thing.sold.v1")))
    assert (shelf.names, sqs.parked) == ([], [])
    assert [line["message"] for line in lines()] == ["ignored"]


def test_a_key_error_of_a_handler_is_not_taken_for_an_unknown_type(
    consumer: Consumer, shelf: Shelf
) -> None:
    shelf.error = KeyError("x")
    with pytest.raises(KeyError):
        consumer.on_sns(sns(message()))


def test_a_decoding_error_of_a_handler_is_not_taken_for_poison(
    consumer: Consumer, shelf: Shelf, sqs: QueueSpy
) -> None:
    shelf.error = msgspec.DecodeError("a neighbour's answer")
    with pytest.raises(msgspec.DecodeError):
        consumer.on_sns(sns(message()))
    assert sqs.parked == []


def test_news_in_an_event_is_ignored(consumer: Consumer, shelf: Shelf) -> None:
    consumer.on_sns(sns(message(dataschema="x", data={"name": "kite", "colour": "red"})))
    assert shelf.names == ["kite"]


def test_the_failure_destinations_envelope_is_unwrapped(consumer: Consumer, shelf: Shelf) -> None:
    assert left(consumer, sqs_record(envelope(message("a"), message("b")))) == []
    assert shelf.names == ["a", "b"]


def test_a_replay_may_send_the_event_itself_or_what_sns_delivers(
    consumer: Consumer, shelf: Shelf
) -> None:
    assert left(consumer, sqs_record(message("a")), sqs_record(sns(message("b")), "m2")) == []
    assert shelf.names == ["a", "b"]


def test_only_what_fails_stays_in_the_retry_queue(
    consumer: Consumer, shelf: Shelf, sqs: QueueSpy
) -> None:
    shelf.error, shelf.fails_for = ConnectionError("no answer"), "b"
    records = [sqs_record(envelope(message(name)), f"m-{name}") for name in "abc"]
    assert left(consumer, *records) == ["m-b"]
    assert shelf.names == ["a", "c"]
    assert sqs.delays == [("handle-m-b", 30)]


@pytest.mark.parametrize("body", ["not json", "[]", "null", '"x"', "{}"])
def test_poison_in_the_retry_queue_is_parked_at_once_too(
    consumer: Consumer, sqs: QueueSpy, body: str
) -> None:
    assert left(consumer, sqs_record(body)) == []
    assert sqs.reasons()[0].startswith("poison: ")
    assert sqs.delays == []


def test_permanent_in_the_retry_queue_is_parked_and_leaves_it(
    consumer: Consumer, shelf: Shelf, sqs: QueueSpy
) -> None:
    shelf.error = PermanentFailure("no such thing")
    assert left(consumer, sqs_record(envelope(message()))) == []
    assert sqs.bodies()[0]["id"] == "kite.1"


def test_the_delay_doubles_up_to_an_hour(consumer: Consumer, shelf: Shelf, sqs: QueueSpy) -> None:
    shelf.error = ConnectionError("no answer")
    for received in range(1, 13):
        assert left(consumer, sqs_record(message(), received=received)) == ["m1"]
    seconds = [seconds for _, seconds in sqs.delays]
    assert seconds == [30, 60, 120, 240, 480, 960, 1920, *[MAX_DELAY] * 5]
    assert sum(seconds) > 4 * 3600  # hours, before SQS moves it to the dead-letter queue


def test_a_delay_is_whole_seconds(shelf: Shelf, sqs: QueueSpy, lines: Lines) -> None:
    consumer = Consumer({ADDED: shelf.add}, Parking(sqs, "dead-letters"), sqs, base_delay=0.5)
    shelf.error = ConnectionError("no answer")
    for received in (1, 2, 3):
        left(consumer, sqs_record(message(), received=received))
    assert [seconds for _, seconds in sqs.delays] == [0, 1, 2]
    assert all(type(seconds) is int for _, seconds in sqs.delays)


class Remaining:
    """What Lambda hands a function beside the event."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


@pytest.mark.parametrize(("lasts", "budget"), [(60, 55), (28, 23), (4, 0)])
def test_the_time_for_an_event_is_what_its_invocation_has(
    sqs: QueueSpy, lasts: float, budget: float
) -> None:
    left: list[float] = []

    def watch(_: CloudEvent[Thing]) -> None:
        left.append(context.current().remaining())

    consumer = Consumer({ADDED: watch}, Parking(sqs, "dead-letters"), sqs)
    consumer.on_sns(sns(message()), Remaining(lasts))
    queued = {"Records": [sqs_record(message())]}
    consumer.on_sqs(queued, "retry-queue", Remaining(lasts))
    assert left == pytest.approx([budget, budget], abs=0.5)
