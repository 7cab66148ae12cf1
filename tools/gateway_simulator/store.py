"""The state of the simulator: tables in memory that are restored from the journal."""

import copy
import time
from collections.abc import Iterator
from pathlib import Path

from gateway_simulator.errors import Json
from gateway_simulator.journal import Journal

JOURNAL = "journal.jsonl"


class Store:
    """Tables of rows by id, in the order in which the rows were first written.

    Parameters
    ----------
    directory
        Directory of the journal.

    Raises
    ------
    JournalError
        If the journal is in use or damaged.

    Attributes
    ----------
    directory
        The directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._journal = Journal(directory / JOURNAL)
        self._tables: dict[str, dict[str, Json]] = {}
        for record in self._journal.replay():
            self._apply(record["put"])

    def now(self) -> int:
        """Return the simulator's time in seconds since 1970."""
        return int(time.time() + self.advanced_seconds)

    @property
    def advanced_seconds(self) -> float:
        """Seconds by which the simulator's clock is ahead of the system clock."""
        clock = self.rows("clock").get("clock")
        return float(clock["advanced_seconds"]) if clock else 0.0

    def advance_clock(self, seconds: float) -> None:
        """Move the simulator's clock forward, permanently."""
        work = self.begin()
        work.put("clock", "clock", {"advanced_seconds": self.advanced_seconds + seconds})
        work.commit()

    def rows(self, table: str) -> dict[str, Json]:
        """Return the committed rows of a table by id. Callers must not change them."""
        return self._tables.setdefault(table, {})

    def begin(self) -> "UnitOfWork":
        """Return an empty unit of work."""
        return UnitOfWork(self)

    def write(self, rows: dict[str, dict[str, Json]]) -> None:
        """Write rows of several tables to disk, all or none, and then make them visible.

        Parameters
        ----------
        rows
            Rows by table and id.

        Raises
        ------
        OSError
            If the rows could not be written; the store is then unchanged.
        """
        self._journal.append({"at": self.now(), "put": rows})
        self._apply(rows)

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _apply(self, rows: dict[str, dict[str, Json]]) -> None:
        for table, changed in rows.items():
            self.rows(table).update(changed)


class UnitOfWork:
    """The changes of one request, which are committed together.

    A charge, its ledger entry, its event and the answer stored for the idempotency key are one
    line of the journal: after a crash, all of them exist or none.

    Parameters
    ----------
    store
        Store that is read and changed.

    Attributes
    ----------
    events
        Event objects to send as webhooks after the commit, oldest first.
    """

    def __init__(self, store: Store) -> None:
        self.events: list[Json] = []
        self._store = store
        self._changed: dict[str, dict[str, Json]] = {}

    def now(self) -> int:
        """Return the simulator's time in seconds since 1970."""
        return self._store.now()

    def get(self, table: str, identifier: str) -> Json | None:
        """Return a copy of a row, including this unit's changes, or None."""
        row = self._changed.get(table, {}).get(identifier)
        if row is None:
            row = self._store.rows(table).get(identifier)
        return copy.deepcopy(row)

    def newest(self, table: str) -> Iterator[Json]:
        """Yield the committed rows of a table, newest first. Callers must not change them."""
        return reversed(self._store.rows(table).values())

    def put(self, table: str, identifier: str, row: Json) -> None:
        """Add or replace a row by a copy of the given one."""
        self._changed.setdefault(table, {})[identifier] = copy.deepcopy(row)

    def commit(self) -> None:
        """Write the changes to disk and make them visible.

        Raises
        ------
        OSError
            If the changes could not be written; the store is then unchanged.
        """
        if self._changed:
            self._store.write(self._changed)
            self._changed = {}
