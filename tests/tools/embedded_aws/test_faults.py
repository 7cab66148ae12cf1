"""Fault injection of the embedded AWS, and streams whose function handles part of a batch."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.embedded_aws import COUNTING, RECORDING, EmbeddedAws, _table
from support.http import http
from support.waiting import eventually

PARTIAL = """
import json
failed = set()
def handler(event, context):
    print("seen " + json.dumps(event))
    for record in event["Records"]:
        number = record["dynamodb"]["Keys"]["id"]["S"]
        if number == "2" and number not in failed:
            failed.add(number)
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
"""
SLOW = """
import time
def handler(event, context):
    time.sleep(event["seconds"])
"""


def inject(aws: EmbeddedAws, **settings: Any) -> dict[str, Any]:
    assert aws.process
    answer = http("POST", f"{aws.process.url}/_toyshop/faults", settings)
    assert answer.status == 200, answer.body
    fault: dict[str, Any] = answer.json
    return fault


@pytest.fixture(autouse=True)
def _end_faults(aws: EmbeddedAws) -> Iterator[None]:
    yield
    inject(aws)


def test_stream_resumes_at_the_first_record_that_failed(aws: EmbeddedAws) -> None:
    # GIVEN a batch of three records, the second of which the function reports as failed
    aws.function("partial", PARTIAL)
    source = _table(aws, "partial")
    for number in ("1", "2", "3"):
        aws.client("dynamodb").put_item(TableName="partial", Item={"id": {"S": number}})
    aws.client("lambda").create_event_source_mapping(
        FunctionName="partial",
        EventSourceArn=source,
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )

    def batches() -> list[list[str]]:
        return [
            [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
            for event in aws.seen("partial")
        ]

    # THEN it gets the second and third again, but not the first
    eventually(lambda: len(batches()) == 2)
    assert batches() == [["1", "2", "3"], ["2", "3"]]


def test_hot_partition_throttles_one_table(aws: EmbeddedAws) -> None:
    _table(aws, "hot")
    _table(aws, "cool")
    inject(aws, throttled=["hot"])
    put = aws.client("dynamodb").put_item
    put(TableName="cool", Item={"id": {"S": "1"}})
    with pytest.raises(ClientError) as raised:
        put(TableName="hot", Item={"id": {"S": "1"}})
    assert raised.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    inject(aws)
    put(TableName="hot", Item={"id": {"S": "1"}})


def test_slow_function_answers_later(aws: EmbeddedAws) -> None:
    aws.function("late", SLOW)
    aws.function("prompt", SLOW)
    report = inject(aws, slow=["late"], slow_seconds=1.0)
    assert report["slow"] == ["late"]

    def seconds(name: str) -> float:
        began = time.monotonic()
        payload = json.dumps({"seconds": 0})
        aws.client("lambda").invoke(FunctionName=name, Payload=payload)
        return time.monotonic() - began

    assert seconds("late") >= 1.0
    assert inject(aws)["injected"]["slowed"] == 1
    seconds("prompt")
    assert inject(aws)["injected"]["slowed"] == 1


def test_notification_is_delivered_twice(aws: EmbeddedAws) -> None:
    topic = aws.topic("twice", aws.function("twice", RECORDING))
    inject(aws, duplicate=1)
    aws.client("sns").publish(TopicArn=topic, Message="m")
    eventually(lambda: len(aws.seen("twice")) == 2)
    inject(aws)
    aws.client("sns").publish(TopicArn=topic, Message="m")
    eventually(lambda: len(aws.seen("twice")) == 3)


def test_topic_rejects_an_entry_of_a_batch(aws: EmbeddedAws) -> None:
    topic = aws.topic("picky", aws.function("picky", RECORDING))
    inject(aws, reject=1)
    answer = aws.client("sns").publish_batch(
        TopicArn=topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "m"}]
    )
    assert [entry["Id"] for entry in answer["Failed"]] == ["1"]
    assert answer.get("Successful", []) == []


def test_invocation_fails_before_or_after_its_work(aws: EmbeddedAws) -> None:
    aws.function("unlucky", COUNTING)

    def invoke() -> Any:
        answer = aws.client("lambda").invoke(FunctionName="unlucky", Payload=b"{}")
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    done = inject(aws, seed=3, fail=1)["injected"]
    answers = [invoke() for _ in range(12)]
    # before and after are two throws, each for half of the share
    failed = [answer for error, answer in answers if error]
    assert {answer["errorType"] for answer in failed} == {"Fault"}
    now = inject(aws)["injected"]
    before, after = (now[f"failed {w}"] - done.get(f"failed {w}", 0) for w in ("before", "after"))
    assert len(failed) == before + after
    assert before > 0
    assert after > 0
    # one that failed before its work has not been counted by the function
    assert invoke()[1][1] == 12 - before + 1


def test_busy_worker_is_killed_and_the_crash_is_reported(aws: EmbeddedAws) -> None:
    aws.function("victim", SLOW)

    def invoke(seconds: float) -> Any:
        payload = json.dumps({"path": "/victims/1", "seconds": seconds})
        return aws.client("lambda").invoke(FunctionName="victim", Payload=payload)

    # its process runs
    invoke(0)
    inject(aws, kill_seconds=0.5)
    answer = invoke(60)
    assert answer["FunctionError"]
    assert "died" in answer["Payload"].read().decode()
    (crash,) = [d for d in inject(aws)["crashes"] if d["function"] == "victim"]
    assert crash["path"] == "/victims/1"
    assert 0 < crash["ended"] - crash["started"] < 60


def test_table_answers_only_errors(aws: EmbeddedAws) -> None:
    _table(aws, "down")
    _table(aws, "downstairs")
    inject(aws, tables=["down"])
    dynamodb = aws.client("dynamodb")
    with pytest.raises(ClientError, match="InternalServerError"):
        dynamodb.get_item(TableName="down", Key={"id": {"S": "1"}})
    dynamodb.get_item(TableName="downstairs", Key={"id": {"S": "1"}})
    inject(aws)
    dynamodb.get_item(TableName="down", Key={"id": {"S": "1"}})


@pytest.mark.parametrize(
    ("body", "word"),
    [(b"{", "invalid"), (b"[]", "object"), (b'{"rain": 1}', "rain"), (b'{"fail": 2}', "share")],
)
def test_invalid_settings_are_refused(aws: EmbeddedAws, body: bytes, word: str) -> None:
    assert aws.process
    answer = http("POST", f"{aws.process.url}/_toyshop/faults", body)
    assert answer.status == 400
    assert word in answer.json["error"]
