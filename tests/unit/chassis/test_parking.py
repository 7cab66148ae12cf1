"""Parking: what a dead letter holds, and what is logged and counted."""

from datetime import UTC, datetime

import pytest

from chassis import context, tracing
from chassis.parking import Parking, ReplayRejected, is_replay
from support.exported import Spans
from support.log_lines import Lines, Metrics
from support.queue_spy import QueueSpy

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def attributes(sqs: QueueSpy) -> dict[str, str]:
    (message,) = sqs.parked
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


def test_a_parked_message_has_its_reason_and_trace(sqs: QueueSpy, lines: Lines) -> None:
    with context.entered({"traceparent": TRACE, "X-Correlation-Id": "request-1"}, budget=5):
        Parking(sqs, "dead-letters").park({"id": "kite"}, "permanent: no such thing")
        trace = context.current().traceparent
    assert sqs.bodies() == [{"id": "kite"}]
    assert sqs.parked[0]["QueueUrl"] == "dead-letters"
    assert attributes(sqs) == {
        "reason": "permanent: no such thing",
        "traceparent": trace,
        "correlation_id": "request-1",
    }


def test_a_parked_message_is_logged_and_counted(
    sqs: QueueSpy, lines: Lines, metrics: Metrics
) -> None:
    Parking(sqs, "dead-letters").park({}, "permanent: no such thing")
    (logged,) = lines()
    assert (logged["level"], logged["message"]) == ("ERROR", "parked")
    assert logged["reason"] == "permanent: no such thing"
    dimensions = {"service": "tests", "stage": "unit"}
    assert metrics() == [("toyshop.events.parked", 1, "Count", dimensions)]


def test_a_parked_message_is_an_event_of_its_span(sqs: QueueSpy, spans: Spans) -> None:
    with tracing.hop("work", tracing.SERVER, {}, budget=5):
        Parking(sqs, "dead-letters").park({}, "permanent: jo@toyshop.example")
    (span,) = spans()
    assert span.events == [("parked", {"reason": "permanent: ***"})]
    assert (span.error, span.attributes["error.type"]) == ("permanent: ***", "parked")


def test_a_message_that_could_not_be_parked_is_not_logged_as_parked(
    sqs: QueueSpy, lines: Lines
) -> None:
    def refuse(**message: object) -> None:
        raise ConnectionError("no queue")

    sqs.send_message = refuse  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        Parking(sqs, "dead-letters").park({}, "permanent: no such thing")
    assert lines() == []


def test_a_rejected_replay_is_logged_and_not_counted(sqs: QueueSpy, lines: Lines) -> None:
    with pytest.raises(ReplayRejected, match="permanent: no such thing"):
        Parking(sqs, "dead-letters").park({}, "permanent: no such thing", replay=True)
    assert sqs.parked == []
    (line,) = lines()
    assert (line["level"], line["message"]) == ("ERROR", "replay rejected")
    assert line["reason"] == "permanent: no such thing"


@pytest.mark.parametrize(("reason", "stored"), [("", "unknown"), ("x" * 1001, "x" * 1000)])
def test_a_reason_is_never_empty_nor_too_long(
    sqs: QueueSpy, lines: Lines, reason: str, stored: str
) -> None:
    Parking(sqs, "dead-letters").park({}, reason)
    assert attributes(sqs)["reason"] == stored


def test_a_message_with_values_that_json_lacks_is_parked(sqs: QueueSpy, lines: Lines) -> None:
    Parking(sqs, "dead-letters").park({"at": datetime(2026, 1, 1, tzinfo=UTC), "set": {1}}, "x")
    assert sqs.bodies() == [{"at": "2026-01-01T00:00:00Z", "set": [1]}]


@pytest.mark.parametrize(
    ("event", "expected"),
    [({"replay": True}, True), ({"replay": "true"}, False), ({"replay": 1}, False), ({}, False)],
)
def test_only_the_flag_itself_marks_a_replay(event: dict[str, object], expected: bool) -> None:
    assert is_replay(event) is expected
