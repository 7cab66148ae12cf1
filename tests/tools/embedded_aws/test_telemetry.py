"""Spans, log lines and metrics that the embedded AWS stores, and X-Ray's API for the spans."""

import base64
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from support.embedded_aws import EmbeddedAws, _table
from support.http import http
from support.spans import HEADER, TRACE, MadeSpan, datagram
from support.waiting import eventually

XRAY_TRACE = f"1-{TRACE[:8]}-{TRACE[8:]}"
SENDER = """
import base64, os, socket
def handler(event, context):
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for encoded in event:
            sender.sendto(base64.b64decode(encoded), (host, int(port)))
"""
PLACED = MadeSpan(
    1,
    "POST /orders",
    "server",
    attributes={
        "http.request.method": "POST",
        "http.route": "/orders",
        "http.response.status_code": 201,
        "toyshop.order_id": "ord_1",
        "aws.xray.annotations": ["toyshop.order_id"],
    },
)
STORED = MadeSpan(
    2,
    "DynamoDB.PutItem",
    "client",
    parent=1,
    start_ms=1,
    duration_ms=4,
    attributes={
        "rpc.system": "aws-api",
        "rpc.service": "DynamoDB",
        "rpc.method": "PutItem",
        "aws.dynamodb.table_names": ["toyshop-local-orders"],
    },
)
CHARGED = MadeSpan(
    3,
    "process shop.order.placed.v1",
    "consumer",
    parent=1,
    service="payments",
    start_ms=30,
    failed="the gateway is down",
    attributes={
        "toyshop.order_id": "ord_1",
        "toyshop.attempt": 2,
        "toyshop.duplicate": False,
        "error.type": "TimeoutError",
        "aws.xray.annotations": ["toyshop.order_id", "toyshop.attempt", "toyshop.duplicate"],
    },
    events=[("parked", {"reason": "the gateway is down"})],
    links=[("0" * 31 + "1", 9)],
)
START = 1_764_547_200.0


def send(aws: EmbeddedAws, *datagrams: bytes) -> None:
    """Send datagrams from a function."""
    functions = aws.client("lambda")
    names = [function["FunctionName"] for function in functions.list_functions()["Functions"]]
    if "sender" not in names:
        aws.function("sender", SENDER)
    payload = json.dumps([base64.b64encode(sent).decode() for sent in datagrams])
    answer = functions.invoke(FunctionName="sender", Payload=payload)
    assert "FunctionError" not in answer, answer["Payload"].read()


def documents(aws: EmbeddedAws, *trace_ids: str) -> list[dict[str, Any]]:
    def found() -> list[Any]:
        return list(aws.client("xray").batch_get_traces(TraceIds=[*trace_ids])["Traces"])

    (trace,) = eventually(found)
    return [json.loads(segment["Document"]) for segment in trace["Segments"]]


def test_spans_are_segments_of_their_services(aws: EmbeddedAws) -> None:
    # WHEN a function sends the spans of two services
    send(aws, datagram(PLACED, STORED), datagram(CHARGED))
    eventually(lambda: len(documents(aws, XRAY_TRACE)) == 2)
    placed, charged = documents(aws, XRAY_TRACE)
    # THEN servers and consumers are segments, named after their service
    assert (placed["name"], placed["id"], placed["trace_id"]) == (
        "orders",
        "0000000000000001",
        XRAY_TRACE,
    )
    assert (placed["start_time"], placed["end_time"]) == (START, START + 0.01)
    assert placed["http"] == {
        "request": {"method": "POST", "url": "/orders"},
        "response": {"status": 201},
    }
    assert (charged["name"], charged["parent_id"]) == ("payments", placed["id"])
    # AND other spans are subsegments of their parent
    (stored,) = placed["subsegments"]
    assert (stored["name"], stored["namespace"]) == ("DynamoDB", "aws")
    assert stored["aws"]["table_name"] == "toyshop-local-orders"
    # AND a failure has its cause, its links and its events
    assert charged["fault"]
    assert charged["cause"] == {
        "exceptions": [{"type": "TimeoutError", "message": "the gateway is down"}]
    }
    assert charged["links"] == [
        {"trace_id": f"1-00000000-{'0' * 23}1", "id": "0000000000000009", "attributes": {}}
    ]
    assert charged["metadata"]["events"][0]["attributes"] == {"reason": "the gateway is down"}
    # AND the attributes to be indexed are annotations
    assert charged["annotations"] == {
        "toyshop_order_id": "ord_1",
        "toyshop_attempt": 2,
        "toyshop_duplicate": False,
    }
    # AND all attributes are in the metadata
    assert charged["metadata"]["default"] == {
        "otel.span.name": "process shop.order.placed.v1",
        "otel.span.kind": "CONSUMER",
        "otel.resource.service.name": "payments",
        "otel.resource.faas.name": "toyshop-local-payments-api-handler",
        "otel.status_description": "the gateway is down",
        **CHARGED.attributes,
    }


def test_subsegment_without_its_parent_stands_alone(aws: EmbeddedAws) -> None:
    trace = "6" * 32
    send(aws, datagram(MadeSpan(8, "Lambda.Invoke", "client", parent=7, trace_id=trace)))
    (alone,) = documents(aws, f"1-{'6' * 8}-{'6' * 24}")
    assert (alone["type"], alone["parent_id"]) == ("subsegment", "0000000000000007")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ('annotation.toyshop_order_id = "ord_1"', True),
        ('annotation[toyshop.order_id] = "ord_1"', True),
        ('annotation.toyshop_order_id = "ord_1" AND annotation.toyshop_attempt = 2', True),
        ("annotation.toyshop_duplicate = false", True),
        ('annotation.toyshop_order_id = "ord_2"', False),
        # an attribute that is not indexed
        ('annotation.error_type = "TimeoutError"', False),
        ('annotation.toyshop_order_id = "ord_1" AND annotation.toyshop_attempt = 3', False),
    ],
)
def test_traces_are_found_by_annotations(aws: EmbeddedAws, expression: str, found: bool) -> None:
    send(aws, datagram(PLACED), datagram(CHARGED))
    span = {"StartTime": START - 1, "EndTime": START + 1}
    answer = aws.client("xray").get_trace_summaries(**span, FilterExpression=expression)
    assert [summary["Id"] for summary in answer["TraceSummaries"]] == [XRAY_TRACE] * found
    for summary in answer["TraceSummaries"]:
        assert summary["HasFault"]
        assert summary["Http"] == {"HttpMethod": "POST", "HttpURL": "/orders", "HttpStatus": 201}
        assert {entry["Name"] for entry in summary["ServiceIds"]} >= {"orders", "payments"}
        value = {"AnnotationValue": {"StringValue": "ord_1"}}
        assert summary["Annotations"]["toyshop_order_id"] == [value]


def test_traces_outside_the_time_are_not_found(aws: EmbeddedAws) -> None:
    send(aws, datagram(PLACED))
    answer = aws.client("xray").get_trace_summaries(StartTime=START + 1, EndTime=START + 2)
    assert answer["TraceSummaries"] == []


def test_summaries_come_in_pages(aws: EmbeddedAws) -> None:
    spans = [MadeSpan(1, "x", "server", trace_id=f"{n:032x}") for n in range(1, 251)]
    send(aws, *(datagram(*spans[n : n + 50], start_ns=10**18) for n in range(0, 250, 50)))
    xray = aws.client("xray")
    span = {"StartTime": 1e9 - 1, "EndTime": 1e9 + 1}

    def ids() -> list[str]:
        pages = xray.get_paginator("get_trace_summaries").paginate(**span)
        return [summary["Id"] for page in pages for summary in page["TraceSummaries"]]

    eventually(lambda: len(set(ids())) == 250)
    assert len(ids()) == 250


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("get_trace_summaries", {"FilterExpression": "responsetime > 5"}),
        ("batch_get_traces", {"TraceIds": [XRAY_TRACE] * 6}),
        ("batch_get_traces", {"TraceIds": []}),
    ],
)
def test_invalid_requests_are_refused(
    aws: EmbeddedAws, operation: str, request_: dict[str, Any]
) -> None:
    span = {"StartTime": 0, "EndTime": 1} if operation == "get_trace_summaries" else {}
    with pytest.raises(ClientError) as error:
        getattr(aws.client("xray"), operation)(**span, **request_)
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"


def client_of_role(guarded: EmbeddedAws, name: str, action: str) -> Any:
    """Return an X-Ray client with a role that has one permission."""
    guarded.role(name, action, "*")
    arn = f"arn:aws:iam::000000000000:role/{name}"
    keys = guarded.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    assert guarded.process
    return boto3.client(
        "xray",
        endpoint_url=guarded.process.url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_role_needs_the_permission_to_read_traces(guarded: EmbeddedAws) -> None:
    reader = client_of_role(guarded, "tracer", "xray:BatchGetTraces")
    assert reader.batch_get_traces(TraceIds=[XRAY_TRACE])["Traces"] == []
    writer = client_of_role(guarded, "writer", "xray:PutTraceSegments")
    with pytest.raises(ClientError) as error:
        writer.batch_get_traces(TraceIds=[XRAY_TRACE])
    assert "AccessDenied" in error.value.response["Error"]["Code"]


def test_datagrams_that_are_no_spans_are_ignored(aws: EmbeddedAws) -> None:
    trace = "7" * 32
    good = datagram(MadeSpan(1, "good", "server", trace_id=trace))
    unsampled = HEADER + b"T1U" + good.removeprefix(HEADER + b"T1S")
    send(aws, b"", b"garbage", HEADER + b"T1Sgarbage", unsampled, good)
    (document,) = documents(aws, f"1-{'7' * 8}-{'7' * 24}")
    assert document["metadata"]["default"]["otel.span.name"] == "good"


LINE = {
    "level": "WARNING",
    "message": "charge declined",
    "time": "2026-11-30T07:00:00.250Z",
    "service": "payments",
    "trace_id": TRACE,
    "order_id": "ord_1",
}
METRICS = {
    "_aws": {
        "Timestamp": 1_764_547_200_500,
        "CloudWatchMetrics": [
            {
                "Namespace": "ToyShop",
                "Dimensions": [["service", "outcome"], ["service"]],
                "Metrics": [
                    {"Name": "toyshop.payments", "Unit": "Count"},
                    {"Name": "toyshop.order.time_to_paid", "Unit": "Seconds"},
                ],
            }
        ],
    },
    "service": "payments",
    "outcome": "declined",
    "toyshop.payments": 1,
    "toyshop.order.time_to_paid": [0.5, 1.5],
}


def test_output_of_a_function_becomes_log_lines_and_metric_values(aws: EmbeddedAws) -> None:
    # WHEN a function prints a log line, metrics, both in one line, and text
    printed = [json.dumps(LINE), json.dumps(METRICS), json.dumps({**LINE, **METRICS}), "text", "{"]
    source = f"def handler(event, context):\n    for line in {printed!r}:\n        print(line)\n"
    aws.function("printing", source)
    aws.client("lambda").invoke(FunctionName="printing", Payload=b"{}")
    # THEN lines with a message and text are log lines
    columns = "time, service, level, message, trace_id, order_id, line"
    structured, both, text, brace = aws.stored(columns, "logs WHERE function = ?", "printing")
    expected = ("payments", "WARNING", "charge declined", TRACE, "ord_1")
    assert structured[1:] == (*expected, printed[0])
    assert structured[0] == pytest.approx(1_796_022_000.25)
    assert both[1:] == (*expected, printed[2])
    assert text[1:] == ("payments", "", "text", None, None, "text")
    assert brace[3] == "{"
    # AND each value is stored for each set of dimensions
    columns = "time, name, dimensions, value, unit"
    values = aws.stored(columns, "metrics WHERE namespace = 'ToyShop'")
    both_sets = ('{"outcome": "declined", "service": "payments"}', '{"service": "payments"}')
    assert sorted(values) == sorted(
        (1_764_547_200.5, name, dimensions, value, unit)
        for dimensions in both_sets
        for name, value, unit in (
            ("toyshop.payments", 1, "Count"),
            ("toyshop.order.time_to_paid", 0.5, "Seconds"),
            ("toyshop.order.time_to_paid", 1.5, "Seconds"),
        )
        for _ in range(2)
    )


def metrics(aws: EmbeddedAws, namespace: str, **dimensions: str) -> dict[str, list[float]]:
    """Return the values by metric."""
    found: dict[str, list[float]] = {}
    text = json.dumps(dimensions, sort_keys=True)
    source = "metrics WHERE namespace = ? AND dimensions = ?"
    for name, value in aws.stored("name, value", source, namespace, text):
        found.setdefault(name, []).append(value)
    return found


def test_invocations_are_metrics(aws: EmbeddedAws) -> None:
    # WHEN a function succeeds, fails and is throttled
    functions = aws.client("lambda")
    aws.function("counted", "def handler(event, context):\n    return 1 / event['by']\n")
    for by in (1, 0):
        functions.invoke(FunctionName="counted", Payload=json.dumps({"by": by}))
    functions.put_function_concurrency(FunctionName="counted", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError):
        functions.invoke(FunctionName="counted", Payload=b"{}")
    # THEN each is counted as on AWS, where throttled ones are no invocations
    found = metrics(aws, "AWS/Lambda", FunctionName="counted")
    assert found.pop("Duration")[0] > 0
    # the client repeats throttled requests
    assert set(found.pop("Throttles")) == {1}
    assert found == {"Invocations": [1, 1], "Errors": [0, 1]}


def test_process_of_a_function_that_ends_is_an_error_in_its_log(aws: EmbeddedAws) -> None:
    aws.function("dying", "import os\ndef handler(event, context):\n    os._exit(1)\n")
    aws.client("lambda").invoke(FunctionName="dying", Payload=b"{}")
    lines = aws.stored("level, message", "logs WHERE function = ?", "dying")
    assert lines == [("ERROR", "Worker process died")]


def test_event_that_its_failure_destination_does_not_accept_is_a_metric(aws: EmbeddedAws) -> None:
    aws.function("undelivered", "def handler(event, context):\n    raise ValueError()\n")
    functions = aws.client("lambda")
    destination = {"OnFailure": {"Destination": aws.queue("not-for-long")}}
    functions.put_function_event_invoke_config(
        FunctionName="undelivered", MaximumRetryAttempts=0, DestinationConfig=destination
    )
    queue = aws.client("sqs").get_queue_url(QueueName="not-for-long")["QueueUrl"]
    aws.client("sqs").delete_queue(QueueUrl=queue)
    functions.invoke(FunctionName="undelivered", InvocationType="Event", Payload=b"{}")
    name = "DestinationDeliveryFailures"
    eventually(lambda: name in metrics(aws, "AWS/Lambda", FunctionName="undelivered"))


def test_age_of_stream_records_is_a_metric(aws: EmbeddedAws) -> None:
    # GIVEN a function that fails for part of each batch
    source = """
def handler(event, context):
    number = event["Records"][0]["dynamodb"]["SequenceNumber"]
    return {"batchItemFailures": [{"itemIdentifier": number}]}
"""
    aws.function("relaying", source)
    aws.client("lambda").create_event_source_mapping(
        FunctionName="relaying",
        EventSourceArn=_table(aws, "with-age"),
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    # WHEN a record is not handled for a while
    aws.client("dynamodb").put_item(TableName="with-age", Item={"id": {"S": "1"}})

    # THEN its age grows
    def ages() -> list[float]:
        return metrics(aws, "AWS/Lambda", FunctionName="relaying").get("IteratorAge", [])

    eventually(lambda: [age for age in ages() if age > 1000])
    # AND failed records are no errors of the function, as on AWS
    assert set(metrics(aws, "AWS/Lambda", FunctionName="relaying")["Errors"]) == {0}
    aws.client("lambda").delete_function(FunctionName="relaying")


def test_queue_is_sampled_while_it_holds_messages(aws: EmbeddedAws) -> None:
    # GIVEN a queue with a message that can be received and one that is delayed
    aws.queue("sampled")
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="sampled")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="now")
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)

    def last() -> dict[str, float]:
        found = metrics(aws, "AWS/SQS", QueueName="sampled")
        return {name: values[-1] for name, values in found.items()}

    # THEN both are counted, and the first one ages
    eventually(lambda: last().get("ApproximateAgeOfOldestMessage", 0) > 1)
    assert last()["ApproximateNumberOfMessagesVisible"] == 1
    assert last()["ApproximateNumberOfMessagesDelayed"] == 1
    # WHEN the queue is emptied THEN that is stored once
    sqs.purge_queue(QueueUrl=url)
    eventually(lambda: last()["ApproximateNumberOfMessagesDelayed"] == 0)
    stored = len(metrics(aws, "AWS/SQS", QueueName="sampled")["ApproximateAgeOfOldestMessage"])
    aws.queue("sampled-later")
    other = sqs.get_queue_url(QueueName="sampled-later")["QueueUrl"]
    sqs.send_message(QueueUrl=other, MessageBody="now")
    eventually(
        lambda: (
            len(
                metrics(aws, "AWS/SQS", QueueName="sampled-later").get(
                    "ApproximateAgeOfOldestMessage", []
                )
            )
            >= 2
        )
    )
    found = metrics(aws, "AWS/SQS", QueueName="sampled")
    assert len(found["ApproximateAgeOfOldestMessage"]) == stored


def test_api_requests_are_metrics(aws: EmbeddedAws) -> None:
    # GIVEN an API without a deployed stage, which answers 403 or 404
    gateway = aws.client("apigateway")
    api = gateway.create_rest_api(name="measured")["id"]
    assert aws.process
    status = http("GET", f"{aws.process.url}/restapis/{api}/api/_user_request_/x").status
    assert 400 <= status < 500
    found = metrics(aws, "AWS/ApiGateway", ApiName="measured", Stage="api")
    assert found.pop("Latency")[0] >= 0
    assert found == {"Count": [1], "4XXError": [1], "5XXError": [0]}


def test_cloudwatch_returns_stored_values(aws: EmbeddedAws) -> None:
    # GIVEN a function that was invoked, and a value that a client put
    aws.function("seen-by-cloudwatch", "def handler(event, context):\n    return 1\n")
    for _ in range(3):
        aws.client("lambda").invoke(FunctionName="seen-by-cloudwatch", Payload=b"{}")
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Invocations",
                "Dimensions": [{"Name": "FunctionName", "Value": "seen-by-cloudwatch"}],
                "Value": 10,
            }
        ],
    )
    wanted = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "FunctionName", "Value": "seen-by-cloudwatch"}],
    }
    duration = {**wanted, "MetricName": "Duration"}
    queries = [
        {"Id": "m", "MetricStat": {"Metric": wanted, "Period": 3600, "Stat": "Sum"}},
        {"Id": "d", "MetricStat": {"Metric": duration, "Period": 3600, "Stat": "SampleCount"}},
    ]
    now = time.time()
    # WHEN metrics are read twice THEN each value is counted once
    for _ in range(2):
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=now - 3600, EndTime=now + 3600
        )
        assert [sum(found["Values"]) for found in answer["MetricDataResults"]] == [13, 3]
    assert cloudwatch.list_metrics(**wanted)["Metrics"]


def test_telemetry_survives_a_restart(aws: EmbeddedAws) -> None:
    aws.function("before", "def handler(event, context):\n    print('kept')\n")
    aws.client("lambda").invoke(FunctionName="before", Payload=b"{}")
    aws.restart()
    assert aws.log("before") == ["kept"]


STORE = """
import json, pathlib, tempfile, time
from embedded_aws.telemetry.store import Log, Metric, Store

path = pathlib.Path(tempfile.mkdtemp(), "telemetry.db")
"""
BOUNDED = """
store = Store(path, limit_bytes=600_000)
store.add(lambda: [Metric(1.0, "n", "kept", "{}", 1.0, "Count")])
for batch in range(20):
    store.add(lambda: [
        Log(float(batch), "s", "f", "INFO", str(n), None, None, "x" * 1000) for n in range(100)
    ])
    store.flush()
kept = [row[0] for row in store._connection.execute("SELECT time FROM logs ORDER BY rowid")]
metrics = store._connection.execute("SELECT count(*) FROM metrics").fetchone()[0]
print(json.dumps([kept, metrics, store._size()]))
"""


def test_oldest_rows_of_the_largest_table_go_first(aws: EmbeddedAws) -> None:
    # WHEN 2 MB are stored and 0.6 MB are allowed
    kept, metrics, size = aws.run_inside(STORE + BOUNDED)
    # THEN the newest log lines are left, and a small table keeps its old row
    assert size <= 600_000
    assert 300 < len(kept) < 2000
    assert kept == sorted(kept)
    assert kept[-1] == 19
    assert metrics == 1


DAMAGED = """
path.write_bytes({content})
store = Store(path)
store.add(lambda: [Log(1.0, "s", "f", "INFO", "m", None, None, "l")])
store.close()
print(json.dumps(Store(path)._connection.execute("SELECT line FROM logs").fetchall()))
"""


def _old(path: Path) -> bytes:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE logs (line TEXT)")
        database.execute("PRAGMA user_version = 99")
    database.close()
    return path.read_bytes()


@pytest.mark.parametrize("damaged", [True, False])
def test_file_that_cannot_be_used_is_replaced(
    aws: EmbeddedAws, tmp_path: Path, damaged: bool
) -> None:
    content = b"no database" if damaged else _old(tmp_path / "old.db")
    assert aws.run_inside(STORE + DAMAGED.format(content=content)) == [["l"]]


MAKER_FAILS = """
store = Store(path)
store.add(lambda: 1 / 0)
store.add(lambda: [Log(1.0, "s", "f", "INFO", "m", None, None, "l")])
store.close()
print(json.dumps(Store(path)._connection.execute("SELECT line FROM logs").fetchall()))
"""


def test_unreadable_telemetry_does_not_stop_the_store(aws: EmbeddedAws) -> None:
    assert aws.run_inside(STORE + MAKER_FAILS) == [["l"]]


UNSTORABLE = """
store = Store(path)
for text, value in (("\\ud800", 1.0), ("l", 2**70)):
    store.add(lambda: [Log(value, "s", "f", "INFO", "m", None, None, text)])
    store.flush()
store.add(lambda: [Log(1.0, "s", "f", "INFO", "m", None, None, "l")])
store.close()
print(json.dumps(Store(path)._connection.execute("SELECT line FROM logs").fetchall()))
"""


def test_what_the_database_cannot_hold_does_not_stop_the_store(aws: EmbeddedAws) -> None:
    assert aws.run_inside(STORE + UNSTORABLE) == [["l"]]
