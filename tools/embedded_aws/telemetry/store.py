"""A SQLite database of spans, log lines and metric values, bounded in size.

One thread writes, a few times a second, so that nobody who reports something waits for the disk.
`shopctl.local.telemetry` reads it, in other processes and also while nothing runs.
"""

import contextlib
import queue
import sqlite3
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

FILE = "telemetry.db"
_LIMIT_BYTES = 64 * 2**20
_FORMAT = 1
_GATHER_SECONDS = 0.2
# the share of a table's rows that is deleted at once
_DELETED_SHARE = 0.1
_SAMPLED_ROWS = 200
# the header of a row and its entries in indexes
_ROW_OVERHEAD_BYTES = 100


class Span(NamedTuple):
    """A row of the table ``spans``; the last three columns are JSON."""

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
    order_id: str | None
    attributes: str
    events: str
    links: str


class Log(NamedTuple):
    """A row of the table ``logs``; ``time`` is in seconds since 1970, ``line`` is as logged."""

    time: float
    service: str
    function: str
    level: str
    message: str
    trace_id: str | None
    order_id: str | None
    line: str


class Metric(NamedTuple):
    """A row of the table ``metrics``; ``dimensions`` is JSON with sorted keys."""

    time: float
    namespace: str
    name: str
    dimensions: str
    value: float
    unit: str


Row = Span | Log | Metric
_TABLES: dict[type[Row], str] = {Span: "spans", Log: "logs", Metric: "metrics"}
_SCHEMA = """
CREATE TABLE spans (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT NOT NULL,
    service TEXT NOT NULL, function TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, status TEXT NOT NULL,
    order_id TEXT, attributes TEXT NOT NULL, events TEXT NOT NULL, links TEXT NOT NULL
);
CREATE INDEX spans_by_trace ON spans (trace_id);
CREATE INDEX spans_by_order ON spans (order_id) WHERE order_id IS NOT NULL;
CREATE TABLE logs (
    time REAL NOT NULL, service TEXT NOT NULL, function TEXT NOT NULL, level TEXT NOT NULL,
    message TEXT NOT NULL, trace_id TEXT, order_id TEXT, line TEXT NOT NULL
);
CREATE INDEX logs_by_time ON logs (time);
CREATE INDEX logs_by_trace ON logs (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_by_order ON logs (order_id) WHERE order_id IS NOT NULL;
CREATE TABLE metrics (
    time REAL NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, dimensions TEXT NOT NULL,
    value REAL NOT NULL, unit TEXT NOT NULL
);
CREATE INDEX metrics_by_name ON metrics (name, time);
CREATE INDEX metrics_by_time ON metrics (time);
"""
_INSERTS = {
    kind: f"INSERT INTO {table} ({', '.join(kind._fields)})"  # nosec B608
    f" VALUES ({', '.join('?' * len(kind._fields))})"
    for kind, table in _TABLES.items()
}


class Store:
    """The database, and the thread that writes it.

    Parameters
    ----------
    path
        The database file; one of another format, or a damaged one, is replaced.
    limit_bytes
        When its content is larger, the oldest rows of its largest table are deleted.
    """

    def __init__(self, path: Path, limit_bytes: int = _LIMIT_BYTES) -> None:
        self.path = path
        self._limit_bytes = limit_bytes
        self._waiting: queue.SimpleQueue[Callable[[], Iterable[Row]] | threading.Event | None]
        self._waiting = queue.SimpleQueue()
        self._hurry = threading.Event()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = _opened(path)
        self._thread = threading.Thread(target=self._write, daemon=True, name="telemetry")
        self._thread.start()

    def add(self, rows: Callable[[], Iterable[Row]]) -> None:
        """Store rows soon.

        Parameters
        ----------
        rows
            Makes the rows; called on the store's thread.
        """
        self._waiting.put(rows)

    def flush(self) -> None:
        """Wait until everything that has been added is stored."""
        written = threading.Event()
        self._waiting.put(written)
        self._hurry.set()
        written.wait()

    def close(self) -> None:
        """Store what has been added, and close the database."""
        self._waiting.put(None)
        self._hurry.set()
        self._thread.join()

    def _write(self) -> None:
        open_ = True
        while open_:
            batch = [self._waiting.get()]
            # wait for more, so that a transaction holds many rows
            self._hurry.wait(_GATHER_SECONDS)
            self._hurry.clear()
            with contextlib.suppress(queue.Empty):
                while True:
                    batch.append(self._waiting.get_nowait())
            self._insert([entry for entry in batch if callable(entry)])
            for entry in batch:
                if isinstance(entry, threading.Event):
                    entry.set()
            open_ = None not in batch
        self._connection.close()

    def _insert(self, makers: list[Callable[[], Iterable[Row]]]) -> None:
        rows: dict[type[Row], list[Row]] = defaultdict(list)
        for make in makers:
            try:
                for row in make():
                    rows[type(row)].append(row)
            except Exception as error:
                print(f"Telemetry that cannot be read was ignored: {error!r}", file=sys.stderr)
        try:
            with self._connection as transaction:
                for kind, of_kind in rows.items():
                    transaction.executemany(_INSERTS[kind], of_kind)
            while self._size() > self._limit_bytes and self._delete_oldest():
                pass
        except (sqlite3.Error, ValueError, OverflowError) as error:
            # also a text or number that SQLite cannot hold
            print(f"Telemetry was lost: {error}", file=sys.stderr)

    def _size(self) -> int:
        """Return the size of the content; the file also holds pages that are free for new rows."""
        pages, free, size = (
            self._value(f"PRAGMA {name}") for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _delete_oldest(self) -> bool:
        """Delete the oldest rows of the largest table, and return whether there were any."""
        extents = {table: self._extent(table) for table in _TABLES.values()}
        table = max(extents, key=lambda name: extents[name][2])
        first, count, _ = extents[table]
        if not count:
            return False
        last = first + max(1, int(count * _DELETED_SHARE)) - 1
        with self._connection as transaction:
            transaction.execute(f"DELETE FROM {table} WHERE rowid <= ?", [last])  # nosec B608
        return True

    def _extent(self, table: str) -> tuple[int, int, float]:
        """Return a table's first row id, number of rows and approximate size in bytes.

        Rows are added at the end and deleted from the start, so their ids have no gaps.
        """
        first = self._value(f"SELECT min(rowid) FROM {table}") or 0  # nosec B608
        last = self._value(f"SELECT max(rowid) FROM {table}") or 0  # nosec B608
        kind = next(kind for kind, name in _TABLES.items() if name == table)
        length = " + ".join(f"coalesce(length({column}), 0)" for column in kind._fields)
        average = self._value(
            f"SELECT avg({length}) FROM (SELECT * FROM {table} ORDER BY rowid DESC LIMIT ?)",  # nosec B608
            _SAMPLED_ROWS,
        )
        count = last - first + 1 if last else 0
        return first, count, count * ((average or 0) + _ROW_OVERHEAD_BYTES)

    def _value(self, query: str, *parameters: Any) -> Any:
        return self._connection.execute(query, parameters).fetchone()[0]


def _opened(path: Path) -> sqlite3.Connection:
    connection = _connected(path)
    try:
        known = connection.execute("PRAGMA user_version").fetchone()[0] == _FORMAT
        # a read of each table finds a damaged file
        for table in _TABLES.values() if known else ():
            query = f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1"  # nosec B608
            connection.execute(query).fetchone()
    except sqlite3.DatabaseError:
        known = False
    if not known:
        connection.close()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        connection = _connected(path)
        connection.executescript(f"{_SCHEMA} PRAGMA user_version = {_FORMAT};")
    return connection


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    with contextlib.suppress(sqlite3.DatabaseError):
        # readers do not block the writer; a power failure may lose the last seconds
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 4194304")
    return connection
