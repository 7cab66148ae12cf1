"""Inverted lists: the rows of an index that contain a term, each with a level."""

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, compress, pairwise
from typing import NamedTuple

import msgspec

_FEW_ADDED = 1000
"""More terms than this are sorted together instead of inserted one by one."""
_FEW_REMOVED = 100
"""More rows than this are removed from a list together instead of one by one."""
_ROW_BYTES = 3
"""Enough for 16 million rows."""
_END = "\U0010ffff"
"""Comes after every other character of a term."""


class Span(NamedTuple):
    """Adjacent terms of the stored lists."""

    first: int
    stop: int


class StoredPostings(msgspec.Struct, array_like=True):
    """The lists in a snapshot: those of all terms one after the other.

    Attributes
    ----------
    terms
        The terms, sorted.
    starts
        Where the list of each term starts, then where the last one ends; 32 bits each.
    rows
        The rows of all lists, ascending in each list: the lowest byte of each row, then the middle
        one, then the highest one. They are apart because they compress better.
    levels
        Their levels, a byte each.
    """

    terms: list[str]
    starts: memoryview
    rows: list[memoryview]
    levels: memoryview


class Postings:
    """Lists of the rows that contain a term.

    Most of them are stored one after the other in order of their terms, so that the terms with a
    common prefix are one range. Rows that are added later are in lists of their own until the next
    compaction. Removed rows stay in the stored lists and are counted.
    """

    def __init__(self, stored: StoredPostings | None = None) -> None:
        self.terms = stored.terms if stored else []
        self.starts = array("I", bytes(stored.starts if stored else 4))
        self.rows = array("I", _joined(stored.rows) if stored else b"")
        self.levels = bytes(stored.levels) if stored else b""
        self._forget_changes()

    def _forget_changes(self) -> None:
        self.added: dict[str, tuple[array[int], bytearray]] = {}
        self._added_terms: list[str] = []
        self._unsorted: list[str] = []
        self._removed: dict[str, set[int]] = {}
        self._removed_terms: list[str] = []

    def stored(self) -> StoredPostings:
        """Return the lists as they are after a compaction."""
        rows = self.rows.tobytes()
        return StoredPostings(
            self.terms,
            memoryview(self.starts.tobytes()),
            [memoryview(rows[byte::4]) for byte in range(_ROW_BYTES)],
            memoryview(self.levels),
        )

    def add(self, row: int, levels: Mapping[str, int]) -> None:
        """Add a row to the lists of its terms; its number is higher than all others."""
        added = self.added
        for term, level in levels.items():
            if term in added:
                rows, row_levels = added[term]
                rows.append(row)
                row_levels.append(level)
            else:
                added[term] = array("I", (row,)), bytearray((level,))
                self._unsorted.append(term)

    def remove(self, row: int, terms: Iterable[str], is_stored: bool) -> None:
        """Remove a row from the lists of its terms.

        Parameters
        ----------
        is_stored
            Whether the row is in the stored lists, where it remains until the next compaction.
        """
        for term in terms:
            if is_stored:
                removed = self._removed.get(term)
                if removed is None:
                    removed = self._removed[term] = set()
                    insort(self._removed_terms, term)
                removed.add(row)
            else:
                rows, levels = self.added[term]
                at = bisect_left(rows, row)
                del rows[at], levels[at]

    def span(self, prefix: str) -> Span:
        """Return the stored terms that start with a prefix."""
        first = bisect_left(self.terms, prefix)
        return Span(first, bisect_left(self.terms, prefix + _END, first))

    def span_of(self, term: str) -> Span:
        """Return a stored term; the span is empty if there is no such term."""
        at = bisect_left(self.terms, term)
        return Span(at, at + (at < len(self.terms) and self.terms[at] == term))

    def added_terms(self, prefix: str) -> Sequence[str]:
        """Return the terms of added rows that start with a prefix."""
        if len(self._unsorted) > _FEW_ADDED:
            self._added_terms = sorted(self.added)
        else:
            for term in self._unsorted:
                insort(self._added_terms, term)
        self._unsorted.clear()
        return _with_prefix(self._added_terms, prefix)

    def count(self, prefix: str) -> int:
        """Return the number of present rows in the lists of all terms with a prefix."""
        span = self.span(prefix)
        return (
            self.starts[span.stop]
            - self.starts[span.first]
            - sum(len(self._removed[term]) for term in _with_prefix(self._removed_terms, prefix))
            + sum(len(self.added[term][0]) for term in self.added_terms(prefix))
        )

    def count_of(self, term: str) -> int:
        """Return the number of present rows in the list of a term."""
        span = self.span_of(term)
        return (
            self.starts[span.stop]
            - self.starts[span.first]
            - len(self._removed.get(term, ()))
            + len(self.added[term][0] if term in self.added else ())
        )

    def rows_of(self, term: str) -> "array[int]":
        """Return the rows of a term in ascending order, with those that were removed."""
        span = self.span_of(term)
        stored = self.rows[self.starts[span.first] : self.starts[span.stop]]
        added = self.added.get(term)
        return stored + added[0] if added else stored

    def level(self, span: Span, row: int) -> int:
        """Return the highest level of a row in stored lists; 0 if it is in none of them."""
        best = 0
        for term in range(span.first, span.stop):
            stop = self.starts[term + 1]
            at = bisect_left(self.rows, row, self.starts[term], stop)
            if at < stop and self.rows[at] == row:
                best = max(best, self.levels[at])
        return best

    def slice(self, span: Span) -> tuple["array[int]", bytes]:
        """Return the rows of stored lists, one list after the other, and their levels."""
        start, stop = self.starts[span.first], self.starts[span.stop]
        return self.rows[start:stop], self.levels[start:stop]

    def compact(self, present: bytes | bytearray, numbers: Sequence[int] | None = None) -> None:
        """Store the added rows and drop the removed ones.

        Parameters
        ----------
        present
            For each row 1 if it stays, or 0.
        numbers
            The new number of each row that stays, in the same order; by default, the present one.
        """
        rows, levels, lengths, terms = array("I"), bytearray(), array("I"), list[str]()
        done = 0
        for term in sorted({*self.added, *self._removed_terms}):
            span = self.span_of(term)
            self._copy(Span(done, span.first), rows, levels, lengths, terms)
            done = span.stop
            kept_rows, kept_levels = self._merged(term, span, present)
            if kept_rows:
                rows.extend(kept_rows)
                levels += kept_levels
                lengths.append(len(kept_rows))
                terms.append(term)
        self._copy(Span(done, len(self.terms)), rows, levels, lengths, terms)
        if numbers is not None:
            rows = array("I", map(numbers.__getitem__, rows))
        self.terms, self.rows, self.levels = terms, rows, bytes(levels)
        self.starts = array("I", accumulate(lengths, initial=0))
        self._forget_changes()

    def _copy(
        self,
        span: Span,
        rows: "array[int]",
        levels: bytearray,
        lengths: "array[int]",
        terms: list[str],
    ) -> None:
        """Copy lists in which no row was added or removed."""
        copied_rows, copied_levels = self.slice(span)
        rows.extend(copied_rows)
        levels += copied_levels
        bounds = self.starts[span.first : span.stop + 1]
        lengths.extend(stop - start for start, stop in pairwise(bounds))
        terms += self.terms[span.first : span.stop]

    def _merged(
        self, term: str, span: Span, present: bytes | bytearray
    ) -> tuple["array[int]", bytearray]:
        rows, stored = self.slice(span)
        levels = bytearray(stored)
        removed = self._removed.get(term, ())
        if len(removed) <= _FEW_REMOVED:
            for row in removed:
                at = bisect_left(rows, row)
                del rows[at], levels[at]
        else:
            kept = bytes(map(present.__getitem__, rows))
            rows, levels = array("I", compress(rows, kept)), bytearray(compress(levels, kept))
        if term in self.added:
            rows, levels = rows + self.added[term][0], levels + self.added[term][1]
        return rows, levels


def _joined(planes: Sequence[memoryview]) -> bytearray:
    """Return numbers of 32 bits whose lower bytes are given apart."""
    joined = bytearray(4 * len(planes[0]))
    for byte, plane in enumerate(planes):
        joined[byte::4] = plane
    return joined


def level_in(added: "tuple[array[int], bytearray]", row: int) -> int:
    """Return the level of a row in a list of added rows; 0 if it is not in the list."""
    rows, levels = added
    at = bisect_left(rows, row)
    return levels[at] if at < len(rows) and rows[at] == row else 0


def _with_prefix(terms: list[str], prefix: str) -> list[str]:
    first = bisect_left(terms, prefix)
    return terms[first : bisect_left(terms, prefix + _END, first)]
