"""Reads the telemetry that the embedded AWS stores: spans, log lines and metric values.

The store is the SQLite database `telemetry.db` in the shop's directory. It holds what fits into
64 MiB, also after `./shop down`.
"""

import contextlib
import functools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_BUSY_SECONDS = 5.0


@dataclass(frozen=True)
class Span:
    """One operation of a service.

    Attributes
    ----------
    kind
        ``server``, ``client``, ``producer``, ``consumer`` or ``internal``.
    start_ns, end_ns
        Nanoseconds since 1970.
    status
        ``unset``, ``ok`` or ``error``.
    events
        Objects with ``name``, ``time_ns`` and ``attributes``.
    links
        Objects with ``trace_id``, ``span_id`` and ``attributes``.
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    function: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    order_id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)

    @property
    def duration_ms(self) -> float:
        """The duration in milliseconds."""
        return (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True)
class Line:
    """A line that a function printed.

    Attributes
    ----------
    number
        Grows with each line that is stored.
    time
        Seconds since 1970.
    function
        The function's name on AWS.
    level
        One of `LEVELS`; empty if the line is plain text.
    """

    number: int
    time: float
    service: str
    function: str
    level: str
    message: str
    trace_id: str | None
    order_id: str | None
    line: str

    @property
    def fields(self) -> dict[str, Any]:
        """The members of a JSON line; empty if the line is plain text."""
        try:
            content = json.loads(self.line)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class Value:
    """One value of a metric; ``time`` is in seconds since 1970."""

    time: float
    namespace: str
    name: str
    dimensions: dict[str, str]
    value: float
    unit: str


@dataclass(frozen=True)
class LineFilter:
    """Which lines to read.

    Attributes
    ----------
    order_id
        Lines with this order's id, and those of its traces that are about no order.
    name
        Lines of this service, or of a function as in ``payments-charge``.
    level
        The lowest level; plain text counts as INFO.
    since
        The first second, since 1970.
    """

    order_id: str = ""
    name: str = ""
    level: str = "DEBUG"
    since: float = 0.0


class Telemetry:
    """The stored telemetry of one shop."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def traces_of(self, order_id: str) -> list[str]:
        """Return the ids of the traces with a span or log line about an order, oldest first."""
        rows = self._connection.execute(
            "SELECT trace_id, min(start) FROM ("
            " SELECT trace_id, start_ns / 1e9 AS start FROM spans WHERE order_id = :id"
            " UNION ALL SELECT trace_id, time FROM logs WHERE order_id = :id"
            ") WHERE trace_id IS NOT NULL GROUP BY trace_id ORDER BY min(start)",
            {"id": order_id},
        )
        return [str(row[0]) for row in rows]

    def spans(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace by start."""
        query = f"{_SELECT_SPANS} WHERE trace_id = ? ORDER BY start_ns, rowid"
        return [_span(row) for row in self._connection.execute(query, [trace_id])]

    def last_lines(self, wanted: LineFilter, count: int) -> list[Line]:
        """Return the last lines that match, by time."""
        condition, parameters = self._condition(wanted)
        rows = self._connection.execute(
            f"{_SELECT_LINES} WHERE {condition} ORDER BY time DESC, rowid DESC LIMIT ?",
            [*parameters, count],
        )
        return [Line(*row) for row in rows][::-1]

    def lines_after(self, wanted: LineFilter, number: int) -> list[Line]:
        """Return the matching lines that were stored after the one with a number."""
        condition, parameters = self._condition(wanted)
        rows = self._connection.execute(
            f"{_SELECT_LINES} WHERE rowid > ? AND {condition} ORDER BY rowid",
            [number, *parameters],
        )
        return [Line(*row) for row in rows]

    def last_line_number(self) -> int:
        """Return the number of the newest line; 0 if there is none."""
        return int(self._connection.execute("SELECT max(rowid) FROM logs").fetchone()[0] or 0)

    def functions(self) -> list[str]:
        """Return the names of the functions that have logged something."""
        rows = self._connection.execute("SELECT DISTINCT function FROM logs ORDER BY function")
        return [str(row[0]) for row in rows]

    def values(
        self,
        name: str | None = None,
        *,
        namespace: str | None = None,
        dimensions: Mapping[str, str] | None = None,
        since: float = 0.0,
        until: float = float("inf"),
    ) -> Iterator[Value]:
        """Yield values of metrics by time.

        A queue has values once a second while it holds messages, and one of 0 when it is empty
        again; ``Throttles`` and ``DestinationDeliveryFailures`` have none while there is nothing
        to count.

        Parameters
        ----------
        name, namespace
            The metric's; ``None`` is any.
        dimensions
            All of its dimensions; ``None`` is any.
        since, until
            The first second, and the one after the last, since 1970.
        """
        conditions, parameters = ["time >= ?"], [since]
        wanted: Iterable[tuple[str, Any]] = (
            ("time < ?", None if until == float("inf") else until),
            ("name = ?", name),
            ("namespace = ?", namespace),
            (
                "dimensions = ?",
                None if dimensions is None else json.dumps(dict(dimensions), sort_keys=True),
            ),
        )
        for condition, parameter in wanted:
            if parameter is not None:
                conditions.append(condition)
                parameters.append(parameter)
        rows = self._connection.execute(
            f"SELECT {_VALUE_COLUMNS} FROM metrics"  # nosec B608
            f" WHERE {' AND '.join(conditions)} ORDER BY time",
            parameters,
        )
        for row in rows:
            yield _value(row)

    def newest_values(
        self, names: Iterable[str], after: int, since: float
    ) -> tuple[int, list[Value]]:
        """Return values that were stored after others, for a reader that reads again and again.

        Parameters
        ----------
        names
            Metrics to read.
        after
            The number that the last call returned; 0 at first.
        since
            The first second to read, since 1970.

        Returns
        -------
        tuple
            A number for the next call, and the values in the order of their arrival.
        """
        chosen = list(names)
        rows = self._connection.execute(
            f"SELECT rowid, {_VALUE_COLUMNS} FROM metrics WHERE rowid > ? AND time >= ?"  # nosec B608
            f" AND name IN ({', '.join('?' * len(chosen))}) ORDER BY rowid",
            [after, since, *chosen],
        ).fetchall()
        return (rows[-1][0] if rows else after), [_value(row[1:]) for row in rows]

    def metric_names(self) -> list[str]:
        """Return the names of all metrics."""
        rows = self._connection.execute("SELECT DISTINCT name FROM metrics ORDER BY name")
        return [str(row[0]) for row in rows]

    def _condition(self, wanted: LineFilter) -> tuple[str, list[Any]]:
        conditions: list[str] = ["time >= ?"]
        parameters: list[Any] = [wanted.since]
        if wanted.order_id:
            traces = self.traces_of(wanted.order_id)
            marks = ", ".join("?" * len(traces))
            conditions.append(f"(order_id = ? OR order_id IS NULL AND trace_id IN ({marks}))")
            parameters += [wanted.order_id, *traces]
        if wanted.name:
            conditions.append("(function = ? OR function GLOB ?)")
            function = aws_names.resource("local", wanted.name)
            parameters += [function, f"{function}-*"]
        if wanted.level != LEVELS[0]:
            kept = [
                *LEVELS[LEVELS.index(wanted.level) :],
                *([""] if wanted.level == "INFO" else []),
            ]
            conditions.append(f"level IN ({', '.join('?' * len(kept))})")
            parameters += kept
        return " AND ".join(conditions), parameters


_SELECT_SPANS = (
    "SELECT trace_id, span_id, parent_id, service, function, name, kind, start_ns, end_ns, status,"
    " order_id, attributes, events, links FROM spans"
)
_SELECT_LINES = (
    "SELECT rowid, time, service, function, level, message, trace_id, order_id, line FROM logs"
)


_VALUE_COLUMNS = "time, namespace, name, dimensions, value, unit"


def _value(row: tuple[Any, ...]) -> Value:
    taken, namespace, name, dimensions, value, unit = row
    return Value(taken, namespace, name, _dimensions(dimensions), value, unit)


@functools.lru_cache(maxsize=10_000)
def _dimensions(text: str) -> dict[str, str]:
    """Parse dimensions; there are few, and each has many values."""
    dimensions: dict[str, str] = json.loads(text)
    return dimensions


def _span(row: tuple[Any, ...]) -> Span:
    return Span(*row[:11], *(json.loads(text) for text in row[11:]))


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Telemetry]:
    """Open the store of a shop, which may be running or not.

    Parameters
    ----------
    path
        The database, `Layout.telemetry`.

    Raises
    ------
    ShopProblem
        If there is none, or if it cannot be read.
    """
    if not path.exists():
        raise ShopProblem(
            "Nothing has been logged or measured yet.", "Start the shop with ./shop up."
        )
    # not read-only, which fails if the files of the write-ahead log are missing
    with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA query_only = ON")
        try:
            yield Telemetry(connection)
        except sqlite3.DatabaseError as error:
            raise ShopProblem(
                f"{path} cannot be read: {error}.", "./shop up replaces it if it is damaged."
            ) from None


def label(function: str) -> str:
    """Return a function's name without the part that all of a shop's functions share."""
    return function.removeprefix(aws_names.resource("local", ""))
