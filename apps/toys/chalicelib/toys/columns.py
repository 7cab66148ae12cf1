"""What the index knows of each row: the values that toys are filtered, counted and sorted by."""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, compress
from typing import Any

import msgspec

from chalicelib.toys import rows as sets
from chalicelib.toys.postings import Postings

_FEW_ADDED = 1000
"""More rows than this are sorted together instead of inserted one by one."""


class StoredColumn(msgspec.Struct, array_like=True):
    """A column in a snapshot: its values, and for each row the number of its value in 32 bits."""

    values: list[str]
    codes: memoryview
    counts: list[int]


class Column:
    """A value of each row, such as its category.

    Attributes
    ----------
    values
        The distinct values; a code is the number of one of them.
    codes
        The code of each row.
    counts
        How many present rows have each value.
    """

    def __init__(self, name: str, postings: Postings, stored: StoredColumn | None = None) -> None:
        self.values = stored.values if stored else []
        self.codes = array("I", bytes(stored.codes) if stored else b"")
        self.counts = stored.counts if stored else []
        self._name = name
        self._postings = postings
        self._known: dict[str, int] | None = None
        self._bits: dict[int, int] = {}

    def stored(self) -> StoredColumn:
        """Return the column as it is after a compaction."""
        return StoredColumn(self.values, memoryview(self.codes.tobytes()), self.counts)

    def term(self, value: str) -> str:
        """Return the term whose list has the rows with a value."""
        return f"\0{self._name}\0{value}"

    def code_of(self, value: str) -> int | None:
        """Return the code of a value, or ``None`` if no row has it."""
        if self._known is None:
            self._known = {known: code for code, known in enumerate(self.values)}
        return self._known.get(value)

    def append(self, value: str) -> None:
        """Add the value of a new row."""
        code = self.code_of(value)
        if code is None:
            code = len(self.values)
            self.values.append(value)
            self.counts.append(0)
            assert self._known is not None
            self._known[value] = code
        if code in self._bits:
            self._bits[code] |= 1 << len(self.codes)
        self.counts[code] += 1
        self.codes.append(code)

    def remove(self, row: int) -> None:
        """Do not count a row any more."""
        self.counts[self.codes[row]] -= 1

    def rows_of(self, code: int) -> Sequence[int]:
        """Return the rows with a value, with those that were removed."""
        return self._postings.rows_of(self.term(self.values[code]))

    def bits_of(self, code: int) -> int:
        """Return the rows with a value as bits, with those that were removed."""
        bits = self._bits.get(code)
        if bits is None:
            bits = self._bits[code] = sets.bits_of(self.rows_of(code), len(self.codes))
        return bits

    def compact(self, present: bytes) -> None:
        """Drop the rows that are not present, and the values that no row has."""
        codes = array("I", compress(self.codes, present))
        counts = Counter(codes)
        kept = sorted(counts)
        numbers = {code: number for number, code in enumerate(kept)}
        self.codes = array("I", map(numbers.__getitem__, codes))
        self.values = [self.values[code] for code in kept]
        self.counts = [counts[code] for code in kept]
        self._known = None
        self._bits = {}


class Order:
    """All rows in the order of a key; rows that were removed keep their place.

    Parameters
    ----------
    key
        Returns the key of a row, which never changes.
    """

    def __init__(self, key: Callable[[int], Any], stored: memoryview | None = None) -> None:
        self.key = key
        self._rows = array("I", bytes(stored or b""))
        self._added: list[int] = []

    @property
    def rows(self) -> "array[int]":
        """The rows in their order."""
        if len(self._added) > _FEW_ADDED:
            self._rows = array("I", sorted(chain(self._rows, self._added), key=self.key))
        else:
            for row in self._added:
                self._rows.insert(bisect_left(self._rows, self.key(row), key=self.key), row)
        self._added.clear()
        return self._rows

    def insert(self, row: int) -> None:
        """Add a row."""
        self._added.append(row)

    def at(self, key: Any) -> int:
        """Return the number of rows with a lower key."""
        return bisect_left(self.rows, key, key=self.key)

    def after(self, key: Any) -> int:
        """Return the number of rows with this key or a lower one."""
        return bisect_right(self.rows, key, key=self.key)

    def compact(self, present: bytes, numbers: Sequence[int]) -> None:
        """Drop the rows that are not present and number the others anew."""
        rows = self.rows
        kept = compress(rows, map(present.__getitem__, rows))
        self._rows = array("I", map(numbers.__getitem__, kept))


def renumbered(present: bytes) -> "array[int]":
    """Return the new number of each row that is present, in the same order."""
    numbers = array("I", bytes(4 * len(present)))
    for number, row in enumerate(compress(range(len(present)), present)):
        numbers[row] = number
    return numbers
