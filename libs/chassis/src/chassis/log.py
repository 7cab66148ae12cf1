"""Logs and metrics: JSON lines on standard output, which Lambda hands to CloudWatch.

A metric is a log line in the embedded metric format, so it costs no call.
"""

import sys
import time
import traceback
from typing import Any, TextIO

import msgspec

from chassis import context
from chassis.redaction import masked

_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
_about: dict[str, str] = {}
_threshold = _LEVELS["INFO"]
_out: TextIO | None = None


def configure(service: str, stage: str, level: str = "INFO", out: TextIO | None = None) -> None:
    """Say who is logging.

    Parameters
    ----------
    service, stage
        Stand on every line.
    level
        Lines below it are left out: DEBUG, INFO, WARNING or ERROR.
    out
        Where the lines go; standard output unless told.
    """
    global _threshold, _out
    _about.update(service=service, stage=stage)
    _threshold = _LEVELS[level]
    _out = out


def _write(line: dict[str, Any]) -> None:
    out = _out or sys.stdout
    out.write(msgspec.json.encode(line, enc_hook=str).decode() + "\n")
    out.flush()


def _log(level: str, message: str, fields: dict[str, Any]) -> None:
    if _LEVELS[level] < _threshold:
        return
    now = context.current()
    _write(
        {
            "level": level,
            "message": message,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **_about,
            "correlation_id": now.correlation_id,
            "trace_id": now.traceparent.split("-")[1],
            **masked(fields),
        }
    )


def debug(message: str, **fields: Any) -> None:
    """Log what only a developer wants to know."""
    _log("DEBUG", message, fields)


def info(message: str, **fields: Any) -> None:
    """Log what happened."""
    _log("INFO", message, fields)


def warning(message: str, **fields: Any) -> None:
    """Log what went wrong and mends itself."""
    _log("WARNING", message, fields)


def error(message: str, **fields: Any) -> None:
    """Log what went wrong and needs a person."""
    _log("ERROR", message, fields)


def exception(message: str, **fields: Any) -> None:
    """Log the error being handled, with its stack; call it in an ``except`` block."""
    _log("ERROR", message, {**fields, "stack": traceback.format_exc()})


def metric(name: str, value: float = 1, unit: str = "Count", **dimensions: str) -> None:
    """Count or measure something, in CloudWatch's embedded metric format.

    Parameters
    ----------
    name
        Of the metric, in the namespace ``ToyShop``.
    unit
        One of CloudWatch's: Count, Milliseconds, Bytes, …
    dimensions
        Besides the service and the stage.
    """
    names = {**_about, **dimensions}
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
