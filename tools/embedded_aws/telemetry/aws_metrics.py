"""Records AWS's own metrics of functions, queues, tables and APIs, by AWS's names and units."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import apigateway_v1, dynamodb, lambda_svc, sqs

from embedded_aws.telemetry.store import Metric, Store

_SAMPLE_SECONDS = 1.0
_THROTTLED = b"ProvisionedThroughputExceededException"
_TARGET = "x-amz-target"
_READS = {"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"}


def install(store: Store) -> None:
    """Patch ministack where it invokes functions and serves REST APIs, and sample the queues."""
    lambda_svc._execute_function_dispatch = _invocations(
        lambda_svc._execute_function_dispatch, store
    )
    lambda_svc._emit_lambda_metrics = _throttles(store)
    lambda_svc._route_async_failure = _undelivered(lambda_svc._route_async_failure, store)
    apigateway_v1._handle_execute_in_scope = _requests(
        apigateway_v1._handle_execute_in_scope, store
    )
    dynamodb.handle_request = _throttled_tables(dynamodb.handle_request, store)
    threading.Thread(target=_sample_queues, args=[store], daemon=True, name="queues").start()


def _add(
    store: Store, namespace: str, dimensions: dict[str, str], values: dict[str, tuple[float, str]]
) -> None:
    """Store a value with its unit for each metric."""
    now = time.time()
    text = json.dumps(dimensions, sort_keys=True)
    store.add(
        lambda: [
            Metric(now, namespace, name, text, float(value), unit)
            for name, (value, unit) in values.items()
        ]
    )


def _invocations(dispatch: Any, store: Store) -> Any:
    def dispatch_and_record(
        function: Any, config: Any, event: Any, request_id: str, started: float
    ) -> Any:
        began = time.time()
        age = _age_of_batch(event, began)
        result = dispatch(function, config, event, request_id, started)
        failed = bool(result.get("error")) and not result.get("partial")
        values: dict[str, tuple[float, str]] = {
            "Invocations": (1, "Count"),
            "Errors": (failed, "Count"),
            "Duration": ((time.time() - began) * 1000, "Milliseconds"),
        }
        if age is not None:
            values["IteratorAge"] = (age * 1000, "Milliseconds")
        _add(store, "AWS/Lambda", {"FunctionName": config["FunctionName"]}, values)
        return result

    return dispatch_and_record


def _age_of_batch(event: Any, now: float) -> float | None:
    """Return the age in seconds of the last record of a stream's batch."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not records or records[-1].get("eventSource") != "aws:dynamodb":
        return None
    written = records[-1]["dynamodb"].get("ApproximateCreationDateTime", now)
    return max(0.0, now - float(written))


def _throttles(store: Store) -> Any:
    def emit(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:  # noqa: ARG001
        # ministack calls it a second time, with a duration, for a synchronous invocation
        if throttle and not duration_ms:
            dimensions = {"FunctionName": function_name}
            _add(store, "AWS/Lambda", dimensions, {"Throttles": (1, "Count")})

    return emit


def _undelivered(route: Any, store: Store) -> Any:
    def route_and_record(target: str, function: str, event: Any, result: Any) -> None:
        if not _exists(target):
            dimensions = {"FunctionName": function}
            _add(store, "AWS/Lambda", dimensions, {"DestinationDeliveryFailures": (1, "Count")})
        route(target, function, event, result)

    return route_and_record


def _exists(target: str) -> bool:
    """Return whether a failure destination exists; the shop's are queues."""
    try:
        service = parse_arn(target).service
    except ArnParseError:
        return False
    return service != "sqs" or sqs._queue_by_arn(target) is not None


def _requests(execute: Any, store: Store) -> Any:
    async def execute_and_record(api_id: str, stage: str, *args: Any) -> Any:
        began = time.time()
        response = await execute(api_id, stage, *args)
        api = apigateway_v1._rest_apis.get(api_id) or {}
        status = response[0]
        _add(
            store,
            "AWS/ApiGateway",
            {"ApiName": api.get("name", api_id), "Stage": stage},
            {
                "Count": (1, "Count"),
                "4XXError": (400 <= status < 500, "Count"),
                "5XXError": (status >= 500, "Count"),
                "Latency": ((time.time() - began) * 1000, "Milliseconds"),
            },
        )
        return response

    return execute_and_record


def _throttled_tables(handle: Any, store: Store) -> Any:
    async def handle_and_record(
        method: str, path: str, headers: Any, body: bytes, query_params: Any
    ) -> Any:
        response = await handle(method, path, headers, body, query_params)
        if response[0] == 400 and _THROTTLED in bytes(response[2]):
            target = next(value for name, value in headers.items() if name.lower() == _TARGET)
            kind = "Read" if target.rpartition(".")[2] in _READS else "Write"
            request = json.loads(body)
            for table in [*request.get("RequestItems", {})] or [request.get("TableName", "")]:
                values: dict[str, tuple[float, str]] = {f"{kind}ThrottleEvents": (1, "Count")}
                _add(store, "AWS/DynamoDB", {"TableName": table}, values)
        return response

    return handle_and_record


def _sample_queues(store: Store) -> None:
    """Record each queue once a second while it holds messages, and once when it no longer does."""
    filled: set[str] = set()
    while True:
        time.sleep(_SAMPLE_SECONDS)
        now = time.time()
        for queue in sqs._queues.all_values():
            name = queue["attributes"]["QueueArn"].rpartition(":")[2]
            messages = list(queue["messages"])
            if messages or name in filled:
                (filled.add if messages else filled.discard)(name)
                values = {
                    metric: (value, "Seconds" if metric.endswith("Message") else "Count")
                    for metric, value in _queue_values(messages, now)
                }
                _add(store, "AWS/SQS", {"QueueName": name}, values)


def _queue_values(messages: list[dict[str, Any]], now: float) -> Iterator[tuple[str, float]]:
    visible = sum(message["visible_at"] <= now for message in messages)
    delayed = sum(
        message["visible_at"] > now and not message["receive_count"] for message in messages
    )
    sent = [
        message["sent_at"]
        for message in messages
        if message["visible_at"] <= now or message["receive_count"]
    ]
    yield "ApproximateNumberOfMessagesVisible", visible
    yield "ApproximateNumberOfMessagesDelayed", delayed
    yield "ApproximateNumberOfMessagesNotVisible", len(messages) - visible - delayed
    yield "ApproximateAgeOfOldestMessage", now - min(sent) if sent else 0.0
