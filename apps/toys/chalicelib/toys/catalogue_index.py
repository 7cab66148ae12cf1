"""The search index of this process, brought up to date with the table before each search."""

import threading
from collections.abc import Collection, Iterator
from typing import NamedTuple

from chalicelib.toys.change_log import ChangeLog, GapError
from chalicelib.toys.index import (
    Change,
    Facet,
    Page,
    Position,
    SearchIndex,
    UnknownFormatError,
    document_of,
)
from chalicelib.toys.snapshots import LONGEST_AGE, Snapshots
from chalicelib.toys.store import ToyStore
from chassis import clock, context, log
from chassis.clock import Clock
from chassis.problems import ServiceUnavailable
from contracts.toys import CatalogueOutline, ListedToy, Toy, ToyQuery

FAR_BEHIND = 1000
"""Changes from which on an index is replaced by a newer snapshot, if there is one."""
_REFRESHED_AFTER = LONGEST_AGE / 2
_RESERVED_SECONDS = 2.0
"""What a request keeps of its time when it builds an index."""
_STARTING = "The search is starting. Try again later."


class CatalogueIndex:
    """Searches the catalogue as it is now.

    Each search first reads the end of the change log, with one consistent read, and applies what
    is new. The first one loads the snapshot. If there is none, or the log does not reach back to
    it, the index is built from the table.

    Parameters
    ----------
    log
        The log of the changes.
    store
        Reads the toys.
    snapshots
        Reads and writes the snapshot.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self, log: ChangeLog, store: ToyStore, snapshots: Snapshots, now: Clock = clock.now
    ) -> None:
        self._log = log
        self._store = store
        self._snapshots = snapshots
        self._now = now
        self._index: SearchIndex | None = None
        self._build: _Build | None = None
        # `chalice local` serves requests in several threads
        self._lock = threading.Lock()

    def search(
        self, query: ToyQuery, after: Position | None = None, facets: Collection[Facet] = ()
    ) -> Page:
        """Return a page of the toys that match a query; see ``SearchIndex.search``."""
        with self._lock:
            return self._up_to_date(self._log.end()).search(query, after, facets)

    def suggest(self, text: str, limit: int) -> list[str]:
        """Return texts that continue a query; see ``SearchIndex.suggest``."""
        with self._lock:
            return self._up_to_date(self._log.end()).suggest(text, limit)

    def outline(self) -> CatalogueOutline:
        """Return the parts and categories of the catalogue.

        Raises
        ------
        ServiceUnavailable
            If there is neither an index nor a snapshot; the table is not read for a list.
        """
        with self._lock:
            index = self._up_to_date(self._log.end(), may_build=False)
            return CatalogueOutline(parts=index.part_days(), categories=index.categories)

    def part(self, number: int) -> list[ListedToy]:
        """Return the toys of a part of the catalogue; see ``SearchIndex.part``.

        Raises
        ------
        ServiceUnavailable
            As ``outline``.
        """
        with self._lock:
            return self._up_to_date(self._log.end(), may_build=False).part(number)

    def save_snapshot(self, least_changes: int) -> bool:
        """Save a snapshot if one is due; return whether it was.

        One is due if many changes are newer. If there is none in this release's format, or it will
        soon be too old, the next one is built from the table, which also repairs whatever an index
        has missed.

        Parameters
        ----------
        least_changes
            How many changes must be newer than the snapshot.
        """
        saved = self._snapshots.saved()
        with self._lock:
            end = self._log.end()
            if saved is None or self._now() - saved.at >= _REFRESHED_AFTER:
                self._index = self._build = None  # frees the memory before the next one is built
                self._index = index = self._rebuilt(end)
            elif 0 <= end - saved.sequence < least_changes:
                return False
            else:
                index = self._up_to_date(end)
            self._snapshots.write(index.dump(), index.sequence)
        log.info("snapshot saved", sequence=index.sequence)
        return True

    def _up_to_date(self, end: int, may_build: bool = True) -> SearchIndex:
        index = self._index
        if index is None or end - index.sequence > FAR_BEHIND:
            index = self._newer_snapshot(index)
            if index is not None and index.sequence > end:
                end = self._log.end()  # it was saved since the end was read
        # an index ahead of the log is not of this table: the table was restored from a backup
        if index is None or index.sequence > end or not self._apply(index, end):
            self._index = index = None  # frees the memory before the next one is built
            if not may_build:
                raise ServiceUnavailable(_STARTING)
            index = self._rebuilt(end)
            if not self._apply(index, end):
                raise ServiceUnavailable(_STARTING)
        self._index, self._build = index, None
        return index

    def _newer_snapshot(self, index: SearchIndex | None) -> SearchIndex | None:
        """Return the index of the snapshot, or the given one if it is as new."""
        snapshot = self._snapshots.read()
        if snapshot is None:
            return index
        try:
            loaded = SearchIndex.load(snapshot)
        except UnknownFormatError as error:
            log.error("snapshot not readable", reason=str(error))
            return index
        return loaded if index is None or loaded.sequence > index.sequence else index

    def _apply(self, index: SearchIndex, end: int) -> bool:
        """Apply the changes up to the end of the log; return ``False`` if some are missing."""
        if index.sequence == end:
            return True
        try:
            entries = list(self._log.entries(index.sequence, end))
        except GapError as error:
            log.error("change log has a gap", reason=str(error))
            return False
        # read after the entries, so a toy is at least as new as its entry
        toys = {toy.id: toy for toy in self._store.get_many([entry.toy_id for entry in entries])}
        self._index = None  # an index that fails half way is not used again
        index.apply(
            Change(sequence, toy_id, document_of(toys[toy_id]) if toy_id in toys else None)
            for sequence, toy_id in entries
        )
        return True

    def _rebuilt(self, end: int) -> SearchIndex:
        """Return an index of the toys in the table, at least as new as when its build began.

        Raises
        ------
        ServiceUnavailable
            If the request's time is up. The next request continues the build, unless there is a
            snapshot by then.
        """
        build = self._build or _Build(end, self._store.all(), SearchIndex.empty())
        self._build = None  # one that fails is not continued
        for number, toy in enumerate(build.toys, start=build.built.sequence + 1):
            build.built.apply([Change(number, toy.id, document_of(toy))])
            if context.current().remaining() < _RESERVED_SECONDS:
                self._build = build
                log.error("index not built in time", toys=len(build.built))
                raise ServiceUnavailable(_STARTING)
        build.built.sequence = build.end
        log.warning("index built from the table", toys=len(build.built), sequence=build.end)
        return build.built


class _Build(NamedTuple):
    """An index that is being built: the log's end when it began, the toys to come, the index."""

    end: int
    toys: Iterator[Toy]
    built: SearchIndex
