"""The conditions of a query: which rows have a word or a value.

A condition may also hold for rows that were removed: the index drops these from every result.
"""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Protocol

from chalicelib.toys import rows as sets
from chalicelib.toys.columns import Column, Order
from chalicelib.toys.postings import Postings, Span, level_in
from chalicelib.toys.words import LESS, QueryWord


class Condition(Protocol):
    """A condition of a query.

    Attributes
    ----------
    facet
        The facet whose own filter it is; empty if there is none.
    size
        At least the number of rows that meet it.
    """

    facet: str
    size: int

    def rows(self) -> Sequence[int]:
        """Return the rows that meet it, each once."""

    def has(self, row: int) -> bool:
        """Return whether a row meets it."""

    def bits(self) -> int:
        """Return the rows that meet it as bits."""


class WordMatch:
    """Rows with a term that matches a word, each with the highest level of such a term.

    Parameters
    ----------
    size
        The number of all rows.
    """

    facet = ""

    def __init__(self, postings: Postings, word: QueryWord, size: int) -> None:
        self._postings = postings
        self._all = size
        prefixes: list[str] = []
        for prefix in sorted(word.prefixes):
            if not prefixes or not prefix.startswith(prefixes[-1]):
                prefixes.append(prefix)
        outside = [term for term in word.exact if not term.startswith(tuple(prefixes))]
        self.count = sum(map(postings.count, prefixes)) + sum(map(postings.count_of, outside))
        exact = {postings.span_of(term) for term in word.exact}
        self._exact = sorted(span for span in exact if span.stop > span.first)
        self._prefixed = [
            span for prefix in prefixes for span in _without(postings.span(prefix), self._exact)
        ]
        terms = chain(outside, *map(postings.added_terms, prefixes))
        self._added = [
            (postings.added[term], term in word.exact) for term in terms if term in postings.added
        ]
        starts = postings.starts
        spans = (*self._exact, *self._prefixed)
        self.size = sum(starts[span.stop] - starts[span.first] for span in spans) + sum(
            len(rows) for (rows, _), _ in self._added
        )
        self._lists = sum(span.stop - span.first for span in spans) + len(self._added)
        self._budget = self.size // 4
        self._levels: dict[int, int] | None = None
        self._flags: bytearray | None = None
        self._bits: int | None = None

    def _entries(self) -> Iterator[tuple[Sequence[int], bytes | bytearray]]:
        for span in self._exact:
            yield self._postings.slice(span)
        for span in self._prefixed:
            rows, levels = self._postings.slice(span)
            yield rows, levels.translate(LESS)
        for (rows, added), is_exact in self._added:
            yield rows, added if is_exact else added.translate(LESS)

    def _scanned(self) -> dict[int, int]:
        if self._levels is None:
            self._levels = {}
            for rows, levels in self._entries():
                for row, level in zip(rows, levels, strict=True):
                    if level > self._levels.get(row, 0):
                        self._levels[row] = level
        return self._levels

    def rows(self) -> Sequence[int]:
        """Return the rows that have the word."""
        return list(self._scanned())

    def has(self, row: int) -> bool:
        """Return whether a row has the word."""
        return self.level(row) > 0

    def level(self, row: int) -> int:
        """Return the highest level of the word in a row; 0 if the row does not have it."""
        if self._flags is not None:
            return self._flags[row]
        if self._levels is None and self._budget > 0:
            # look into each list, unless that takes longer than to read all of them once
            self._budget -= self._lists
            postings = self._postings
            best = max((postings.level(span, row) for span in self._exact), default=0)
            for span in self._prefixed:
                best = max(best, LESS[postings.level(span, row)])
            for added, is_exact in self._added:
                level = level_in(added, row)
                best = max(best, level if is_exact else LESS[level])
            return best
        return self._scanned().get(row, 0)

    def levels(self) -> bytearray:
        """Return the level of every row."""
        if self._flags is None:
            best = self._flags = bytearray(self._all)
            for rows, levels in self._entries():
                for row, level in zip(rows, levels, strict=True):
                    if level > best[row]:
                        best[row] = level
        return self._flags

    def bits(self) -> int:
        """Return the rows that have the word as bits."""
        if self._bits is None:
            self._bits = sets.bits_of_flags(self.levels())
        return self._bits


def _without(span: Span, excluded: Sequence[Span]) -> Iterator[Span]:
    """Yield the parts of a span that remain without single terms."""
    first = span.first
    for term in excluded:
        if first <= term.first < span.stop:
            if first < term.first:
                yield Span(first, term.first)
            first = term.stop
    if first < span.stop:
        yield Span(first, span.stop)


class ValueFilter:
    """Rows with one of some values in a column."""

    def __init__(self, facet: str, column: Column, codes: Sequence[int]) -> None:
        self.facet = facet
        self.size = sum(column.counts[code] for code in codes)
        self._column = column
        self._codes = frozenset(codes)

    def rows(self) -> Sequence[int]:
        """Return the rows with one of the values."""
        return list(chain.from_iterable(map(self._column.rows_of, self._codes)))

    def has(self, row: int) -> bool:
        """Return whether a row has one of the values."""
        return self._column.codes[row] in self._codes

    def bits(self) -> int:
        """Return the rows with one of the values as bits."""
        bits = 0
        for code in self._codes:
            bits |= self._column.bits_of(code)
        return bits


class PriceFilter:
    """Rows with a price from ``least`` to ``most``, both included; ``None`` is no limit."""

    facet = "price"

    def __init__(
        self, order: Order, amounts: "array[int]", least: int | None, most: int | None
    ) -> None:
        self._amounts = amounts
        self._least, self._most = least or 0, math.inf if most is None else most
        start = order.at((self._least, ""))
        stop = len(order.rows) if most is None else order.at((most + 1, ""))
        self._order = order
        self._range = slice(start, max(start, stop))
        self.size = self._range.stop - start
        self._bits: int | None = None

    def rows(self) -> Sequence[int]:
        """Return the rows in the range."""
        return self._order.rows[self._range]

    def has(self, row: int) -> bool:
        """Return whether a row is in the range."""
        return self._least <= self._amounts[row] <= self._most

    def bits(self) -> int:
        """Return the rows in the range as bits."""
        if self._bits is None:
            size = len(self._amounts)
            if self.size > size // 2:
                rows = self._order.rows
                others = rows[: self._range.start] + rows[self._range.stop :]
                self._bits = (1 << size) - 1 ^ sets.bits_of(others, size)
            else:
                self._bits = sets.bits_of(self.rows(), size)
        return self._bits


class AttributeFilter:
    """Rows with a term that stands for the value of an attribute."""

    facet = ""

    def __init__(self, postings: Postings, term: str, size: int) -> None:
        self.size = postings.count_of(term)
        self._rows = postings.rows_of(term)
        self._all = size
        self._bits: int | None = None

    def rows(self) -> Sequence[int]:
        """Return the rows with the value."""
        return self._rows

    def has(self, row: int) -> bool:
        """Return whether a row has the value."""
        at = bisect_left(self._rows, row)
        return at < len(self._rows) and self._rows[at] == row

    def bits(self) -> int:
        """Return the rows with the value as bits."""
        if self._bits is None:
            self._bits = sets.bits_of(self._rows, self._all)
        return self._bits
