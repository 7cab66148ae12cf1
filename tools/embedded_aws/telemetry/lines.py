"""Splits what a function printed into log lines and metric values."""

import itertools
import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from embedded_aws.telemetry.store import Log, Metric

# what ministack writes about a function whose process ended or ran out of time
_LOST = ("Worker process died", "Task timed out")


def rows(function: str, text: str, ended: float) -> Iterator[Log | Metric]:
    """Yield the rows for one invocation's output.

    A line that is JSON in CloudWatch's embedded metric format gives metric values, and a log line
    only if it has a message.

    Parameters
    ----------
    function
        The function's name.
    text
        The output.
    ended
        When the invocation ended, the time of lines without one of their own.
    """
    service = ""
    for line in text.splitlines():
        content = _json(line)
        if content is None:
            level = "ERROR" if line.startswith(_LOST) else ""
            yield Log(ended, service, function, level, line, None, None, line)
            continue
        yield from _metrics(content)
        service = str(content.get("service", ""))
        if "message" in content or "_aws" not in content:
            yield Log(
                time=_seconds(content.get("time"), ended),
                service=service,
                function=function,
                level=str(content.get("level", "")),
                message=str(content.get("message", "")),
                trace_id=_id(content, "trace_id"),
                order_id=_id(content, "order_id"),
                line=line,
            )


def _json(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _id(content: dict[str, Any], name: str) -> str | None:
    value = content.get(name)
    return None if value is None else str(value)


def _seconds(text: Any, default: float) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return default


def _metrics(content: dict[str, Any]) -> Iterator[Metric]:
    """Yield the values of a line in embedded metric format, for each of its sets of dimensions."""
    metadata = content.get("_aws")
    if not isinstance(metadata, dict):
        return
    taken = metadata.get("Timestamp", time.time() * 1000) / 1000
    for directive in metadata.get("CloudWatchMetrics", []):
        pairs = itertools.product(directive.get("Dimensions", [[]]), directive.get("Metrics", []))
        for names, metric in pairs:
            values = content.get(metric["Name"], [])
            dimensions = {name: str(content.get(name, "")) for name in names}
            for value in values if isinstance(values, list) else [values]:
                yield Metric(
                    time=taken,
                    namespace=directive["Namespace"],
                    name=metric["Name"],
                    dimensions=json.dumps(dimensions, sort_keys=True),
                    value=float(value),
                    unit=metric.get("Unit", "None"),
                )
