"""`./shop replay`: dead letters are listed, inspected and redelivered, and charged once."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_httpserver import URI_DEFAULT, HTTPServer

from support.images import announce, new_toy, png, upload
from support.running_shop import Shop, wait_until_idle
from support.waiting import eventually

CHARGE = "payments-charge-dead-letters"
ORDERS_RELAY = "orders-relay-dead-letters"
UPLOADS = "file-manager-uploads-dead-letters"


@pytest.fixture(autouse=True)
def empty_queues(shop: Shop) -> Iterator[None]:
    """Empty the dead-letter queues before and after each test."""
    for queue in (CHARGE, ORDERS_RELAY, UPLOADS):
        shop.client("sqs").purge_queue(QueueUrl=url(shop, queue))
    yield
    shop.gateway.clear_faults()
    for queue in (CHARGE, ORDERS_RELAY, UPLOADS):
        shop.client("sqs").purge_queue(QueueUrl=url(shop, queue))


def url(shop: Shop, queue: str) -> str:
    name = f"toyshop-local-{queue}"
    return str(shop.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def message_count(shop: Shop, queue: str = CHARGE) -> int:
    """Count the messages of a queue, including those in flight."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = shop.client("sqs").get_queue_attributes(
        QueueUrl=url(shop, queue), AttributeNames=names
    )["Attributes"]
    return sum(int(found[name]) for name in names)


def replay(shop: Shop, *arguments: str, status: int = 0) -> Any:
    result = shop.run("replay", *arguments, "--json")
    assert result.returncode == status, result.stdout + result.stderr
    return json.loads(result.stdout)


def outcomes(answer: Any) -> list[str]:
    return sorted(message["outcome"] for message in answer["messages"])


@contextmanager
def setting(shop: Shop, function: str, **values: str) -> Iterator[None]:
    """Change environment variables of a function for the duration of a block."""
    functions = shop.client("lambda")
    name = f"toyshop-local-{function}"
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    try:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": before | values}
        )
        yield
    finally:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": before}
        )


@contextmanager
def rejecting_gateway(shop: Shop) -> Iterator[None]:
    """Charge at a gateway that no longer knows a parameter of the shop's requests."""
    error = {
        "type": "invalid_request_error",
        "code": "parameter_unknown",
        "param": "metadata",
        "message": "Received unknown parameter",
    }
    with HTTPServer(host="127.0.0.1") as server:
        server.expect_request(URI_DEFAULT, method="POST").respond_with_json(
            {"error": error}, status=400
        )
        base = f"http://127.0.0.1:{server.port}"
        with setting(shop, "payments-charge", STRIPE_API_BASE=base):
            yield


@contextmanager
def single_attempt(shop: Shop, queue: str) -> Iterator[None]:
    """Make a queue dead-letter a message after one failure; by default this takes hours."""
    sqs = shop.client("sqs")
    attributes = sqs.get_queue_attributes(
        QueueUrl=url(shop, queue), AttributeNames=["RedrivePolicy"]
    )["Attributes"]
    policy = json.loads(attributes["RedrivePolicy"])
    try:
        sqs.set_queue_attributes(
            QueueUrl=url(shop, queue),
            Attributes={"RedrivePolicy": json.dumps(policy | {"maxReceiveCount": 1})},
        )
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url(shop, queue), Attributes=attributes)


def test_parked_orders_are_replayed_and_charged_once(shop: Shop, alice: str) -> None:
    # GIVEN orders whose charge the gateway rejects
    with rejecting_gateway(shop):
        orders = [shop.place(alice)["id"] for _ in range(4)]
        eventually(lambda: message_count(shop) == 4)
        # THEN they are listed with the reason and can be shown in full
        (content,) = replay(shop, "--queue", CHARGE)
        assert content["messages"] == 4
        assert content["types"] == {"shop.order.placed.v1": 4}
        ((reason, count),) = content["reasons"].items()
        assert count == 4
        assert "permanent: the gateway rejects the request: parameter_unknown" in reason
        (dead_letter,) = replay(shop, "inspect", "--order", orders[0])
        assert dead_letter["content"]["data"]["id"] == orders[0]
        assert (
            dead_letter["traceparent"].split("-")[1]
            == dead_letter["content"]["traceparent"].split("-")[1]
        )
        assert dead_letter["parked_at"] >= dead_letter["content"]["time"][:19]
        # AND a replay while the gateway still rejects them leaves one copy of each
        answer = replay(shop, "redrive", "--service", "payments", status=1)
        assert outcomes(answer) == ["rejected"] * 4
        assert all("parameter_unknown" in message["error"] for message in answer["messages"])
        assert message_count(shop) == 4
    # WHEN the gateway accepts them, THEN a dry run reports what would be done and does nothing
    rehearsal = replay(shop, "redrive", "--all", "--dry-run")
    assert sorted(message["orders"][0] for message in rehearsal["messages"]) == sorted(orders)
    assert outcomes(rehearsal) == ["would be redelivered"] * 4
    assert message_count(shop) == 4
    assert [shop.ledger_of(order_id) for order_id in orders] == [[]] * 4
    # AND one is replayed by its order, the others by two concurrent replays
    assert outcomes(replay(shop, "redrive", "--order", orders[0])) == ["handled"]
    assert message_count(shop) == 3
    first, second = (start(shop, "redrive", "--type", "shop.order.placed.v1") for _ in range(2))
    both = [json.loads(process.communicate(timeout=120)[0]) for process in (first, second)]
    assert [message["outcome"] for answer in both for message in answer["messages"]] == (
        ["handled"] * 3
    )
    for order_id in orders:
        shop.wait_for_payment(order_id, alice, "succeeded")
        shop.wait_for_emails(order_id, 1)
    assert message_count(shop) == 0
    # AND another replay finds nothing
    assert replay(shop, "redrive", "--all")["messages"] == []
    wait_until_idle(shop)
    for order_id in orders:
        assert shop.ledger_of(order_id) == [("charge", "succeeded")]
        shop.wait_for_emails(order_id, 1)


def start(shop: Shop, *arguments: str) -> "subprocess.Popen[str]":
    return shop.start("replay", *arguments, "--json")


def test_order_that_exhausted_its_retries_is_replayed(shop: Shop, alice: str) -> None:
    # GIVEN an order that could not be charged in any of its retries
    with single_attempt(shop, "payments-charge-retry"):
        shop.gateway.add_fault("garbage", times=1000)
        order_id = shop.place(alice)["id"]
        eventually(lambda: message_count(shop) == 1, seconds=120)
        # THEN it is shown with the last error, as there is no reason attribute
        (dead_letter,) = replay(shop, "inspect", "--order", order_id)
        assert dead_letter["shape"] == "exhausted"
        assert "exhausted" in dead_letter["reason"]
        assert "GatewayUnavailableError" in dead_letter["reason"]
        assert dead_letter["events"][0]["type"] == "shop.order.placed.v1"
        assert dead_letter["traceparent"]
        answer = replay(shop, "redrive", "--order", order_id, status=1)
        assert outcomes(answer) == ["failed"]
        assert "GatewayUnavailableError" in answer["messages"][0]["error"]
        assert message_count(shop) == 1
    # WHEN the gateway is back, THEN it is charged once
    shop.gateway.clear_faults()
    assert outcomes(replay(shop, "redrive", "--order", order_id)) == ["handled"]
    assert message_count(shop) == 0
    shop.wait_for_payment(order_id, alice, "succeeded")
    shop.wait_for_emails(order_id, 1)
    assert shop.ledger_of(order_id) == [("charge", "succeeded")]


def test_killed_replay_loses_nothing(shop: Shop, alice: str) -> None:
    # GIVEN a dead letter and a slow gateway
    with rejecting_gateway(shop):
        order_id = shop.place(alice)["id"]
        eventually(lambda: message_count(shop) == 1)
    shop.gateway.add_fault("slow", path="/v1/payment_intents/*/confirm", seconds=3)
    # WHEN its replay is killed while the order is being charged
    process = start(shop, "redrive", "--order", order_id)
    eventually(lambda: not shop.gateway.faults())
    process.kill()
    process.communicate()
    # THEN the message is still in the queue, in flight
    assert message_count(shop) == 1
    second = replay(shop, "redrive", "--order", order_id)
    assert (second["messages"], second["in_flight"]) == ([], 1)
    shop.wait_for_payment(order_id, alice, "succeeded")

    # AND the second delivery changes nothing
    def again() -> Any:
        return replay(shop, "redrive", "--order", order_id)["messages"]

    (message,) = eventually(again, seconds=120, every=5)
    assert message["outcome"] == "handled"
    assert message_count(shop) == 0
    shop.wait_for_emails(order_id, 1)
    assert shop.ledger_of(order_id) == [("charge", "succeeded")]


def test_upload_that_could_not_be_checked_is_replayed(shop: Shop, staff: str) -> None:
    # GIVEN an image whose check failed permanently
    toy, content = new_toy(shop, staff, "Late Robot"), png()
    with (
        single_attempt(shop, "file-manager-uploads"),
        setting(shop, "file-manager-on-s3-event", TABLE_NAME="toyshop-local-no-table"),
    ):
        ticket = announce(shop, staff, toy["id"], len(content))
        upload(ticket, content, "image/png")
        eventually(lambda: message_count(shop, UPLOADS) == 1)
        (dead_letter,) = replay(shop, "inspect", "--queue", UPLOADS)
        assert dead_letter["shape"] == "upload"
        assert dead_letter["events"][0]["subject"].endswith(ticket["image"]["id"])
        answer = replay(shop, "redrive", "--queue", UPLOADS, status=1)
        assert outcomes(answer) == ["failed"]
        assert "ResourceNotFound" in answer["messages"][0]["error"]
    # WHEN its event is redelivered after the cause is fixed, THEN the toy has the image
    assert shop.api("GET", f"/toys/{toy['id']}").json["images"] == []
    assert outcomes(replay(shop, "redrive", "--queue", UPLOADS)) == ["handled"]
    shown = eventually(lambda: shop.api("GET", f"/toys/{toy['id']}").json["images"])
    assert [image["id"] for image in shown] == [ticket["image"]["id"]]


def test_invalid_stream_record_is_not_duplicated_by_replays(shop: Shop) -> None:
    # GIVEN a record that cannot become an event
    table = shop.client("dynamodb")
    key = {"id": {"S": "ord_broken"}}
    item = {**key, "updated_at": {"S": "yesterday"}}
    table.put_item(TableName="toyshop-local-orders", Item=item)
    eventually(lambda: message_count(shop, ORDERS_RELAY) == 1)
    (dead_letter,) = replay(shop, "inspect", "--queue", ORDERS_RELAY)
    assert dead_letter["shape"] == "record"
    assert dead_letter["reason"].startswith("poison: ")
    assert dead_letter["content"]["dynamodb"]["NewImage"] == item
    # THEN each replay reports it and keeps one copy
    for _ in range(2):
        assert outcomes(replay(shop, "redrive", "--queue", ORDERS_RELAY, status=1)) == ["rejected"]
        assert message_count(shop, ORDERS_RELAY) == 1
    # the record of its deletion cannot become an event either
    table.delete_item(TableName="toyshop-local-orders", Key=key)
    eventually(lambda: message_count(shop, ORDERS_RELAY) == 2)
    # AND both are discarded for a reason that is recorded
    answer = replay(shop, "discard", "--queue", ORDERS_RELAY, "--reason", "written by a test")
    assert outcomes(answer) == ["discarded"] * 2
    assert message_count(shop, ORDERS_RELAY) == 0
    records = replay(shop, "discarded", "--queue", ORDERS_RELAY)
    assert [each["because"] for each in records] == ["written by a test"] * 2


def test_discarded_stream_record_is_read_from_the_stream(shop: Shop, alice: str) -> None:
    # GIVEN the message of a stream's failure destination, which has only the records' position
    order_id = shop.place(alice)["id"]
    shop.wait_for_payment(order_id, alice, "succeeded")
    shop.wait_for_emails(order_id, 1)
    given_up = position_of(shop, order_id)
    send(shop, ORDERS_RELAY, given_up)
    # THEN they are read from the stream and published again, which changes nothing
    (planned,) = replay(shop, "redrive", "--queue", ORDERS_RELAY, "--dry-run")["messages"]
    image = planned["payloads"][0]["Records"][0]["dynamodb"]["NewImage"]
    assert image["id"] == {"S": order_id}
    assert outcomes(replay(shop, "redrive", "--queue", ORDERS_RELAY)) == ["handled"]
    wait_until_idle(shop)
    assert shop.ledger_of(order_id) == [("charge", "succeeded")]
    shop.wait_for_emails(order_id, 1)
    # AND records that the stream no longer holds are reported with a remedy
    given_up["DDBStreamBatchInfo"]["startSequenceNumber"] = "1" * 21
    send(shop, ORDERS_RELAY, given_up)
    (message,) = replay(shop, "redrive", "--queue", ORDERS_RELAY, status=1)["messages"]
    assert message["outcome"] == "gone"
    assert "docs/runbooks/dead-letters.md" in message["error"]
    assert message_count(shop, ORDERS_RELAY) == 1


def send(shop: Shop, queue: str, content: Any) -> None:
    shop.client("sqs").send_message(QueueUrl=url(shop, queue), MessageBody=json.dumps(content))


def position_of(shop: Shop, order_id: str) -> Any:
    """Return what a stream's failure destination receives about an order's first record."""
    streams = shop.client("dynamodbstreams")
    arn = streams.list_streams(TableName="toyshop-local-orders")["Streams"][0]["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    found = next(r for r in records if r["dynamodb"]["Keys"]["id"]["S"] == order_id)
    return {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "DDBStreamBatchInfo": {
            "shardId": shard["ShardId"],
            "startSequenceNumber": found["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": found["dynamodb"]["SequenceNumber"],
            "batchSize": 1,
            "streamArn": arn,
        },
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["redrive"], "No messages were selected. Select them by service, queue,"),
        (
            ["redrive", "--all", "--service", "toys"],
            "--all cannot be combined with options that select messages.",
        ),
        (["--service", "bank"], "There is no service with a dead-letter queue bank. There are"),
        (["--queue", "nowhere"], "There is no dead-letter queue toyshop-local-nowhere."),
        (["--since", "yesterday"], "'yesterday' is neither a time nor an age"),
        (["--stage", "moon"], "There is no stage moon"),
    ],
)
def test_invalid_argument_is_reported_in_one_sentence(
    shop: Shop, arguments: list[str], sentence: str
) -> None:
    result = shop.run("replay", *arguments)
    # 2 if an option cannot be parsed
    assert result.returncode == (2 if "--since" in arguments else 1)
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
