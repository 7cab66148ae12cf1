"""Logs and metrics: JSON lines on standard output, which Lambda sends to CloudWatch.

A message is a constant phrase in lower case; everything that varies is a field. Secrets and card
numbers in fields are masked. A metric is a line in CloudWatch's embedded metric format, so it
needs no call to AWS.
"""

import sys
import time
import traceback
from typing import Any, TextIO

import msgspec

from chassis import context
from chassis.redaction import masked

_LEVELS = {"INFO": 20, "WARNING": 30, "ERROR": 40}
_common: dict[str, str] = {}
_threshold = _LEVELS["INFO"]
_out: TextIO | None = None


def configure(service: str, stage: str, level: str = "INFO", out: TextIO | None = None) -> None:
    """Set what all lines of this process have in common.

    Parameters
    ----------
    service, stage
        The fields ``service`` and ``stage`` of every line.
    level
        The lowest level to log: INFO, WARNING or ERROR.
    out
        The stream to write to; standard output by default.
    """
    global _threshold, _out
    _common.update(service=service, stage=stage)
    _threshold = _LEVELS[level]
    _out = out


def _write(line: dict[str, Any]) -> None:
    out = _out or sys.stdout
    out.write(msgspec.json.encode(line, enc_hook=str).decode() + "\n")
    out.flush()


def _log(level: str, message: str, fields: dict[str, Any]) -> None:
    if _LEVELS[level] < _threshold:
        return
    current = context.current()
    _write(
        {
            "level": level,
            "message": message,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **_common,
            "correlation_id": current.correlation_id,
            "trace_id": current.traceparent.split("-")[1],
            **masked(fields),
        }
    )


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


def metric(name: str, value: float = 1, unit: str = "Count", **dimensions: str) -> None:
    """Record a metric, in CloudWatch's embedded metric format.

    Parameters
    ----------
    name
        The metric's name in the namespace ``ToyShop``.
    value
        The value to record, in ``unit``.
    unit
        A unit of CloudWatch: Count, Milliseconds, Bytes, …
    dimensions
        Dimensions besides the service and the stage.
    """
    names = {**_common, **dimensions}
    _write(
        {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": "ToyShop",
                        "Dimensions": [list(names)],
                        "Metrics": [{"Name": name, "Unit": unit}],
                    }
                ],
            },
            **names,
            name: value,
        }
    )
