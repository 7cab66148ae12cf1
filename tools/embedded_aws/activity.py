"""Reports pending work, so that a stop can wait for it."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import request_scope
from ministack.services import dynamodb, lambda_svc, sqs

from embedded_aws import async_invocation, saving, streams

PATH = "/_toyshop/activity"
CHECKPOINT_PATH = "/_toyshop/checkpoint"
WARM_UP_PATH = "/_toyshop/warm-up"
FLUSH_PATH = "/_toyshop/flush-telemetry"
UNREAD_QUEUES_PATH = "/_toyshop/unread-queues"
_READS = (b"BatchGet", b"Describe", b"Get", b"List", b"Query", b"Scan")
_changes = 0


def with_control_paths(
    app: Any,
    *,
    started: Callable[[], None],
    warm_up: Callable[[], None],
    flush: Callable[[], None],
    unread_queues: Callable[[], dict[str, str]],
) -> Any:
    """Wrap the ASGI application with the paths above.

    Parameters
    ----------
    app
        The application that answers every other path.
    started
        Called when the application accepts requests.
    warm_up
        Starts a worker for each function.
    flush
        Waits until all telemetry is stored.
    unread_queues
        Returns the queues whose consumer does not read them.
    """

    async def start_workers() -> None:
        warm_up()

    async def flush_telemetry() -> None:
        await asyncio.to_thread(flush)

    actions: dict[str, Callable[[], Awaitable[object]]] = {
        CHECKPOINT_PATH: saving.save,
        WARM_UP_PATH: start_workers,
        FLUSH_PATH: flush_telemetry,
    }
    reports: dict[str, Callable[[], Any]] = {PATH: measure, UNREAD_QUEUES_PATH: unread_queues}
    paths = {*actions, *reports}

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":

            async def send_and_notify(message: Any) -> None:
                if message["type"] == "lifespan.startup.complete":
                    started()
                await send(message)

            await app(scope, receive, send_and_notify)
            return
        if scope["type"] == "http" and scope["path"] in paths:
            if scope["path"] in actions:
                await actions[scope["path"]]()
            body = json.dumps(reports.get(scope["path"], measure)()).encode()
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        try:
            await app(scope, receive, send)
        finally:
            # not before: a state that is saved meanwhile may lack the change
            global _changes
            _changes += scope["type"] == "http" and _may_change(scope)

    return wrapped


def changes() -> int:
    """Return a number that becomes larger with each possible change of the state."""
    return _changes + async_invocation.steps() + streams.records_read()


def _may_change(scope: Any) -> bool:
    """Return whether a request may change the state.

    One that invokes a function does not, but what the function requests may.
    """
    if scope["method"] in ("GET", "HEAD", "OPTIONS") or "/_user_request_" in scope["path"]:
        return False
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"")
    return not target.rpartition(b".")[2].startswith(_READS)


def measure() -> dict[str, int]:
    """Count running invocations, pending events, unread stream records and due messages."""
    counts = {
        "invocations": lambda_svc.executions_in_flight()[0],
        "events": async_invocation.pending(),
        "stream_records": 0,
        "messages": 0,
    }
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if not mapping.get("Enabled", True):
            continue
        if ":dynamodb:" in source:
            table = source.split("/stream/")[0].split("/")[-1]
            with request_scope(account, region):
                end = dynamodb.stream_end_position(table)
                position = lambda_svc._dynamodb_stream_positions.get(mapping["UUID"], end)
            counts["stream_records"] += max(0, end - position)
        elif ":sqs:" in source:
            counts["messages"] += _due(parse_arn(source).resource)
    return counts


def _due(queue_name: str) -> int:
    """Count the messages that can be received now; delayed ones do not count."""
    now = time.time()
    return sum(
        message["visible_at"] <= now
        for queue in sqs._queues.all_values()
        if queue["attributes"]["QueueArn"].endswith(f":{queue_name}")
        for message in queue["messages"]
    )
