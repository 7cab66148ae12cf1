"""What the embedded AWS goes on with after a kill."""

import json
import os
import signal

import requests

from shopctl.local import processes
from support.embedded_aws import FAILING, RECORDING, EmbeddedAws, _table
from support.waiting import eventually


def save(aws: EmbeddedAws) -> None:
    assert aws.process
    requests.post(f"{aws.process.url}/_toyshop/checkpoint", timeout=60).raise_for_status()


def kill(aws: EmbeddedAws) -> None:
    assert aws.process
    os.kill(aws.process.pid, signal.SIGKILL)
    # the process that saves may still run
    processes.stop(aws.process)
    aws.start()


def numbers(aws: EmbeddedAws, function: str) -> list[str]:
    events = aws.seen(function)
    return [r["dynamodb"]["Keys"]["id"]["S"] for event in events for r in event["Records"]]


def test_state_is_saved_without_being_asked(aws: EmbeddedAws) -> None:
    _table(aws, "soon")
    manifest = aws.home / "aws/state/manifest.json"

    def tables() -> dict[str, int]:
        counted: dict[str, int] = json.loads(manifest.read_text())["counts"]["tables"]
        return counted

    eventually(lambda: manifest.exists() and "soon" in tables())


def test_unread_stream_records_are_read_after_a_kill(aws: EmbeddedAws) -> None:
    # GIVEN a function that has read one record and then no more
    functions = aws.client("lambda")
    aws.function("reader", RECORDING)
    mapping = functions.create_event_source_mapping(
        FunctionName="reader", EventSourceArn=_table(aws, "unread"), StartingPosition="LATEST"
    )["UUID"]

    def put(number: str) -> None:
        aws.client("dynamodb").put_item(TableName="unread", Item={"id": {"S": number}})

    put("1")
    eventually(lambda: numbers(aws, "reader") == ["1"])
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    put("2")
    put("3")
    # WHEN the embedded AWS saves, is killed, and the function reads again
    save(aws)
    kill(aws)
    aws.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=True)
    put("4")
    # THEN it reads on where it was
    eventually(lambda: numbers(aws, "reader") == ["1", "2", "3", "4"])


def test_pending_event_has_the_attempts_left_that_it_had(aws: EmbeddedAws) -> None:
    # GIVEN an event that has failed twice of three times
    function = aws.function("failing-again", FAILING)
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName="failing-again",
        DestinationConfig={"OnFailure": {"Destination": aws.queue("given-up")}},
    )
    topic = aws.topic("to-failing-again", function)
    aws.client("sns").publish(TopicArn=topic, Message="persistent")

    def calls() -> int:
        return aws.log("failing-again").count("called")

    eventually(lambda: calls() == 2, every=0.02)
    save(aws)
    # WHEN the embedded AWS is killed
    kill(aws)
    # THEN the event is tried once more (or twice, if its third attempt was just running)
    (failed,) = eventually(lambda: aws.messages("given-up"))
    assert failed["requestPayload"]["Records"][0]["Sns"]["Message"] == "persistent"
    assert calls() <= 4


INTERRUPTED = """
import boto3, time
def handler(event, context):
    (record,) = event["Records"]
    if record["body"] == "postponed":
        boto3.client("sqs").change_message_visibility(
            QueueUrl=record["messageAttributes"]["queue"]["stringValue"],
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=500,
        )
        print("postponed")
        return dict(batchItemFailures=[dict(itemIdentifier=record["messageId"])])
    if record["attributes"]["ApproximateReceiveCount"] == "1":
        time.sleep(60)
    print("handled")
"""


def test_message_that_was_being_handled_is_received_again_at_once(aws: EmbeddedAws) -> None:
    # GIVEN a function that has postponed one message of a queue, and is handling another
    aws.function("interrupted", INTERRUPTED)
    aws.client("lambda").update_function_configuration(FunctionName="interrupted", Timeout=90)
    source = aws.queue("slow")
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="slow")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "600"})
    aws.client("lambda").create_event_source_mapping(
        FunctionName="interrupted",
        EventSourceArn=source,
        BatchSize=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )

    def send(body: str) -> None:
        queue = {"DataType": "String", "StringValue": url}
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes={"queue": queue})

    def hidden() -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    send("postponed")
    eventually(lambda: aws.log("interrupted") == ["postponed"])
    send("being handled")
    eventually(lambda: hidden() == 2)
    # WHEN the embedded AWS saves and is killed
    save(aws)
    kill(aws)
    # THEN the function receives only the second again
    eventually(lambda: aws.log("interrupted") == ["postponed", "handled"])
    eventually(lambda: hidden() == 1)


def test_objects_go_back_with_the_items_that_refer_to_them(aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="pictures")
    s3.put_object(Bucket="pictures", Key="replaced", Body=b"saved")
    s3.put_object(Bucket="pictures", Key="deleted", Body=b"saved")
    save(aws)
    s3.put_object(Bucket="pictures", Key="replaced", Body=b"later")
    s3.delete_object(Bucket="pictures", Key="deleted")
    s3.put_object(Bucket="pictures", Key="new", Body=b"later")
    kill(aws)
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket="pictures")["Contents"]
    found = {
        o["Key"]: s3.get_object(Bucket="pictures", Key=o["Key"])["Body"].read() for o in listed
    }
    assert found == {"replaced": b"saved", "deleted": b"saved"}


def test_kill_while_saving_loses_nothing_saved_before(aws: EmbeddedAws) -> None:
    _table(aws, "steady")
    for number in range(3):
        aws.client("dynamodb").put_item(TableName="steady", Item={"id": {"S": str(number)}})
        save(aws)
        # a whole snapshot is there at any moment of the next save
        assert aws.process
        os.kill(aws.process.pid, signal.SIGKILL)
        processes.stop(aws.process)
        unfinished = aws.home / "aws/state.unfinished"
        unfinished.mkdir(exist_ok=True)
        (unfinished / "dynamodb.json").write_text('{"torn')
        aws.start()
        items = aws.client("dynamodb").scan(TableName="steady")["Items"]
        assert len(items) == number + 1
