"""Every shape that a dead letter can have is understood."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shopctl.operating.replay import dead_letters, report
from shopctl.operating.replay.dead_letters import Letter
from support.dead_letter_queues import (
    ORDER,
    OTHER,
    TRACE,
    Shelf,
    event,
    gave_up,
    sns,
    stream_record,
)


def letter(shelf: Shelf, queue: str, body: Any, **attributes: str) -> Letter:
    return dead_letters.read(
        shelf.routes[queue],
        {
            "MessageId": "m-1",
            "Body": body if isinstance(body, str) else json.dumps(body),
            "Attributes": {"SentTimestamp": "1795489200123", "ApproximateReceiveCount": "3"},
            "MessageAttributes": {
                name: {"StringValue": value, "DataType": "String"}
                for name, value in attributes.items()
            },
        },
    )


def message_of(found: Letter) -> str:
    assert found.payload is not None
    (record,) = found.payload["Records"]
    return str(record["Sns"]["Message"])


def test_a_parked_event(shelf: Shelf) -> None:
    found = letter(
        shelf, "payments-charge-dead-letters", event(), reason="permanent: no", traceparent="00-x"
    )
    assert (found.shape, found.reason, found.traceparent) == ("event", "permanent: no", "00-x")
    assert found.parked_at == datetime(2026, 11, 24, 3, 0, 0, 123000, UTC)
    assert found.received == 3
    assert found.orders == {ORDER}
    (told,) = found.told
    assert (told.type, told.subject) == ("shop.order.placed.v1", ORDER)
    # what SNS delivers: Chalice reads these keys
    assert json.loads(message_of(found)) == event()
    sent = found.payload["Records"][0]["Sns"]  # type: ignore[index]
    assert sent["Subject"] is None
    assert sent["MessageAttributes"]["type"]["Value"] == "shop.order.placed.v1"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "exhausted: SNS could not hand it to Lambda"),
        ({"ErrorCode": "500", "ErrorMessage": "Lambda is not there"}, "Lambda is not there"),
    ],
)
def test_what_sns_could_not_hand_over(
    shelf: Shelf, attributes: dict[str, str], reason: str
) -> None:
    # as SNS writes it into a subscription's dead-letter queue
    body = {
        "Type": "Notification",
        "MessageId": "b0b1b2",
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:toyshop-local-orders-events",
        "Message": json.dumps(event()),
        "Timestamp": "2026-11-24T03:00:00.000Z",
    }
    found = letter(shelf, "payments-charge-dead-letters", body, **attributes)
    assert (found.shape, found.reason, found.traceparent) == ("undelivered", reason, TRACE)
    assert found.types == {"shop.order.placed.v1"}
    assert json.loads(message_of(found)) == event()


@pytest.mark.parametrize("text", ["not json", "", 'a "quoted" text', "é\u0001"])
def test_poison_that_is_no_json_comes_back_as_it_was(shelf: Shelf, text: str) -> None:
    parked = json.dumps(text)  # as chassis.parking writes it
    found = letter(shelf, "payments-charge-dead-letters", parked, reason="poison: x")
    assert message_of(found) == text
    assert found.types == set()


@pytest.mark.parametrize("body", ["{}", "[]", "null", "7", '{"type": 7}', '{"Records": []}'])
def test_poison_that_is_json_is_still_a_letter(shelf: Shelf, body: str) -> None:
    for queue in shelf.routes:
        found = letter(shelf, queue, body, reason="poison: x")
        assert found.reason == "poison: x"
        assert (found.payload is None) == (found.shape == "unknown")


NAMES = "Records Sns Message dynamodb NewImage Keys id type body s3 object requestPayload"
KEYS = st.sampled_from([*NAMES.split(), "responsePayload", "requestContext", "DDBStreamBatchInfo"])
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(body=JSON)
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(body={"requestPayload": {"Records": [{"Sns": 1}]}, "responsePayload": "text"})
@example(body={"Records": [{"s3": {"object": None}}]})
@example(body={"DDBStreamBatchInfo": {}})
def test_nothing_in_a_queue_stops_a_look_at_it(shelf: Shelf, body: Any) -> None:
    for queue in shelf.routes:
        for found in (letter(shelf, queue, body), letter(shelf, queue, body, reason="poison: x")):
            assert found.reason
            assert json.dumps(report.letter(found))


def test_what_the_retry_queue_gave_up(shelf: Shelf) -> None:
    found = letter(shelf, "payments-charge-dead-letters", gave_up())
    assert found.shape == "gave up"
    assert found.reason.startswith("exhausted: used up its retries")
    assert "GatewayUnavailableError: no answer" in found.reason
    assert found.payload == gave_up()["requestPayload"]
    assert found.types == {"shop.order.placed.v1"}
    assert found.orders == {ORDER}
    # nobody parked it: the trace is the event's
    assert found.traceparent == TRACE
    old = letter(shelf, "payments-charge-dead-letters", gave_up(condition="EventAgeExceeded"))
    assert "grew too old" in old.reason
    bare = letter(shelf, "payments-charge-dead-letters", {"requestPayload": sns("x")})
    assert "an error that is not known" in bare.reason


def test_an_event_as_sns_delivers_it(shelf: Shelf) -> None:
    found = letter(shelf, "toys-images-dead-letters", sns(json.dumps(event())))
    assert found.payload == sns(json.dumps(event()))
    assert found.reason == "exhausted: received as often as its queue allows"


def test_a_stream_record(shelf: Shelf) -> None:
    found = letter(shelf, "orders-relay-dead-letters", stream_record(), reason="poison: x")
    assert found.shape == "record"
    assert found.payload == {"Records": [stream_record()]}
    (told,) = found.told
    assert (told.type, told.subject, told.traceparent) == ("INSERT", ORDER, TRACE)


def test_a_stream_position(shelf: Shelf) -> None:
    batch = {"shardId": "shard-1", "batchSize": 7, "streamArn": "arn", "startSequenceNumber": "1"}
    found = letter(shelf, "orders-relay-dead-letters", {"DDBStreamBatchInfo": batch})
    assert (found.shape, found.payload) == ("position", None)
    assert found.reason == "exhausted: 7 stream records were given up"


def test_an_upload(shelf: Shelf) -> None:
    told = {"eventName": "ObjectCreated:Post", "s3": {"object": {"key": "incoming/fil_1"}}}
    body = json.dumps({"Records": [told]})
    found = letter(shelf, "file-manager-uploads-dead-letters", body)
    assert found.shape == "upload"
    (record,) = found.payload["Records"]  # type: ignore[index]
    assert record["body"] == body
    assert record["messageId"] == "m-1"
    # a replay is no delivery of the queue: nothing there can be kept for later
    assert "receiptHandle" not in record
    assert [(each.type, each.subject) for each in found.told] == [
        ("ObjectCreated:Post", "incoming/fil_1")
    ]
    # the check parks the text of what is no S3 event
    poison = letter(
        shelf, "file-manager-uploads-dead-letters", json.dumps("no JSON"), reason="poison: x"
    )
    assert poison.payload["Records"][0]["body"] == "no JSON"  # type: ignore[index]


def test_what_a_queue_should_not_hold_is_left_alone(shelf: Shelf) -> None:
    found = letter(shelf, "orders-relay-dead-letters", "?")
    assert (found.shape, found.payload) == ("unknown", None)
    assert "on-dynamodb-record" in found.reason


def test_orders_are_found_wherever_they_are(shelf: Shelf) -> None:
    text = json.dumps({"data": json.dumps({"order": OTHER}), "subject": ORDER, "x": ORDER + "Z"})
    found = letter(shelf, "payments-fulfil-dead-letters", text)
    assert found.orders == {ORDER, OTHER}
    assert letter(shelf, "payments-fulfil-dead-letters", f'"x{ORDER}"').orders == set()
