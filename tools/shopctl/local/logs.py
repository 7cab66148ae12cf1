"""Finds, formats and follows what processes and functions logged.

Functions' lines are in the telemetry store; each process has a file.
"""

import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from shopctl.local.telemetry import Line, LineFilter, Telemetry, label
from shopctl.project.errors import ShopProblem

_POLL_SECONDS = 0.2
_COLORS = {"DEBUG": "cyan", "INFO": "green", "WARNING": "yellow", "ERROR": "red"}
_LABEL_WIDTH = 26
# they are shown elsewhere in the line, are the same in every line, or can be read with --json
_HIDDEN = {
    "level",
    "message",
    "time",
    "service",
    "stage",
    "function",
    "correlation_id",
    "trace_id",
    "span_id",
    "stack",
    "_aws",
}


def files(directory: Path, name: str | None) -> list[Path]:
    """Find the log files of processes.

    Parameters
    ----------
    directory
        The directory of the log files.
    name
        A process's name; ``None`` finds all.
    """
    return sorted(path for path in directory.glob("*.log") if name in (None, path.stem))


def last_lines(path: Path, count: int) -> list[str]:
    """Read the last lines of a file."""
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:] if count else []


def check_name(telemetry: Telemetry, name: str, services: list[str], processes: list[str]) -> None:
    """Verify that a name is one of a service or of a function that has logged something.

    Raises
    ------
    ShopProblem
        If it is neither.
    """
    dashed = name.replace("_", "-")
    functions = [label(function) for function in telemetry.functions()]
    if dashed in [service.replace("_", "-") for service in services]:
        return
    if not any(function == dashed or function.startswith(f"{dashed}-") for function in functions):
        raise ShopProblem(
            f"There is no log of {name}.",
            f"Name a service ({', '.join(services)}) or a process ({', '.join(processes)}).",
        )


def follow_files(find: Callable[[], list[Path]]) -> Callable[[], Iterator[tuple[Path, str]]]:
    """Return a function that yields the lines that were appended since its last call."""
    positions = {path: path.stat().st_size for path in find()}

    def new_lines() -> Iterator[tuple[Path, str]]:
        for path in find():
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(positions.get(path, 0))
                for line in file:
                    yield path, line.rstrip("\n")
                positions[path] = file.tell()

    return new_lines


def follow(
    telemetry: Telemetry,
    wanted: LineFilter,
    after: int,
    find: Callable[[], list[Path]],
) -> Iterator[Line | tuple[Path, str]]:
    """Yield the lines of functions and files that are logged from now on; never ends.

    Parameters
    ----------
    after
        Number of the last line that is known.
    find
        Finds the files to follow.
    """
    new_lines_of_files = follow_files(find)
    while True:
        newest = telemetry.last_line_number()
        for line in telemetry.lines_after(wanted, after):
            yield line
            newest = max(newest, line.number)
        after = newest
        yield from new_lines_of_files()
        time.sleep(_POLL_SECONDS)


def readable(line: Line, today: date) -> str:
    """Return a line for a person: time, level, function, message and fields, with colors.

    Parameters
    ----------
    today
        The day whose lines have no date.
    """
    moment = datetime.fromtimestamp(line.time)
    written = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    if moment.date() != today:
        written = f"{moment:%Y-%m-%d} {written}"
    fields = line.fields
    metrics = _metric_members(fields)
    shown = [
        f"{click.style(name, dim=True)}={_text(value)}"
        for name, value in fields.items()
        if name not in _HIDDEN and name not in metrics
    ]
    level = click.style(f"{line.level:7}", fg=_COLORS.get(line.level))
    parts = [written, level, f"{label(line.function):{_LABEL_WIDTH}}", line.message or line.line]
    text = " ".join(parts) + "".join(f"  {field}" for field in shown)
    stack = str(fields.get("stack", "")).rstrip()
    return text + "".join(f"\n    {row}" for row in stack.splitlines())


def as_json(line: Line) -> str:
    """Return a line as a JSON object in one line: as it was logged, or made from plain text."""
    if line.fields:
        return line.line
    moment = datetime.fromtimestamp(line.time).astimezone().isoformat()
    return json.dumps({"time": moment, "function": label(line.function), "message": line.message})


def _metric_members(fields: dict[str, Any]) -> set[str]:
    """Return the members that are only in a line because a metric is in it."""
    directives = fields.get("_aws", {}).get("CloudWatchMetrics", []) if "_aws" in fields else []
    return {metric["Name"] for directive in directives for metric in directive["Metrics"]}


def _text(value: Any) -> str:
    if isinstance(value, str) and value and not any(c.isspace() or c in '"=' for c in value):
        return value
    return json.dumps(value, ensure_ascii=False)
