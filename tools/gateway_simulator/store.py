"""Everything the simulator knows: tables of rows in memory, and the journal that rebuilds them."""

import copy
import time
from pathlib import Path

from gateway_simulator.errors import Json
from gateway_simulator.journal import Journal

JOURNAL = "journal.jsonl"


class Store:
    """Tables of rows by id, in the order in which the rows were first written.

    Parameters
    ----------
    folder
        Where the journal is kept.

    Raises
    ------
    JournalError
        When the journal is in use or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / JOURNAL)
        self._tables: dict[str, dict[str, Json]] = {}
        for record in self._journal.replay():
            self._apply(record["put"])

    def now(self) -> int:
        """Return the simulator's time in seconds since 1970."""
        return int(time.time() + self.advanced_seconds)

    @property
    def advanced_seconds(self) -> float:
        """How far the simulator's clock is ahead of the machine's."""
        clock = self.rows("clock").get("clock")
        return float(clock["advanced_seconds"]) if clock else 0.0

    def advance_clock(self, seconds: float) -> None:
        """Move the simulator's clock forward, for good."""
        work = self.begin()
        work.put("clock", "clock", {"advanced_seconds": self.advanced_seconds + seconds})
        work.commit()

    def rows(self, table: str) -> dict[str, Json]:
        """Return a table's committed rows by id. They belong to the store: do not change them."""
        return self._tables.setdefault(table, {})

    def begin(self) -> "UnitOfWork":
        """Return an empty unit of work."""
        return UnitOfWork(self)

    def write(self, rows: dict[str, dict[str, Json]]) -> None:
        """Make rows of several tables durable, all of them or none, and then visible."""
        self._journal.append({"at": self.now(), "put": rows})
        self._apply(rows)

    def close(self) -> None:
        """Release the journal."""
        self._journal.close()

    def _apply(self, rows: dict[str, dict[str, Json]]) -> None:
        for table, changed in rows.items():
            self.rows(table).update(changed)


class UnitOfWork:
    """The changes of one request, which become true together.

    A charge, its ledger entry, its event and the answer kept under the idempotency key are one
    line of the journal: a crash leaves all of them or none.

    Attributes
    ----------
    events
        What webhooks are to tell of once the changes are true: event objects, oldest first.
    """

    def __init__(self, store: Store) -> None:
        self.events: list[Json] = []
        self._store = store
        self._changed: dict[str, dict[str, Json]] = {}

    def now(self) -> int:
        """Return the simulator's time in seconds since 1970."""
        return self._store.now()

    def get(self, table: str, identifier: str) -> Json | None:
        """Return a copy of a row, with this unit's own changes, or None."""
        row = self._changed.get(table, {}).get(identifier)
        if row is None:
            row = self._store.rows(table).get(identifier)
        return copy.deepcopy(row)

    def newest(self, table: str) -> list[Json]:
        """Return the committed rows of a table, newest first. Do not change them."""
        return list(reversed(self._store.rows(table).values()))

    def put(self, table: str, identifier: str, row: Json) -> None:
        """Set a row, as it is now."""
        self._changed.setdefault(table, {})[identifier] = copy.deepcopy(row)

    def commit(self) -> None:
        """Make the changes durable and visible."""
        if self._changed:
            self._store.write(self._changed)
            self._changed = {}
