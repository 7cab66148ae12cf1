"""The consumer: how each kind of failure is treated."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from chassis import context, tracing
from chassis.consumer import MAX_DELAY, Consumer, PermanentFailure, delay, is_duplicate
from chassis.parking import Parking, ReplayRejected
from contracts.events import CloudEvent, EventType
from contracts.schema import Output
from support.exported import Spans
from support.log_lines import Lines, Metrics
from support.queue_spy import QueueSpy
from support.sns_notifications import sns

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


class Thing(Output):
    name: str


ADDED = EventType("shop.thing.added.v1", "/things", Thing)


class Handler:
    """A handler that records its events, or fails."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.traces: list[str] = []
        self.error: Exception | None = None
        self.fails_for: str | None = None
        self.add_before: Callable[[], None] = lambda: None

    def add(self, event: CloudEvent[Thing]) -> None:
        self.traces.append(context.current().traceparent)
        self.add_before()
        if self.error and self.fails_for in (None, event.data.name):
            raise self.error
        self.names.append(event.data.name)


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def consumer(handler: Handler, sqs: QueueSpy, lines: Lines) -> Consumer:
    return Consumer({ADDED: handler.add}, Parking(sqs, "dead-letters"), sqs, base_delay=30)


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


def sqs_record(body: Any, number: str = "m1", received: int = 1) -> dict[str, Any]:
    return {
        "messageId": number,
        "receiptHandle": f"handle-{number}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": str(received)},
    }


def envelope(*messages: str) -> dict[str, Any]:
    """Return a message of Lambda to a failure destination."""
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


def test_an_event_reaches_its_handler_in_its_trace(consumer: Consumer, handler: Handler) -> None:
    consumer.on_sns(sns(message(traceparent=PARENT)))
    assert handler.names == ["kite"]
    assert handler.traces[0].startswith(f"00-{'a' * 32}-")
    assert handler.traces[0] != PARENT


def attempts(spans: Spans) -> list[tuple[str, int]]:
    return [
        (span.attributes["messaging.system"], span.attributes["toyshop.attempt"])
        for span in spans()
    ]


def test_an_event_has_a_span_below_the_one_that_sent_it(
    consumer: Consumer, handler: Handler, spans: Spans
) -> None:
    consumer.on_sns(sns(message(traceparent=PARENT)))
    (span,) = spans()
    assert (span.name, span.kind) == ("process shop.thing.added.v1", "CONSUMER")
    assert (span.trace_id, span.parent_id) == ("a" * 32, "b" * 16)
    assert handler.traces == [f"00-{'a' * 32}-{span.span_id}-01"]
    assert {name: span.attributes[name] for name in span.attributes if "messaging" in name} == {
        "messaging.system": "aws.sns",
        "messaging.operation.type": "process",
        "messaging.destination.name": span.attributes["messaging.destination.name"],
        "messaging.message.id": "kite.1",
    }
    assert "toyshop.duplicate" not in span.attributes


def test_the_attempts_that_a_process_has_seen_are_counted(
    consumer: Consumer, handler: Handler, spans: Spans, metrics: Metrics
) -> None:
    invocation, other = (
        SimpleNamespace(aws_request_id=id_, get_remaining_time_in_millis=lambda: 30_000)
        for id_ in ("first", "second")
    )
    handler.error = ConnectionError("no answer")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            consumer.on_sns(sns(message()), invocation)
    handler.error = None
    consumer.on_sns(sns(message()), other)
    consumer.on_sns(sns(message()), invocation)
    assert attempts(spans) == [("aws.sns", 1), ("aws.sns", 2), ("aws.sns", 1), ("aws.sns", 3)]
    assert [bool(span.error) for span in spans()] == [True, True, False, False]
    assert [metric.name for metric in metrics()] == ["toyshop.events.retried"] * 2


def test_attempts_from_the_retry_queue_follow_those_of_lambda(
    consumer: Consumer, spans: Spans
) -> None:
    left(consumer, sqs_record(envelope(message()), received=2))
    left(consumer, sqs_record(message(), received=1))
    assert attempts(spans) == [("aws_sqs", 5), ("aws_sqs", 1)]


def test_a_delayed_message_is_logged_in_its_trace(
    consumer: Consumer, handler: Handler, lines: Lines
) -> None:
    handler.error = ConnectionError("no answer")
    left(consumer, sqs_record(message(traceparent=PARENT)))
    assert {line["trace_id"] for line in lines()} == {"a" * 32}
    assert lines()[-1]["message"] == "retry scheduled"


def test_a_duplicate_is_marked_and_counted(
    consumer: Consumer, handler: Handler, spans: Spans, metrics: Metrics
) -> None:
    handler.add_before = is_duplicate
    consumer.on_sns(sns(message()))
    (span,) = spans()
    assert span.attributes["toyshop.duplicate"] is True
    assert [metric.name for metric in metrics()] == ["toyshop.events.duplicate"]


def test_a_request_is_no_duplicate(spans: Spans, metrics: Metrics) -> None:
    is_duplicate()
    with tracing.hop("POST /things", tracing.SERVER, {}, budget=5):
        is_duplicate()
    assert "toyshop.duplicate" not in spans()[0].attributes
    assert metrics() == []


@pytest.mark.parametrize("traceparent", [None, "", "junk"])
def test_an_event_without_a_valid_trace_starts_one(
    consumer: Consumer, handler: Handler, traceparent: str | None
) -> None:
    consumer.on_sns(sns(message(traceparent=traceparent)))
    assert len(handler.traces[0]) == 55


def test_a_handled_event_is_logged_in_its_trace(consumer: Consumer, lines: Lines) -> None:
    consumer.on_sns(sns(message(traceparent=PARENT)))
    (line,) = lines()
    assert (line["level"], line["message"]) == ("INFO", "event handled")
    assert (line["event_id"], line["type"]) == ("kite.1", ADDED.name)
    assert (line["correlation_id"], line["trace_id"]) == ("a" * 32, "a" * 32)


def test_a_debugged_trace_shows_what_was_received_and_what_was_a_duplicate(
    consumer: Consumer, handler: Handler, details: Lines
) -> None:
    handler.add_before = is_duplicate
    consumer.on_sns(sns(message(traceparent=PARENT)))
    received, duplicate = details()
    assert (received["message"], received["event_id"]) == ("event received", "kite.1")
    assert (received["type"], received["attempt"]) == (ADDED.name, 1)
    assert duplicate["message"] == "event already handled"
    assert received["trace_id"] == duplicate["trace_id"] == "a" * 32
    # AND what was parked because it is no event was not received as one
    consumer.on_sns(sns("{}"))
    assert len(details()) == 2


def test_a_transient_failure_is_raised_so_that_lambda_retries(
    consumer: Consumer, handler: Handler, sqs: QueueSpy, lines: Lines
) -> None:
    handler.error = ConnectionError("no answer")
    with pytest.raises(ConnectionError):
        consumer.on_sns(sns(message(traceparent=PARENT)))
    assert sqs.parked == []
    (line,) = lines()
    assert (line["level"], line["message"]) == ("WARNING", "handler failed")
    assert (line["event_id"], line["type"]) == ("kite.1", ADDED.name)
    assert line["reason"] == "ConnectionError: no answer"
    assert line["correlation_id"] == "a" * 32


def test_a_permanent_failure_is_parked_at_once(
    consumer: Consumer, handler: Handler, sqs: QueueSpy, lines: Lines, metrics: Metrics
) -> None:
    handler.error = PermanentFailure("no such thing")
    text = message(traceparent=PARENT)
    consumer.on_sns(sns(text))
    assert sqs.bodies() == [json.loads(text)]
    assert sqs.reasons() == ["permanent: no such thing"]
    # with the trace, for the operator
    attributes = sqs.parked[0]["MessageAttributes"]
    assert attributes["correlation_id"]["StringValue"] == "a" * 32
    assert "a" * 32 in attributes["traceparent"]["StringValue"]
    assert sqs.parked[0]["QueueUrl"] == "dead-letters"
    (logged,) = lines()
    assert (logged["level"], logged["message"]) == ("ERROR", "parked")
    assert (logged["reason"], logged["correlation_id"]) == ("permanent: no such thing", "a" * 32)
    assert [metric.name for metric in metrics()] == ["toyshop.events.parked"]


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
def test_a_poison_message_is_parked_at_once(
    consumer: Consumer, handler: Handler, sqs: QueueSpy, text: str
) -> None:
    consumer.on_sns(sns(text))
    assert handler.names == []
    (reason,) = sqs.reasons()
    assert reason.startswith("poison: ")
    try:
        assert sqs.bodies() == [json.loads(text)]
    except ValueError:
        assert sqs.bodies() == [text]


def test_a_poison_message_keeps_its_trace(consumer: Consumer, sqs: QueueSpy) -> None:
    consumer.on_sns(sns(message(traceparent=PARENT, data={})))
    assert sqs.parked[0]["MessageAttributes"]["correlation_id"]["StringValue"] == "a" * 32


def test_the_response_lists_the_handled_events(consumer: Consumer, handler: Handler) -> None:
    assert consumer.on_sns(sns(message("a"), message("b"))) == {"handled": ["a.1", "b.1"]}
    # neither an event of another type, nor a parked one
    assert consumer.on_sns(sns(message(type="shop.thing.sold.v1"), "not json")) == {"handled": []}
    handler.error = PermanentFailure("no such thing")
    assert consumer.on_sns(sns(message())) == {"handled": []}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (message("bad"), "permanent: no such thing"),
        (message(data={}), "poison: .*name"),
        ("not json", "poison: "),
    ],
)
def test_a_replay_parks_nothing_again(
    consumer: Consumer, handler: Handler, sqs: QueueSpy, text: str, reason: str
) -> None:
    handler.error, handler.fails_for = PermanentFailure("no such thing"), "bad"
    with pytest.raises(ReplayRejected, match=reason):
        consumer.on_sns({**sns(text), "replay": True})
    assert sqs.parked == []
    assert consumer.on_sns({**sns(message("a")), "replay": True}) == {"handled": ["a.1"]}


def test_a_message_that_is_in_no_queue_cannot_be_delayed(sqs: QueueSpy) -> None:
    record = {"messageId": "m1", "body": "{}", "attributes": {"ApproximateReceiveCount": "1"}}
    with pytest.raises(ConnectionError, match="no answer"):
        delay(sqs, "retry", record, ConnectionError("no answer"), 30)
    assert sqs.delays == []


def test_a_message_that_is_in_no_queue_fails_its_replay(
    consumer: Consumer, handler: Handler
) -> None:
    handler.error = ConnectionError("no answer")
    record = sqs_record(message())
    del record["receiptHandle"]
    with pytest.raises(ConnectionError, match="no answer"):
        left(consumer, record)


def test_a_reason_is_a_valid_message_attribute(
    consumer: Consumer, handler: Handler, sqs: QueueSpy
) -> None:
    # SQS rejects control characters there, and a message that cannot be parked is retried
    handler.error = PermanentFailure("a\x00b\x1b[0m\n" + "x" * 5000)
    consumer.on_sns(sns(message()))
    (reason,) = sqs.reasons()
    assert reason.isprintable()
    assert len(reason) == 1000
    handler.error = PermanentFailure("")
    consumer.on_sns(sns(message()))
    assert sqs.reasons()[1]


def test_an_unknown_type_is_ignored(
    consumer: Consumer, handler: Handler, sqs: QueueSpy, lines: Lines
) -> None:
    consumer.on_sns(sns(message(type="shop.thing.sold.v1")))
    assert (handler.names, sqs.parked) == ([], [])
    (line,) = lines()
    assert (line["level"], line["message"]) == ("WARNING", "event ignored")
    assert (line["type"], line["event_id"]) == ("shop.thing.sold.v1", "kite.1")


def test_a_key_error_in_a_handler_is_not_an_unknown_type(
    consumer: Consumer, handler: Handler
) -> None:
    handler.error = KeyError("x")
    with pytest.raises(KeyError):
        consumer.on_sns(sns(message()))


def test_a_decoding_error_in_a_handler_is_not_poison(
    consumer: Consumer, handler: Handler, sqs: QueueSpy
) -> None:
    handler.error = msgspec.DecodeError("another service's response")
    with pytest.raises(msgspec.DecodeError):
        consumer.on_sns(sns(message()))
    assert sqs.parked == []


def test_unknown_fields_of_an_event_are_ignored(consumer: Consumer, handler: Handler) -> None:
    consumer.on_sns(sns(message(dataschema="x", data={"name": "kite", "color": "red"})))
    assert handler.names == ["kite"]


def test_the_envelope_of_the_failure_destination_is_unwrapped(
    consumer: Consumer, handler: Handler
) -> None:
    assert left(consumer, sqs_record(envelope(message("a"), message("b")))) == []
    assert handler.names == ["a", "b"]


def test_a_replay_may_send_an_event_or_an_sns_delivery(
    consumer: Consumer, handler: Handler
) -> None:
    assert left(consumer, sqs_record(message("a")), sqs_record(sns(message("b")), "m2")) == []
    assert handler.names == ["a", "b"]


def test_only_failed_messages_stay_in_the_retry_queue(
    consumer: Consumer, handler: Handler, sqs: QueueSpy, lines: Lines
) -> None:
    handler.error, handler.fails_for = ConnectionError("no answer"), "b"
    records = [sqs_record(envelope(message(name)), f"m-{name}") for name in "abc"]
    assert left(consumer, *records) == ["m-b"]
    assert handler.names == ["a", "c"]
    assert sqs.delays == [("handle-m-b", 30)]
    (line,) = [line for line in lines() if line["message"] == "retry scheduled"]
    assert (line["level"], line["reason"]) == ("WARNING", "ConnectionError: no answer")
    assert (line["attempt"], line["delay_seconds"]) == (1, 30)


@pytest.mark.parametrize("body", ["not json", "[]", "null", '"x"', "{}"])
def test_a_poison_message_in_the_retry_queue_is_parked_at_once(
    consumer: Consumer, sqs: QueueSpy, body: str
) -> None:
    assert left(consumer, sqs_record(body)) == []
    assert sqs.reasons()[0].startswith("poison: ")
    assert sqs.delays == []


def test_a_permanent_failure_in_the_retry_queue_is_parked_and_removed(
    consumer: Consumer, handler: Handler, sqs: QueueSpy
) -> None:
    handler.error = PermanentFailure("no such thing")
    assert left(consumer, sqs_record(envelope(message()))) == []
    assert sqs.bodies()[0]["id"] == "kite.1"


def test_the_delay_doubles_up_to_an_hour(
    consumer: Consumer, handler: Handler, sqs: QueueSpy, metrics: Metrics
) -> None:
    handler.error = ConnectionError("no answer")
    for received in range(1, 13):
        assert left(consumer, sqs_record(message(), received=received)) == ["m1"]
    seconds = [seconds for _, seconds in sqs.delays]
    assert seconds == [30, 60, 120, 240, 480, 960, 1920, *[MAX_DELAY] * 5]
    assert sum(seconds) > 4 * 3600  # hours, before SQS moves it to the dead-letter queue
    # AND from the fourth attempt on, it counts as failing
    counted = Counter(metric.name for metric in metrics())
    assert counted == {"toyshop.events.retried": 12, "toyshop.events.failing": 9}


def test_a_delay_is_a_whole_number_of_seconds(
    handler: Handler, sqs: QueueSpy, lines: Lines
) -> None:
    consumer = Consumer({ADDED: handler.add}, Parking(sqs, "dead-letters"), sqs, base_delay=0.5)
    handler.error = ConnectionError("no answer")
    for received in (1, 2, 3):
        left(consumer, sqs_record(message(), received=received))
    assert [seconds for _, seconds in sqs.delays] == [0, 1, 2]
    assert all(type(seconds) is int for _, seconds in sqs.delays)


class Remaining:
    """The context of an invocation that has this many seconds left."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


@pytest.mark.parametrize(("lasts", "budget"), [(60, 55), (28, 23), (4, 0)])
def test_a_handler_has_the_time_of_its_invocation_minus_the_reserve(
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
