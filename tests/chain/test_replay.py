"""What was parked is found, looked at and delivered again; the ledger is the judge."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from support.images import announce, new_toy, png, upload
from support.running_shop import Shop, wait_until_idle
from support.waiting import eventually

CHARGE = "payments-charge-dead-letters"
ORDERS_RELAY = "orders-relay-dead-letters"
UPLOADS = "file-manager-uploads-dead-letters"


@pytest.fixture(autouse=True)
def empty(shop: Shop) -> Iterator[None]:
    """Begin and end with empty dead-letter queues."""
    for queue in (CHARGE, ORDERS_RELAY, UPLOADS):
        shop.client("sqs").purge_queue(QueueUrl=url(shop, queue))
    yield
    shop.gateway.clear_faults()
    for queue in (CHARGE, ORDERS_RELAY, UPLOADS):
        shop.client("sqs").purge_queue(QueueUrl=url(shop, queue))


def url(shop: Shop, queue: str) -> str:
    name = f"toyshop-local-{queue}"
    return str(shop.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def copies(shop: Shop, queue: str = CHARGE) -> int:
    """Count the messages of a queue, those that somebody holds included."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = shop.client("sqs").get_queue_attributes(
        QueueUrl=url(shop, queue), AttributeNames=names
    )["Attributes"]
    return sum(int(found[name]) for name in names)


def replay(shop: Shop, *arguments: str, status: int = 0) -> Any:
    result = shop.run("replay", *arguments, "--json")
    assert result.returncode == status, result.stdout + result.stderr
    return json.loads(result.stdout)


def became(answer: Any) -> list[str]:
    return sorted(message["outcome"] for message in answer["messages"])


class Misunderstanding(BaseHTTPRequestHandler):
    """A gateway that no longer knows a parameter which the shop sends."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        error = {"type": "invalid_request_error", "code": "parameter_unknown", "param": "metadata"}
        body = json.dumps({"error": {**error, "message": "Received unknown parameter"}}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def setting(shop: Shop, function: str, **values: str) -> Iterator[None]:
    """Change what a function is told by its environment, for a while."""
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
def misunderstood(shop: Shop) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Misunderstanding)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with setting(
            shop, "payments-charge", STRIPE_API_BASE=f"http://127.0.0.1:{server.server_port}"
        ):
            yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def impatient(shop: Shop, queue: str) -> Iterator[None]:
    """Let a queue give up what has failed once; on AWS, and else here, it takes hours."""
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
    # GIVEN orders that the gateway misunderstood
    with misunderstood(shop):
        orders = [shop.place(alice)["id"] for _ in range(4)]
        eventually(lambda: copies(shop) == 4)
        # THEN they are listed, with why, and whole
        (content,) = replay(shop, "--queue", CHARGE)
        assert content["messages"] == 4
        assert content["types"] == {"shop.order.placed.v1": 4}
        ((reason, count),) = content["reasons"].items()
        assert count == 4
        assert "permanent: the gateway rejects the request: parameter_unknown" in reason
        (letter,) = replay(shop, "inspect", "--order", orders[0])
        assert letter["content"]["data"]["id"] == orders[0]
        assert letter["traceparent"].split("-")[1] == letter["content"]["traceparent"].split("-")[1]
        assert letter["parked_at"] >= letter["content"]["time"][:19]
        # AND replayed too early they are refused, and stay, one copy of each
        answer = replay(shop, "redrive", "--service", "payments", status=1)
        assert became(answer) == ["refused"] * 4
        assert all("parameter_unknown" in message["why"] for message in answer["messages"])
        assert copies(shop) == 4
    # WHEN the cause is gone, THEN a dry run tells what would be done, and does nothing
    rehearsal = replay(shop, "redrive", "--all", "--dry-run")
    assert sorted(message["orders"][0] for message in rehearsal["messages"]) == sorted(orders)
    assert became(rehearsal) == ["would be delivered"] * 4
    assert copies(shop) == 4
    assert [shop.money_of(order_id) for order_id in orders] == [[]] * 4
    # AND one is replayed by its order, the others by two replays at once
    assert became(replay(shop, "redrive", "--order", orders[0])) == ["handled"]
    assert copies(shop) == 3
    first, second = (start(shop, "redrive", "--type", "shop.order.placed.v1") for _ in range(2))
    both = [json.loads(process.communicate(timeout=120)[0]) for process in (first, second)]
    assert [message["outcome"] for answer in both for message in answer["messages"]] == (
        ["handled"] * 3
    )
    for order_id in orders:
        shop.paid(order_id, alice, "succeeded")
        shop.mailed(order_id, 1)
    assert copies(shop) == 0
    # AND a further one finds nothing
    assert replay(shop, "redrive", "--all")["messages"] == []
    wait_until_idle(shop)
    for order_id in orders:
        assert shop.money_of(order_id) == [("charge", "succeeded")]
        shop.mailed(order_id, 1)


def start(shop: Shop, *arguments: str) -> "subprocess.Popen[str]":
    return shop.start("replay", *arguments, "--json")


def test_what_the_retry_queue_gave_up_is_replayed(shop: Shop, alice: str) -> None:
    # GIVEN an order that could not be charged until all retries were used up
    with impatient(shop, "payments-charge-retry"):
        shop.gateway.add_fault("garbage", times=1000)
        order_id = shop.place(alice)["id"]
        eventually(lambda: copies(shop) == 1, seconds=120)
        # THEN what is known is shown, though nobody could write a reason
        (letter,) = replay(shop, "inspect", "--order", order_id)
        assert letter["shape"] == "exhausted"
        assert "exhausted" in letter["reason"]
        assert "GatewayUnavailableError" in letter["reason"]
        assert letter["events"][0]["type"] == "shop.order.placed.v1"
        assert letter["traceparent"]
        answer = replay(shop, "redrive", "--order", order_id, status=1)
        assert became(answer) == ["failed"]
        assert "GatewayUnavailableError" in answer["messages"][0]["why"]
        assert copies(shop) == 1
    # WHEN the gateway is back, THEN it is charged once
    shop.gateway.clear_faults()
    assert became(replay(shop, "redrive", "--order", order_id)) == ["handled"]
    assert copies(shop) == 0
    shop.paid(order_id, alice, "succeeded")
    shop.mailed(order_id, 1)
    assert shop.money_of(order_id) == [("charge", "succeeded")]


def test_a_replay_that_is_killed_loses_nothing(shop: Shop, alice: str) -> None:
    # GIVEN a dead letter, and a gateway that takes its time
    with misunderstood(shop):
        order_id = shop.place(alice)["id"]
        eventually(lambda: copies(shop) == 1)
    shop.gateway.add_fault("slow", path="/v1/payment_intents/*/confirm", seconds=3)
    # WHEN its replay is killed while the order is being charged
    process = start(shop, "redrive", "--order", order_id)
    eventually(lambda: not shop.gateway.faults())
    process.kill()
    process.communicate()
    # THEN it is still there, and hidden for a while
    assert copies(shop) == 1
    told = replay(shop, "redrive", "--order", order_id)
    assert (told["messages"], told["in_flight"]) == ([], 1)
    shop.paid(order_id, alice, "succeeded")

    # AND the second delivery changes nothing
    def again() -> Any:
        return replay(shop, "redrive", "--order", order_id)["messages"]

    (message,) = eventually(again, seconds=120, every=5)
    assert message["outcome"] == "handled"
    assert copies(shop) == 0
    shop.mailed(order_id, 1)
    assert shop.money_of(order_id) == [("charge", "succeeded")]


def test_an_upload_that_could_not_be_checked_is_replayed(shop: Shop, staff: str) -> None:
    # GIVEN a picture whose check failed for good
    toy, content = new_toy(shop, staff, "Late Robot"), png()
    with (
        impatient(shop, "file-manager-uploads"),
        setting(shop, "file-manager-on-s3-event", TABLE_NAME="toyshop-local-no-table"),
    ):
        ticket = announce(shop, staff, toy["id"], len(content))
        upload(ticket, content, "image/png")
        eventually(lambda: copies(shop, UPLOADS) == 1)
        (letter,) = replay(shop, "inspect", "--queue", UPLOADS)
        assert letter["shape"] == "upload"
        assert letter["events"][0]["subject"].endswith(ticket["image"]["id"])
        answer = replay(shop, "redrive", "--queue", UPLOADS, status=1)
        assert became(answer) == ["failed"]
        assert "ResourceNotFound" in answer["messages"][0]["why"]
    # WHEN it can be checked, and is delivered again, THEN the toy shows it
    assert shop.api("GET", f"/toys/{toy['id']}").json["images"] == []
    assert became(replay(shop, "redrive", "--queue", UPLOADS)) == ["handled"]
    shown = eventually(lambda: shop.api("GET", f"/toys/{toy['id']}").json["images"])
    assert [image["id"] for image in shown] == [ticket["image"]["id"]]


def test_a_stream_record_that_is_poison_does_not_multiply(shop: Shop) -> None:
    # GIVEN a record that never becomes an event
    table = shop.client("dynamodb")
    key = {"id": {"S": "ord_broken"}}
    item = {**key, "updated_at": {"S": "yesterday"}}
    table.put_item(TableName="toyshop-local-orders", Item=item)
    eventually(lambda: copies(shop, ORDERS_RELAY) == 1)
    (letter,) = replay(shop, "inspect", "--queue", ORDERS_RELAY)
    assert letter["shape"] == "record"
    assert letter["reason"].startswith("poison: ")
    assert letter["content"]["dynamodb"]["NewImage"] == item
    # THEN each replay says so, and one copy stays
    for _ in range(2):
        assert became(replay(shop, "redrive", "--queue", ORDERS_RELAY, status=1)) == ["refused"]
        assert copies(shop, ORDERS_RELAY) == 1
    # what its deletion tells is no event either
    table.delete_item(TableName="toyshop-local-orders", Key=key)
    eventually(lambda: copies(shop, ORDERS_RELAY) == 2)


def test_what_a_stream_gave_up_is_read_from_it(shop: Shop, alice: str) -> None:
    # GIVEN what Lambda sends of stream records that were given up: where they are, no more
    order_id = shop.place(alice)["id"]
    shop.paid(order_id, alice, "succeeded")
    shop.mailed(order_id, 1)
    given_up = position_of(shop, order_id)
    send(shop, ORDERS_RELAY, given_up)
    # THEN they are read from the stream and told again, which changes nothing
    (planned,) = replay(shop, "redrive", "--queue", ORDERS_RELAY, "--dry-run")["messages"]
    image = planned["payloads"][0]["Records"][0]["dynamodb"]["NewImage"]
    assert image["id"] == {"S": order_id}
    assert became(replay(shop, "redrive", "--queue", ORDERS_RELAY)) == ["handled"]
    wait_until_idle(shop)
    assert shop.money_of(order_id) == [("charge", "succeeded")]
    shop.mailed(order_id, 1)
    # AND what the stream has forgotten is said, with what can be done
    given_up["DDBStreamBatchInfo"]["startSequenceNumber"] = "1" * 21
    send(shop, ORDERS_RELAY, given_up)
    (message,) = replay(shop, "redrive", "--queue", ORDERS_RELAY, status=1)["messages"]
    assert message["outcome"] == "gone"
    assert "docs/runbooks/dead-letters.md" in message["why"]
    assert copies(shop, ORDERS_RELAY) == 1


def send(shop: Shop, queue: str, content: Any) -> None:
    shop.client("sqs").send_message(QueueUrl=url(shop, queue), MessageBody=json.dumps(content))


def position_of(shop: Shop, order_id: str) -> Any:
    """Return what a stream's failure destination gets of an order's first record."""
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
    ("arguments", "said"),
    [
        (["redrive"], "Nothing narrows it down. Name a service, queue,"),
        (["redrive", "--all", "--service", "toys"], "exclude each other"),
        (["--service", "bank"], "There is no service with a dead-letter queue bank. There are"),
        (["--queue", "nowhere"], "There is no dead-letter queue toyshop-local-nowhere."),
        (["--since", "yesterday"], "'yesterday' is neither a time nor an age"),
        (["--stage", "moon"], "There is no stage moon"),
    ],
)
def test_a_mistake_is_one_sentence(shop: Shop, arguments: list[str], said: str) -> None:
    result = shop.run("replay", *arguments)
    assert result.returncode == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr
