"""The behavior of AWS that the embedded AWS adds to ministack, tested on a real process."""

import json
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import requests

import embedded_aws
from shopctl.local import activity, mail
from support.embedded_aws import (
    COUNTING,
    FAILING,
    PUBLISHING,
    RECORDING,
    SENDING,
    SHARING,
    EmbeddedAws,
    _table,
)
from support.waiting import eventually


def test_failing_consumer_is_retried_then_parked_in_its_failure_destination(
    aws: EmbeddedAws,
) -> None:
    # GIVEN a subscribed function that fails, with one retry and a failure destination
    function = aws.function("failing", FAILING)
    destination = aws.queue("failed")
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName="failing",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": destination}},
    )
    topic = aws.topic("to-failing", function)
    # WHEN something is published
    aws.client("sns").publish(TopicArn=topic, Message="lost?")
    # THEN it was tried twice, and the message is in the queue
    (failed,) = eventually(lambda: aws.messages("failed"))
    assert failed["requestPayload"]["Records"][0]["Sns"]["Message"] == "lost?"
    # with the type of the exception, by which a person or a replay tells failures apart
    error = failed["responsePayload"]
    assert (error["errorType"], error["errorMessage"]) == ("RuntimeError", "planted")
    assert aws.log("failing").count("called") == 2


def test_traceback_of_an_exception_is_logged(aws: EmbeddedAws) -> None:
    # GIVEN a function that fails
    aws.function("raising", FAILING)
    # WHEN it is invoked
    aws.client("lambda").invoke(FunctionName="raising", Payload=b"{}")
    # THEN the log has the traceback
    assert any(line.startswith("Traceback") for line in aws.log("raising"))


def test_notification_has_the_keys_that_chalice_reads(aws: EmbeddedAws) -> None:
    # GIVEN a subscribed function
    topic = aws.topic("to-recording", aws.function("recording", RECORDING))
    # WHEN a message without subject and attributes is published
    aws.client("sns").publish(TopicArn=topic, Message="plain")
    # THEN both keys are there
    (event,) = eventually(lambda: aws.seen("recording"))
    notification = event["Records"][0]["Sns"]
    assert notification["Subject"] is None
    assert notification["MessageAttributes"] == {}


def test_filter_policy_is_honored(aws: EmbeddedAws) -> None:
    # GIVEN a subscription to one event type
    function = aws.function("choosy", RECORDING)
    topic = aws.topic("to-choosy", function, FilterPolicy=json.dumps({"type": ["wanted"]}))
    # WHEN another type is published and then that one
    for kind in ("unwanted", "wanted"):
        attributes = {"type": {"DataType": "String", "StringValue": kind}}
        aws.client("sns").publish(TopicArn=topic, Message=kind, MessageAttributes=attributes)
    # THEN only the latter arrives
    eventually(lambda: aws.seen("choosy"))
    assert activity.wait_until_idle(aws.cloud.endpoint or "", seconds=10) == {}
    messages = [event["Records"][0]["Sns"]["Message"] for event in aws.seen("choosy")]
    assert messages == ["wanted"]


def test_exception_does_not_end_the_worker(aws: EmbeddedAws) -> None:
    # GIVEN a warm function
    aws.function("counting", COUNTING)

    def invoke(**event: bool) -> Any:
        answer = aws.client("lambda").invoke(FunctionName="counting", Payload=json.dumps(event))
        return json.load(answer["Payload"])

    worker, calls = invoke()
    # WHEN an invocation raises
    assert invoke(fail=True)["errorMessage"] == "planted"
    # THEN the next one runs in the same process
    assert invoke() == [worker, calls + 2]


def test_functions_of_a_package_share_its_import_but_not_the_environment(
    aws: EmbeddedAws,
) -> None:
    # GIVEN two functions of one package
    for name in ("left", "right"):
        aws.function(name, SHARING)
    # WHEN both are invoked
    answers = [
        json.load(aws.client("lambda").invoke(FunctionName=name, Payload=b"{}")["Payload"])
        for name in ("left", "right")
    ]
    # THEN each runs in its own process, under its own name
    assert len({answer["process"] for answer in answers}) == 2
    assert [answer["name"] for answer in answers] == ["left", "right"]
    # AND where forking is possible, the package was imported by one process for both
    if sys.platform == "linux":
        assert len({answer["imported_by"] for answer in answers}) == 1
    # AND their random numbers differ
    assert answers[0]["random"] != answers[1]["random"]


def test_package_is_unpacked_once_for_all_workers(aws: EmbeddedAws) -> None:
    # GIVEN two functions of one package
    for name in ("unpacked-one", "unpacked-two"):
        aws.function(name, SHARING)
        aws.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    # THEN their workers have links to one directory, and only the hash of the package
    folders = list(aws.home.glob("tmp/ministack-lambda-unpacked-*"))
    assert len(folders) == 2
    assert len({(folder / "code").resolve() for folder in folders}) == 1
    assert (folders[0] / "code" / "app.py").read_text() == SHARING
    assert len((folders[0] / "code.zip").read_text()) == 64


def test_package_that_cannot_be_imported_reports_why(aws: EmbeddedAws) -> None:
    aws.function("broken", "import nowhere_to_be_found\n")
    answer = aws.client("lambda").invoke(FunctionName="broken", Payload=b"{}")
    assert answer["FunctionError"]
    assert "nowhere_to_be_found" in json.load(answer["Payload"])["errorMessage"]


def test_warm_call_does_not_wait_for_a_log_line(aws: EmbeddedAws) -> None:
    # GIVEN a warm function that logs nothing
    aws.function("silent", "def handler(event, context):\n    return 1\n")
    invoke = aws.client("lambda").invoke
    invoke(FunctionName="silent", Payload=b"{}")

    def seconds() -> float:
        started = time.monotonic()
        invoke(FunctionName="silent", Payload=b"{}")
        return time.monotonic() - started

    # WHEN it is called THEN it takes less than the 50 ms that ministack would always wait; a call
    # may take longer on a busy machine, but not every one
    assert any(seconds() < 0.04 for _ in range(100))


def test_data_survives_a_restart(aws: EmbeddedAws) -> None:
    # GIVEN an item and an object
    table = _table(aws, "kept")
    aws.client("dynamodb").put_item(TableName="kept", Item={"id": {"S": "1"}})
    aws.client("s3").create_bucket(Bucket="kept")
    aws.client("s3").put_object(Bucket="kept", Key="picture", Body=b"bytes")
    # WHEN the embedded AWS stops and starts
    aws.restart()
    # THEN they are there
    assert table
    assert aws.client("dynamodb").get_item(TableName="kept", Key={"id": {"S": "1"}})["Item"]
    stored = aws.client("s3").get_object(Bucket="kept", Key="picture")
    assert stored["Body"].read() == b"bytes"


def test_stream_invokes_no_function_for_records_that_its_filter_excludes(
    aws: EmbeddedAws,
) -> None:
    # GIVEN a function that reads a stream with a filter
    aws.function("filtered", RECORDING)
    pattern = {"dynamodb": {"NewImage": {"traceparent": {"S": [{"prefix": "00-"}]}}}}
    aws.client("lambda").create_event_source_mapping(
        FunctionName="filtered",
        EventSourceArn=_table(aws, "traced"),
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
    )
    # WHEN items are written that match it, and items that do not
    for number in range(6):
        trace = {"traceparent": {"S": f"00-{number}"}} if number % 2 else {}
        item = {"id": {"S": str(number)}, **trace}
        aws.client("dynamodb").put_item(TableName="traced", Item=item)
    # THEN the function sees only those that match, in order

    def numbers() -> list[str]:
        events = aws.seen("filtered")
        return [r["dynamodb"]["Keys"]["id"]["S"] for event in events for r in event["Records"]]

    eventually(lambda: len(numbers()) >= 3)
    assert numbers() == ["1", "3", "5"]


def test_stream_resumes_after_a_restart(aws: EmbeddedAws) -> None:
    # GIVEN a function that reads a stream and has read two records
    aws.function("streamed", RECORDING)
    aws.client("lambda").create_event_source_mapping(
        FunctionName="streamed", EventSourceArn=_table(aws, "source"), StartingPosition="LATEST"
    )

    def put(number: str) -> None:
        aws.client("dynamodb").put_item(TableName="source", Item={"id": {"S": number}})

    def records() -> list[str]:
        events = aws.seen("streamed")
        return [r["dynamodb"]["Keys"]["id"]["S"] for event in events for r in event["Records"]]

    put("1")
    put("2")
    eventually(lambda: len(records()) == 2)
    # WHEN the embedded AWS stops and starts and an item is written
    aws.restart()
    put("3")
    # THEN the function reads it
    eventually(lambda: records() == ["1", "2", "3"])


def test_event_pending_a_retry_survives_a_restart(aws: EmbeddedAws) -> None:
    # GIVEN an event whose function failed and that is due for its last retry
    function = aws.function("late", FAILING)
    aws.client("lambda").put_function_event_invoke_config(
        FunctionName="late",
        DestinationConfig={"OnFailure": {"Destination": aws.queue("too-late")}},
    )
    topic = aws.topic("to-late", function)
    aws.client("sns").publish(TopicArn=topic, Message="patient")
    eventually(lambda: aws.log("late"))
    # WHEN the embedded AWS stops and starts
    aws.restart()
    # THEN the event is not lost
    (failed,) = eventually(lambda: aws.messages("too-late"))
    assert failed["requestPayload"]["Records"][0]["Sns"]["Message"] == "patient"


def test_messages_are_read_after_a_restart_on_another_port(aws: EmbeddedAws) -> None:
    # GIVEN a message in the queue of a function that does not read it yet
    functions = aws.client("lambda")
    aws.function("retrying", RECORDING)
    mapping = functions.create_event_source_mapping(
        FunctionName="retrying", EventSourceArn=aws.queue("retries"), Enabled=False
    )
    queue = aws.client("sqs").get_queue_url(QueueName="retries")["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="patient")
    # AND that function's environment, which names the embedded AWS
    functions.update_function_configuration(
        FunctionName="retrying",
        Environment={"Variables": {"QUEUE_URL": queue, "AWS_ENDPOINT_URL": aws.cloud.endpoint}},
    )
    # WHEN the embedded AWS stops, starts on another port, and the function reads
    before = aws.process
    aws.restart()
    assert before
    assert aws.process
    assert aws.process.port != before.port
    functions = aws.client("lambda")
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    # THEN it gets the message, and everything saved names the present port
    (seen,) = eventually(lambda: aws.seen("retrying"))
    assert seen["Records"][0]["body"] == "patient"
    moved = queue.replace(str(before.port), str(aws.process.port))
    assert aws.client("sqs").get_queue_url(QueueName="retries")["QueueUrl"] == moved
    environment = functions.get_function_configuration(FunctionName="retrying")["Environment"]
    assert environment["Variables"] == {"QUEUE_URL": moved, "AWS_ENDPOINT_URL": aws.cloud.endpoint}


def test_queues_that_nobody_reads_are_reported(aws: EmbeddedAws) -> None:
    def unread() -> Any:
        assert aws.process
        return requests.get(f"{aws.process.url}/_toyshop/unread-queues", timeout=10).json()

    # GIVEN three queues with a consumer
    aws.function("consumer", RECORDING)
    functions = aws.client("lambda")
    mappings = {
        name: functions.create_event_source_mapping(
            FunctionName="consumer", EventSourceArn=aws.queue(name)
        )["UUID"]
        for name in ("read", "lost", "switched-off")
    }
    assert unread() == {}
    # WHEN one is deleted and the mapping of another is disabled
    aws.client("sqs").delete_queue(
        QueueUrl=aws.client("sqs").get_queue_url(QueueName="lost")["QueueUrl"]
    )
    functions.update_event_source_mapping(UUID=mappings["switched-off"], Enabled=False)
    # THEN both are reported
    assert unread() == {"lost": "missing", "switched-off": "disabled"}
    for mapping in mappings.values():
        functions.delete_event_source_mapping(UUID=mapping)


@pytest.mark.parametrize(
    ("visible_for", "running_for", "expected"),
    [
        (61, 100, {"retries": "overdue"}),
        (59, 100, {}),
        # the shop was stopped in between
        (1000, 59, {}),
        # it is not due yet
        (-10, 100, {}),
    ],
)
def test_queue_whose_message_waits_for_a_minute_is_reported(
    aws: EmbeddedAws, visible_for: int, running_for: int, expected: dict[str, str]
) -> None:
    script = f"""
import json, time
from embedded_aws import unread_queues
from ministack.services import lambda_svc, sqs
now = time.time()
unread_queues._started = now - {running_for}
mapping = {{"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:retries", "Enabled": True}}
lambda_svc._iter_all_esms = lambda: [("000000000000", "us-east-1", mapping)]
queue = {{"messages": [{{"visible_at": now}}, {{"visible_at": now - {visible_for}}}]}}
url = sqs._queue_url_for_account("000000000000", "retries")
sqs._queues.set_scoped("000000000000", "us-east-1", url, queue)
print(json.dumps(unread_queues.find()))
"""
    assert aws.run_inside(script) == expected


@pytest.mark.parametrize("api", ["ses", "sesv2"])
def test_raw_email_is_stored_as_it_was_sent(aws: EmbeddedAws, api: str) -> None:
    # GIVEN a message with text, HTML and an attachment
    message = EmailMessage()
    message["From"], message["To"] = "shop@example.com", f"{api}@example.com"
    message["Subject"] = "Ihre Bestellung: danke schön"
    message.set_content("Grüße")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    message.add_attachment(b"text of a file", maintype="text", subtype="plain", filename="a.txt")
    # WHEN it is sent
    if api == "ses":
        aws.client("ses").verify_email_identity(EmailAddress="shop@example.com")
        aws.client("ses").send_raw_email(RawMessage={"Data": bytes(message)})
    else:
        aws.client("sesv2").send_email(
            FromEmailAddress="shop@example.com",
            Destination={"ToAddresses": ["sesv2@example.com"]},
            Content={"Raw": {"Data": bytes(message)}},
        )
    # THEN exactly one copy is stored, without the attachment
    (sent,) = [m for m in mail.read(aws.home / "mail") if m["to"] == f"{api}@example.com"]
    assert sent["subject"] == "Ihre Bestellung: danke schön"
    assert sent["text"].strip() == "Grüße"
    assert sent["html"].strip() == "<p>Grüße</p>"


def test_first_pool_and_client_have_the_ids_of_stages_toml(aws: EmbeddedAws) -> None:
    # GIVEN two user pools with a client each
    cognito = aws.client("cognito-idp")
    pools = [cognito.create_user_pool(PoolName=name)["UserPool"]["Id"] for name in "ab"]
    clients = [
        cognito.create_user_pool_client(UserPoolId=pool, ClientName="web")["UserPoolClient"]
        for pool in pools
    ]
    # THEN the first ones have the fixed ids, the second ones have others
    assert pools[0] == "us-east-1_ToyshopLo"
    assert clients[0]["ClientId"] == "toyshoplocalclient00000000"
    assert pools[1] != pools[0]
    assert clients[1]["ClientId"] != clients[0]["ClientId"]


def test_other_version_of_ministack_is_refused(aws: EmbeddedAws, tmp_path: Path) -> None:
    # GIVEN an embedded AWS that needs another version of ministack
    script = (
        f"import sys; sys.path.insert(0, {str(Path(embedded_aws.__path__[0]).parents[0])!r})\n"
        "from embedded_aws import server\n"
        "server.PINNED = '0.0.0'\n"
        f"sys.exit(server.main(['--port', '1', '--home', {str(tmp_path)!r}]))\n"
    )
    # WHEN it starts
    done = subprocess.run(
        [str(aws.python), "-c", script], capture_output=True, text=True, check=False
    )
    # THEN the message names both versions
    assert done.returncode == 2
    assert done.stderr.startswith("The embedded AWS needs ministack 0.0.0")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("allowed", "resource", "error"),
    [
        ("sns:Publish", "arn:aws:sns:us-east-1:000000000000:guarded", None),
        ("sns:Subscribe", "arn:aws:sns:us-east-1:000000000000:guarded", "AuthorizationError"),
    ],
)
def test_batch_needs_the_permission_for_a_single_item(
    guarded: EmbeddedAws, allowed: str, resource: str, error: str | None
) -> None:
    # GIVEN a function whose role allows one action
    name = allowed.replace(":", "-").lower()
    guarded.role(name, allowed, resource)
    guarded.client("sns").create_topic(Name="guarded")
    guarded.function(name, PUBLISHING, role=name)
    # WHEN it publishes a batch
    answer = guarded.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    # THEN AWS's rule decides
    content = json.load(answer["Payload"])
    assert content == "published" if error is None else error in content["errorMessage"]


@pytest.mark.parametrize(("identity", "allowed"), [("shop.example", True), ("else.example", False)])
def test_sending_needs_permission_for_the_senders_identity(
    guarded: EmbeddedAws, identity: str, allowed: bool
) -> None:
    # GIVEN a function that may send from one domain
    name = identity.replace(".", "-")
    guarded.role(name, "ses:SendEmail", f"arn:aws:ses:us-east-1:000000000000:identity/{identity}")
    guarded.client("sesv2").create_email_identity(EmailIdentity="shop.example")
    guarded.function(name, SENDING, role=name)
    # WHEN it sends from a domain THEN that domain's permission decides
    answer = guarded.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    assert ("FunctionError" not in answer) == allowed
