"""Logs and metrics: JSON lines on standard output, which Lambda sends to CloudWatch.

A message is a constant phrase in lower case; everything that varies is a field. Secrets and card
numbers in fields are masked. Metrics are in CloudWatch's embedded metric format, so they need no
call to AWS; those of a hop are part of its last line where possible, because each line costs money.
"""

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TextIO

import msgspec

from chassis import context
from chassis.redaction import masked

NAMESPACE = "ToyShop"
DEBUG_PERCENT = 1
"""The share of traces whose lines of level DEBUG are logged, unless the level is DEBUG."""
_MAX_VALUES = 100
"""Values of one metric in a line; CloudWatch ignores a line with more."""
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
_common: dict[str, str] = {}
_dimensions: dict[str, str] = {}
_threshold = _LEVELS["INFO"]
_out: TextIO | None = None


class _Metric(NamedTuple):
    name: str
    value: float
    unit: str
    dimensions: dict[str, str]


_metrics: ContextVar[list[_Metric] | None] = ContextVar("metrics", default=None)
"""The metrics of the current hop that no line has yet."""


def configure(service: str, stage: str, level: str = "INFO", out: TextIO | None = None) -> None:
    """Set what all lines of this process have in common.

    Parameters
    ----------
    service, stage
        The fields ``service`` and ``stage`` of every line.
    level
        The lowest level to log: DEBUG, INFO, WARNING or ERROR.
    out
        The stream to write to; standard output by default.
    """
    global _threshold, _out
    _dimensions.update(service=service, stage=stage)
    _common.update(_dimensions)
    _threshold = _LEVELS[level]
    _out = out


def _write(line: dict[str, Any]) -> None:
    out = _out or sys.stdout
    out.write(msgspec.json.encode(line, enc_hook=str).decode() + "\n")
    out.flush()


def _now() -> str:
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return time.strftime(f"%Y-%m-%dT%H:%M:%S.{milliseconds:03}Z", time.gmtime(seconds))


def _log(level: str, message: str, fields: dict[str, Any], *, is_last: bool = False) -> None:
    current = context.current()
    if _LEVELS[level] < _threshold and not (level == "DEBUG" and _is_debugged(current.trace_id)):
        return
    line = {
        "level": level,
        "message": message,
        "time": _now(),
        **_common,
        **_function(),
        "correlation_id": current.correlation_id,
        "trace_id": current.trace_id,
        "span_id": current.span_id,
        **masked({**current.fields, **fields}),
    }
    collected = _metrics.get()
    if is_last and collected:
        _add_metrics(line, collected)
    _write(line)


def _function() -> dict[str, str]:
    # read each time, since the local functions of an app are forked from one process
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    return {"function": name} if name else {}


def _is_debugged(trace_id: str) -> bool:
    return _threshold == _LEVELS["INFO"] and context.is_in_share(trace_id, DEBUG_PERCENT)


def debug(message: str, **fields: Any) -> None:
    """Log a detail, by default in a share of the traces only."""
    _log("DEBUG", message, fields)


def info(message: str, **fields: Any) -> None:
    """Log an event of normal operation."""
    _log("INFO", message, fields)


def warning(message: str, **fields: Any) -> None:
    """Log a failure that is retried or requires no action."""
    _log("WARNING", message, fields)


def error(message: str, **fields: Any) -> None:
    """Log a failure that requires action."""
    _log("ERROR", message, fields)


def exception(message: str, **fields: Any) -> None:
    """Log the exception being handled, with its stack; call it in an ``except`` block."""
    _log("ERROR", message, {**fields, "stack": traceback.format_exc()})


def summary(message: str, **fields: Any) -> None:
    """Log the outcome of a hop, at the level INFO, with the metrics that it has recorded."""
    _log("INFO", message, fields, is_last=True)


def metric(name: str, value: float = 1, unit: str = "Count", **dimensions: str) -> None:
    """Record a metric, in CloudWatch's embedded metric format.

    Parameters
    ----------
    name
        The metric's name in the namespace ``ToyShop``.
    value
        The value to record, in ``unit``.
    unit
        A unit of CloudWatch: Count, Seconds, None, …
    dimensions
        Dimensions besides the service and the stage.
    """
    recorded = _Metric(name, value, unit, dimensions)
    collected = _metrics.get()
    if collected is None:
        _write_metrics([recorded])
    else:
        collected.append(recorded)


@contextmanager
def collected_metrics() -> Iterator[None]:
    """Collect the metrics of a hop until its ``summary``; the rest is written at its end."""
    collected: list[_Metric] = []
    token = _metrics.set(collected)
    try:
        yield
    finally:
        _metrics.reset(token)
        _write_metrics(collected)


def _write_metrics(metrics: list[_Metric]) -> None:
    while metrics:
        line: dict[str, Any] = {**_dimensions}
        _add_metrics(line, metrics)
        _write(line)


def _add_metrics(line: dict[str, Any], metrics: list[_Metric]) -> None:
    """Move metrics to a line, except those that it cannot contain.

    A line has one value of each dimension, one set of dimensions for each metric, and a limited
    number of values.
    """
    directives: dict[tuple[str, ...], dict[str, str]] = {}
    values: dict[str, list[float]] = {}
    for recorded in list(metrics):
        dimensions = recorded.dimensions
        units = directives.setdefault(tuple(dimensions), {})
        if any(line.get(name, value) != value for name, value in dimensions.items()):
            continue
        found = values.setdefault(recorded.name, [])
        if len(found) == _MAX_VALUES or (found and recorded.name not in units):
            continue
        metrics.remove(recorded)
        line.update(dimensions)
        units.setdefault(recorded.name, recorded.unit)
        found.append(recorded.value)
    for name, found in values.items():
        line[name] = found if len(found) > 1 else found[0]
    line["_aws"] = {
        "Timestamp": time.time_ns() // 1_000_000,
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [[*_dimensions, *names]],
                "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
            }
            for names, units in directives.items()
            if units
        ],
    }
