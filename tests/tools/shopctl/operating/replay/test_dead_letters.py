"""Each shape of a dead letter is recognized."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shopctl.operating.replay import dead_letters
from shopctl.operating.replay.dead_letters import DeadLetter
from support.dead_letter_queues import (
    ORDER,
    OTHER,
    TRACE,
    DeadLetterQueues,
    event,
    exhausted,
    sns,
    stream_record,
)


def dead_letter(queues: DeadLetterQueues, queue: str, body: Any, **attributes: str) -> DeadLetter:
    return dead_letters.read(
        queues.routes[queue],
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


def message_of(found: DeadLetter) -> str:
    assert found.payload is not None
    (record,) = found.payload["Records"]
    return str(record["Sns"]["Message"])


def test_parked_event(queues: DeadLetterQueues) -> None:
    found = dead_letter(
        queues, "payments-charge-dead-letters", event(), reason="permanent: no", traceparent="00-x"
    )
    assert (found.shape, found.reason, found.traceparent) == ("event", "permanent: no", "00-x")
    assert found.parked_at == datetime(2026, 11, 24, 3, 0, 0, 123000, UTC)
    assert found.received == 3
    assert found.orders == {ORDER}
    (summary,) = found.events
    assert (summary.type, summary.subject) == ("shop.order.placed.v1", ORDER)
    # Chalice reads these keys of a notification
    assert json.loads(message_of(found)) == event()
    sent = found.payload["Records"][0]["Sns"]  # type: ignore[index]
    assert sent["Subject"] is None
    assert sent["MessageAttributes"]["type"]["Value"] == "shop.order.placed.v1"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "exhausted: SNS could not invoke the function"),
        ({"ErrorCode": "500", "ErrorMessage": "Lambda is not there"}, "Lambda is not there"),
    ],
)
def test_notification_that_sns_could_not_deliver(
    queues: DeadLetterQueues, attributes: dict[str, str], reason: str
) -> None:
    # as SNS writes it into a subscription's dead-letter queue
    body = {
        "Type": "Notification",
        "MessageId": "b0b1b2",
        "TopicArn": "arn:aws:sns:us-east-1:000000000000:toyshop-local-orders-events",
        "Message": json.dumps(event()),
        "Timestamp": "2026-11-24T03:00:00.000Z",
    }
    found = dead_letter(queues, "payments-charge-dead-letters", body, **attributes)
    assert (found.shape, found.reason, found.traceparent) == ("undelivered", reason, TRACE)
    assert found.types == {"shop.order.placed.v1"}
    assert json.loads(message_of(found)) == event()


@pytest.mark.parametrize("text", ["not json", "", 'a "quoted" text', "é\u0001"])
def test_poison_that_is_not_json_is_redelivered_unchanged(
    queues: DeadLetterQueues, text: str
) -> None:
    parked = json.dumps(text)  # as chassis.parking writes it
    found = dead_letter(queues, "payments-charge-dead-letters", parked, reason="poison: x")
    assert message_of(found) == text
    assert found.types == set()


@pytest.mark.parametrize("body", ["{}", "[]", "null", "7", '{"type": 7}', '{"Records": []}'])
def test_poison_that_is_json_is_read_in_every_queue(queues: DeadLetterQueues, body: str) -> None:
    for queue in queues.routes:
        found = dead_letter(queues, queue, body, reason="poison: x")
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
def test_any_message_can_be_read_and_reported(queues: DeadLetterQueues, body: Any) -> None:
    for queue in queues.routes:
        for found in (
            dead_letter(queues, queue, body),
            dead_letter(queues, queue, body, reason="poison: x"),
        ):
            assert found.reason
            assert json.dumps(dead_letters.to_json(found))


def test_event_that_exhausted_its_retries(queues: DeadLetterQueues) -> None:
    found = dead_letter(queues, "payments-charge-dead-letters", exhausted())
    assert found.shape == "exhausted"
    assert found.reason.startswith("exhausted: all retries failed")
    assert "GatewayUnavailableError: no answer" in found.reason
    assert found.payload == exhausted()["requestPayload"]
    assert found.types == {"shop.order.placed.v1"}
    assert found.orders == {ORDER}
    # it was not parked by code, so the trace is the event's
    assert found.traceparent == TRACE
    old = dead_letter(
        queues, "payments-charge-dead-letters", exhausted(condition="EventAgeExceeded")
    )
    assert "became too old" in old.reason
    bare = dead_letter(queues, "payments-charge-dead-letters", {"requestPayload": sns("x")})
    assert "not recorded" in bare.reason


def test_event_as_sns_delivers_it(queues: DeadLetterQueues) -> None:
    found = dead_letter(queues, "toys-images-dead-letters", sns(json.dumps(event())))
    assert found.payload == sns(json.dumps(event()))
    assert found.reason == "exhausted: the queue's receive limit was reached"


def test_stream_record(queues: DeadLetterQueues) -> None:
    found = dead_letter(queues, "orders-relay-dead-letters", stream_record(), reason="poison: x")
    assert found.shape == "record"
    assert found.payload == {"Records": [stream_record()]}
    (summary,) = found.events
    assert (summary.type, summary.subject, summary.traceparent) == ("INSERT", ORDER, TRACE)


def test_stream_position(queues: DeadLetterQueues) -> None:
    batch = {"shardId": "shard-1", "batchSize": 7, "streamArn": "arn"}
    batch |= {"startSequenceNumber": "1", "endSequenceNumber": "9"}
    found = dead_letter(queues, "orders-relay-dead-letters", {"DDBStreamBatchInfo": batch})
    assert (found.shape, found.payload) == ("stream_position", None)
    assert found.reason == "exhausted: 7 stream records were not processed"


def test_upload(queues: DeadLetterQueues) -> None:
    upload = {"eventName": "ObjectCreated:Post", "s3": {"object": {"key": "incoming/fil_1"}}}
    body = json.dumps({"Records": [upload]})
    found = dead_letter(queues, "file-manager-uploads-dead-letters", body)
    assert found.shape == "upload"
    (record,) = found.payload["Records"]  # type: ignore[index]
    assert record["body"] == body
    assert record["messageId"] == "m-1"
    # no queue holds a redelivered message, so there is no receipt to keep it with
    assert "receiptHandle" not in record
    assert [(each.type, each.subject) for each in found.events] == [
        ("ObjectCreated:Post", "incoming/fil_1")
    ]
    # a text that is not an S3 event is parked as it is
    poison = dead_letter(
        queues, "file-manager-uploads-dead-letters", json.dumps("not JSON"), reason="poison: x"
    )
    assert poison.payload["Records"][0]["body"] == "not JSON"  # type: ignore[index]


def test_message_that_fits_no_trigger_is_unknown(queues: DeadLetterQueues) -> None:
    found = dead_letter(queues, "orders-relay-dead-letters", "?")
    assert (found.shape, found.payload) == ("unknown", None)
    assert "on-dynamodb-record" in found.reason


def test_order_ids_are_found_anywhere_in_the_body(queues: DeadLetterQueues) -> None:
    text = json.dumps({"data": json.dumps({"order": OTHER}), "subject": ORDER, "x": ORDER + "Z"})
    found = dead_letter(queues, "payments-fulfil-dead-letters", text)
    assert found.orders == {ORDER, OTHER}
    assert dead_letter(queues, "payments-fulfil-dead-letters", f'"x{ORDER}"').orders == set()
