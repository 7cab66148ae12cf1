"""Functions' logs: rows of the telemetry store, and a bounded stream for CloudWatch."""

import functools
import time
from typing import Any

from ministack.services import cloudwatch_logs, lambda_svc

from embedded_aws.telemetry import lines
from embedded_aws.telemetry.store import Store

_KEPT_EVENTS = 2_000


def install(store: Store) -> None:
    """Store what functions print: log lines, and the metric values in them.

    By itself ministack opens a log stream for every invocation, so that logs grow without bound.
    """

    def record(
        function: dict[str, Any],
        request_id: str,
        log: str,
        error: bool,
        duration_ms: int,
        *,
        log_source: str | None = None,  # noqa: ARG001 - the signature is ministack's
    ) -> None:
        config = function.get("config") or function
        name = config["FunctionName"]
        if log:
            store.add(functools.partial(lines.rows, name, log, time.time()))
        report = f"REPORT RequestId: {request_id}\tDuration: {duration_ms} ms\tError: {error}"
        _append(f"/aws/lambda/{name}", [*log.splitlines(), report])

    lambda_svc._emit_lambda_logs = record


def _append(group_name: str, lines: list[str]) -> None:
    now_ms = int(time.time() * 1000)
    groups = cloudwatch_logs._log_groups
    if group_name not in groups:
        groups[group_name] = {
            "arn": cloudwatch_logs._make_group_arn(group_name),
            "creationTime": now_ms,
            "retentionInDays": None,
            "tags": {},
            "subscriptionFilters": {},
            "streams": {},
        }
    stream = groups[group_name]["streams"].setdefault(
        "local",
        {
            "events": [],
            "uploadSequenceToken": "1",
            "creationTime": now_ms,
            "firstEventTimestamp": None,
            "lastEventTimestamp": None,
            "lastIngestionTime": None,
        },
    )
    events = [{"timestamp": now_ms, "message": line, "ingestionTime": now_ms} for line in lines]
    cloudwatch_logs._append_log_events(stream, events)
    del stream["events"][:-_KEPT_EVENTS]
