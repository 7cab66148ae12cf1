"""Functions' logs: a file per function for `./shop logs`, a bounded stream for CloudWatch."""

import time
from pathlib import Path
from typing import Any

from ministack.services import cloudwatch_logs, lambda_svc

_KEPT_EVENTS = 2_000
_LARGE_FILE = 20 * 1024 * 1024


def install(directory: Path) -> None:
    """Write the functions' logs to a directory.

    By itself ministack opens a log stream for every invocation, so that logs grow without bound.

    Parameters
    ----------
    directory
        Gets one file ``<function>.log`` per function.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("toyshop-*.log"):
        if old.stat().st_size > _LARGE_FILE:
            old.unlink()

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
        lines = log.splitlines()
        if lines:
            with (directory / f"{name}.log").open("a", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        report = f"REPORT RequestId: {request_id}\tDuration: {duration_ms} ms\tError: {error}"
        _append(f"/aws/lambda/{name}", [*lines, report])

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
