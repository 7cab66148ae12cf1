"""The search index: which toys match a query, in what order, and how many there are.

Everything is kept in memory, by *row*: a toy has a row, and a new one after each change. The time
of a query depends on the toys that match. If one of its conditions holds for few rows, these are
tested one by one. Otherwise all rows are computed at once: a number with a bit for each row is the
set of rows that meet a condition, and a few operations on such numbers find and count toys.
"""

import heapq
import math
import zlib
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import compress, islice
from typing import Any, Literal, NamedTuple

import msgspec

from chalicelib.toys import rows as sets
from chalicelib.toys.columns import Column, Order, StoredColumn, renumbered
from chalicelib.toys.documents import Document, Documents, StoredDocuments
from chalicelib.toys.matching import (
    AttributeFilter,
    Condition,
    PriceFilter,
    ValueFilter,
    WordMatch,
)
from chalicelib.toys.postings import Postings, StoredPostings
from chalicelib.toys.words import (
    MAX_LEVEL,
    QueryWord,
    alternatives,
    fold,
    misspellings,
    query_word,
    query_words,
    term_levels,
)
from contracts.toys import ListedToy, Toy, ToyQuery

Position = tuple[Any, str]
"""The sort key of a toy: the value that it is sorted by, then its id. It can be encoded as JSON."""

Facet = Literal["category", "brand", "age", "price"]
"""What the toys of a result can be counted by."""

FORMAT = 2
"""Of the snapshots; also changed when a text gives other terms than before."""
_MAGIC = b"toys-index-"

PART = 2500
"""Maximum number of toys in a part of the catalogue.

Lambda's responses are limited to 6 MB, and a name can take 1.5 kB: 120 emoji with two escapes each.
"""
_MAX_CATEGORIES = 5000
"""Maximum number of categories in a list, for the same reason."""
_MAX_SORT_NAME = 120
_PRICE_EDGES = [0] + [step * 10**power for power in range(2, 7) for step in (1, 2, 5)]
_PRICE_RANGES = [
    f"{low}-{high}"
    for low, high in zip(_PRICE_EDGES, [*(edge - 1 for edge in _PRICE_EDGES[1:]), ""], strict=True)
]
_SATURATION = [0] + [
    round(255 * frequency / (frequency + 1.2))
    for frequency in (2 ** ((level - 5) / 2) for level in range(1, MAX_LEVEL + 1))
]
"""What BM25 makes of the frequency of each level: its part of the weight of a word."""
_MAX_SCORE = 65_535
"""Scores are computed in 16 bits."""
FEW = 1000
"""Rows up to this number are tested one by one."""
_MANY_VALUES = 250
"""Up to this number of values are counted with one operation each."""
_SAMPLE = 5000
_SUGGESTED = 50
_LAST = "\U0010ffff"
_MIN_TYPO = 4
"""Shorter words are taken as they are."""
_MAX_CORRECTED = 8
"""Longer queries are taken as they are."""


class UnknownFormatError(Exception):
    """A snapshot has a format that this release does not know."""


class Change(NamedTuple):
    """A change of the catalogue.

    Attributes
    ----------
    sequence
        Its number; each change has a higher one than those before it.
    document
        The toy after the change; ``None`` if it was deleted.
    """

    sequence: int
    toy_id: str
    document: Document | None


class Page(NamedTuple):
    """A page of results.

    Attributes
    ----------
    ids
        The ids of its toys, in order.
    last
        The position of its last toy; ``None`` on the last page.
    total
        The number of toys that match the query, on all pages.
    facets
        For each facet, how many toys have each of its values, most first, counted as if the
        facet's own filter were absent. An age is a toy's ``min_age``; a price is a range such as
        ``1000-1999`` in minor units, both included, or ``5000000-`` without a maximum.
    """

    ids: list[str]
    last: Position | None
    total: int
    facets: dict[str, dict[str, int]]


def document_of(toy: Toy) -> Document:
    """Return what the index knows of a toy."""
    return Document(
        name=toy.name,
        description=toy.description,
        category=toy.category,
        brand=toy.brand,
        amount=toy.price.amount,
        min_age=toy.min_age,
        attributes=toy.attributes,
        updated_on=toy.updated_at.toordinal(),
    )


class _Snapshot(msgspec.Struct, array_like=True):
    sequence: int
    present: memoryview
    ids: list[str]
    names: list[str]
    amounts: memoryview
    days: memoryview
    columns: list[StoredColumn]
    orders: list[memoryview]
    postings: StoredPostings
    documents: StoredDocuments


class SearchIndex:
    """Searches a catalogue in memory.

    Attributes
    ----------
    sequence
        The number of the last change that was applied.
    """

    def __init__(self, stored: _Snapshot | None = None) -> None:
        self.sequence = stored.sequence if stored else 0
        self._ids = stored.ids if stored else []
        self._names = stored.names if stored else []
        self._amounts = array("q", bytes(stored.amounts) if stored else b"")
        self._days = array("I", bytes(stored.days) if stored else b"")
        self._postings = Postings(stored.postings if stored else None)
        self._documents = Documents(stored.documents if stored else None)
        self._columns = {
            name: Column(name, self._postings, column)
            for name, column in zip(
                ("category", "brand", "age", "price"),
                stored.columns if stored else [None] * 4,
                strict=True,
            )
        }
        by_id, by_price, by_name = stored.orders if stored else (None, None, None)
        self._by_id = Order(self._ids.__getitem__, by_id)
        self._by_price = Order(lambda row: (self._amounts[row], self._ids[row]), by_price)
        self._by_name = Order(lambda row: (self._sort_name(row), self._ids[row]), by_name)
        self._orders = (self._by_id, self._by_price, self._by_name)
        self._present = bytearray(stored.present if stored else b"")
        self._present_bits = sets.bits_of_flags(self._present)
        self._rows: dict[str, int] | None = None

    @classmethod
    def empty(cls) -> "SearchIndex":
        """Return an index without toys."""
        return cls()

    @classmethod
    def load(cls, snapshot: bytes) -> "SearchIndex":
        """Return the index that ``dump`` has written.

        Raises
        ------
        UnknownFormatError
            If another release wrote it in another format, or it is damaged.
        """
        magic, _, content = snapshot.partition(b"\n")
        if magic != _MAGIC + str(FORMAT).encode():
            raise UnknownFormatError(f"{magic[:40]!r}; this release reads format {FORMAT}")
        try:
            return cls(msgspec.msgpack.decode(zlib.decompress(content), type=_Snapshot))
        except (msgspec.DecodeError, zlib.error, ValueError) as error:
            raise UnknownFormatError(str(error)) from None

    def dump(self) -> bytes:
        """Return a snapshot of the index."""
        self._compact()
        snapshot = _Snapshot(
            self.sequence,
            memoryview(self._present),
            self._ids,
            self._names,
            memoryview(self._amounts.tobytes()),
            memoryview(self._days.tobytes()),
            [column.stored() for column in self._columns.values()],
            [memoryview(order.rows.tobytes()) for order in self._orders],
            self._postings.stored(),
            self._documents.stored(),
        )
        content = zlib.compress(msgspec.msgpack.encode(snapshot), 1)
        return _MAGIC + str(FORMAT).encode() + b"\n" + content

    def __len__(self) -> int:
        return self._present_bits.bit_count()

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply changes in the order of their numbers.

        A change that was applied before is ignored.
        """
        for change in changes:
            if change.sequence <= self.sequence:
                continue
            self._remove(change.toy_id)
            if change.document is not None:
                self._add(change.toy_id, change.document)
            self.sequence = change.sequence
            if self._documents.added > max(5000, len(self._ids) // 2):
                self._compact()

    def _row_of(self, toy_id: str) -> int | None:
        if self._rows is None:
            self._rows = {known: row for row, known in enumerate(self._ids) if self._present[row]}
        return self._rows.get(toy_id)

    def _remove(self, toy_id: str) -> None:
        row = self._row_of(toy_id)
        if row is None:
            return
        assert self._rows is not None
        del self._rows[toy_id]
        self._present[row] = 0
        self._present_bits ^= 1 << row
        for column in self._columns.values():
            column.remove(row)
        terms = self._levels_of(self._documents.get(row))
        self._postings.remove(row, terms, not self._documents.is_added(row))

    def _add(self, toy_id: str, document: Document) -> None:
        assert self._rows is not None
        row = self._rows[toy_id] = len(self._ids)
        self._ids.append(toy_id)
        self._names.append(document.name)
        self._amounts.append(document.amount)
        self._days.append(document.updated_on)
        self._documents.append(document)
        for name, column in self._columns.items():
            column.append(_facet_value(document, name))
        self._postings.add(row, self._levels_of(document))
        for order in self._orders:
            order.insert(row)
        self._present.append(1)
        self._present_bits |= 1 << row

    def _levels_of(self, document: Document) -> dict[str, int]:
        """Return all terms of a document: its words, and the values that can be filtered by."""
        levels = term_levels(
            document.name,
            document.brand,
            document.category,
            document.attributes.values(),
            document.description,
        )
        for name, column in self._columns.items():
            levels[column.term(_facet_value(document, name))] = 1
        for name, value in document.attributes.items():
            levels[_attribute_term(name, value)] = 1
        return levels

    def _compact(self) -> None:
        """Store what was added, and number the rows anew if many were removed."""
        if self._present.count(0) <= len(self._ids) // 8:
            self._postings.compact(self._present)
            self._documents.compact()
            return
        present = bytes(self._present)
        numbers = renumbered(present)
        self._postings.compact(present, numbers)
        self._documents.compact(present)
        for column in self._columns.values():
            column.compact(present)
        for order in self._orders:
            order.compact(present, numbers)
        self._ids[:] = compress(self._ids, present)
        self._names[:] = compress(self._names, present)
        self._amounts[:] = array("q", compress(self._amounts, present))
        self._days[:] = array("I", compress(self._days, present))
        self._present = bytearray(b"\1" * len(self._ids))
        self._present_bits = (1 << len(self._ids)) - 1
        self._rows = None

    def _sort_name(self, row: int) -> str:
        return fold(self._names[row])[:_MAX_SORT_NAME]

    def search(
        self, query: ToyQuery, after: Position | None = None, facets: Collection[Facet] = ()
    ) -> Page:
        """Return a page of the toys that match a query.

        Parameters
        ----------
        query
            Filters, sort order and page size. Its cursor is ignored: ``after`` replaces it.
        after
            Position of the previous page's last toy, which may have been changed or deleted;
            ``None`` for the first page.
        facets
            The facets to count.
        """
        words = query_words(query.q)
        if query.q.strip() and not words:
            return Page([], None, 0, {facet: {} for facet in facets})
        filters = self._filters(query)
        by_relevance = query.sort == "relevance"
        if by_relevance and after and not isinstance(after[0], list):
            after = None  # of a release that ranked differently
        basis = _Basis.of(after) if by_relevance else None
        stage, matches, result = self._find(words, filters, basis.stage if basis else None)
        counts: dict[str, dict[str, int]] = {}
        for facet in facets:
            others = [condition for condition in filters if condition.facet != facet]
            found = result if len(others) == len(filters) else self._result([*matches, *others])
            counts[facet] = self._counts(self._columns[facet], found)
        keys: list[Position]
        if by_relevance:
            if not basis or len(basis.weights) != len(matches):
                basis = _Basis(stage, self._weights(matches))
            scored = self._by_relevance(result, matches, basis.weights, after, query.limit + 1)
            keys = [([score, basis.stage, *basis.weights], toy_id) for score, toy_id in scored]
        else:
            keys = self._sorted(result, query, after)
        page = keys[: query.limit]
        return Page(
            ids=[toy_id for _, toy_id in page],
            last=page[-1] if len(keys) > len(page) else None,
            total=len(result),
            facets=counts,
        )

    def suggest(self, text: str, limit: int) -> list[str]:
        """Return brands and names of toys that continue a text, best first.

        Those that start with the text come before those in which only words do.

        Parameters
        ----------
        limit
            The largest number of suggestions.
        """
        parts = query_words(text)
        if not parts:
            return []
        words = alternatives(parts)
        start = fold(text).strip()
        brands = self._columns["brand"]
        ranked = sorted(
            (not fold(brand).startswith(start), -count, brand)
            for brand, count in zip(brands.values, brands.counts, strict=True)
            if count and _has_words(brand, words)
        )
        suggestions = {fold(brand): brand for is_other, _, brand in ranked if not is_other}
        for name in islice(self._names_from(start), limit):
            suggestions.setdefault(fold(name), name)
        for is_other, _, brand in ranked:
            if is_other:
                suggestions.setdefault(fold(brand), brand)
        if len(suggestions) < limit:
            stage, matches, result = self._find(parts, [], None)
            words = _variant(parts, stage)
            best = self._by_relevance(result, matches, self._weights(matches), None, _SUGGESTED)
            for row in (self._row_of(toy_id) for _, toy_id in best):
                if row is not None and _has_words(self._names[row], words):
                    suggestions.setdefault(fold(self._names[row]), self._names[row])
        return list(suggestions.values())[:limit]

    @property
    def categories(self) -> list[str]:
        """The categories of its toys in alphabetical order, up to 5,000."""
        column = self._columns["category"]
        return sorted(compress(column.values, column.counts))[:_MAX_CATEGORIES]

    def part_days(self) -> list[date]:
        """Return the day of the last change in each part of the catalogue; see ``part``."""
        days = [self._days[row] for row in self._listed_rows()]
        return [
            date.fromordinal(max(days[start : start + PART])) for start in range(0, len(days), PART)
        ]

    def part(self, number: int) -> list[ListedToy]:
        """Return the toys of a part of the catalogue, oldest first; none after the last part.

        Parameters
        ----------
        number
            The number of the part, from 1.
        """
        return [
            ListedToy(
                id=self._ids[row],
                name=self._names[row],
                updated_on=date.fromordinal(self._days[row]),
            )
            for row in islice(self._listed_rows(), (number - 1) * PART, number * PART)
        ]

    def _listed_rows(self) -> Iterator[int]:
        rows = self._by_id.rows
        return compress(rows, map(self._present.__getitem__, rows))

    def _names_from(self, start: str) -> Iterator[str]:
        """Yield the distinct names that start with a folded text, in alphabetical order."""
        at = self._by_name.at((start, ""))
        while at < len(self._by_name.rows):
            row = self._by_name.rows[at]
            name = self._sort_name(row)
            if not name.startswith(start):
                return
            if self._present[row]:
                yield self._names[row]
                at = self._by_name.at((name, _LAST))
            else:
                at += 1

    def _filters(self, query: ToyQuery) -> list[Condition]:
        filters: list[Condition] = []
        for facet, value in (("category", query.category), ("brand", query.brand)):
            if value is not None:
                column = self._columns[facet]
                code = column.code_of(value)
                filters.append(ValueFilter(facet, column, [] if code is None else [code]))
        if query.age is not None:
            column = self._columns["age"]
            codes = [code for code, age in enumerate(column.values) if int(age) <= query.age]
            filters.append(ValueFilter("age", column, codes))
        if query.price_min is not None or query.price_max is not None:
            filters.append(
                PriceFilter(self._by_price, self._amounts, query.price_min, query.price_max)
            )
        for name, value in query.attributes.items():
            term = _attribute_term(name, value)
            filters.append(AttributeFilter(self._postings, term, len(self._ids)))
        return filters

    def _find(
        self, words: Sequence[str], filters: Sequence[Condition], stage: int | None
    ) -> tuple[int, list[WordMatch], "_Few | _Many"]:
        """Return which word was corrected, what matches each word, and the rows that match all.

        Parameters
        ----------
        stage
            The word to correct; by default, one is corrected only if nothing is found.
        """
        seen: dict[QueryWord, WordMatch] = {}
        matches = self._matches(_variant(words, stage or 0), seen)
        result = self._result([*matches, *filters])
        if words and not result and stage is None and not self._result(matches):
            stage = self._correction(words, seen)
            matches = self._matches(_variant(words, stage), seen)
            result = self._result([*matches, *filters])
        return stage or 0, matches, result

    def _matches(
        self, words: Iterable[QueryWord], seen: dict[QueryWord, WordMatch]
    ) -> list[WordMatch]:
        """Return what matches each word.

        Parameters
        ----------
        seen
            What matched the words before; the new ones are added.
        """
        matches = []
        for word in words:
            if word not in seen:
                seen[word] = WordMatch(self._postings, word, len(self._ids))
            matches.append(seen[word])
        return matches

    def _correction(self, words: Sequence[str], seen: dict[QueryWord, WordMatch]) -> int:
        """Return the first correction of a word that finds something; 0 if none does."""
        for stage in _stages(words):
            matches = self._matches(_variant(words, stage), seen)
            if all(match.count for match in matches) and self._result(matches):
                return stage
        return 0

    def _result(self, conditions: Sequence[Condition]) -> "_Few | _Many":
        """Return the rows that meet all conditions."""
        conditions = sorted(conditions, key=lambda condition: condition.size)
        if (conditions[0].size if conditions else len(self._ids)) <= FEW:
            rows = conditions[0].rows() if conditions else range(len(self._ids))
            others = conditions[1:]
            present = self._present
            return _Few(
                row
                for row in rows
                if present[row] and all(condition.has(row) for condition in others)
            )
        bits = self._present_bits
        for condition in conditions:
            if bits:
                bits &= condition.bits()
        return _Many(bits, len(self._ids))

    def _counts(self, column: Column, result: "_Few | _Many") -> dict[str, int]:
        """Return how many rows of a result have each value of a column, most first."""
        values = range(len(column.values))
        if isinstance(result, _Many) and len(values) <= _MANY_VALUES:
            counts = {code: (result.bits & column.bits_of(code)).bit_count() for code in values}
        else:
            counts = Counter(map(column.codes.__getitem__, result))
        found = sorted((-count, column.values[code]) for code, count in counts.items() if count)
        return {value: -count for count, value in found}

    def _weights(self, matches: Sequence[WordMatch]) -> list[int]:
        """Return the weight of each word: its inverse document frequency, as an integer."""
        toys = len(self)
        rarities = []
        for match in matches:
            count = min(match.count, toys)
            rarities.append(math.log(1 + (toys - count + 0.5) / (count + 0.5)))
        # only their ratios matter, so the highest one is as high as scores of 16 bits allow
        most = _MAX_SCORE // (255 * max(1, len(matches)))
        return [max(1, round(rarity / max(rarities) * most)) for rarity in rarities]

    def _by_relevance(
        self,
        result: "_Few | _Many",
        matches: Sequence[WordMatch],
        weights: Sequence[int],
        after: Position | None,
        limit: int,
    ) -> list[tuple[int, str]]:
        """Return the best rows after a position: their scores and ids."""
        if not matches:
            walked = self._walk(result, self._by_id, after[1] if after else None, True, limit)
            return [(0, self._ids[row]) for row in walked]
        position = (after[0][0], after[1]) if after else (_MAX_SCORE + 1, "")
        if isinstance(result, _Few):
            keys = (
                (
                    sum(
                        weight * _SATURATION[match.level(row)]
                        for weight, match in zip(weights, matches, strict=True)
                    ),
                    self._ids[row],
                )
                for row in result
            )
            return heapq.nlargest(limit, filter(position.__gt__, keys))
        scores = self._scores(matches, weights)

        def best(result: _Many, rows: int) -> list[tuple[int, str]]:
            pairs = zip(memoryview(scores).cast("H"), self._ids, strict=True)
            keys = filter(position.__gt__, islice(compress(pairs, result.flags()), rows))
            return heapq.nlargest(limit, keys)

        # rows whose score has a lower first byte than the best of a sample need no comparison
        sample = best(result, _SAMPLE)
        if len(sample) == limit:
            least = sample[-1][0] >> 8
            high = scores[1::2].translate(bytes(byte >= least for byte in range(256)))
            result = _Many(result.bits & sets.bits_of_flags(high), len(self._ids))
        return best(result, len(self._ids))

    def _scores(self, matches: Sequence[WordMatch], weights: Sequence[int]) -> bytes:
        """Return the score of every row in 16 bits.

        All scores are in one number, so that the scores of the words are added at once.
        """
        total = 0
        size = len(self._ids)
        for match, weight in zip(matches, weights, strict=True):
            scores = [weight * part for part in _SATURATION]
            lanes = bytearray(2 * size)
            for byte in range(2):
                table = bytes(score >> 8 * byte & 255 for score in scores).ljust(256, b"\0")
                lanes[byte::2] = match.levels().translate(table)
            total += int.from_bytes(lanes, "little")
        return total.to_bytes(2 * size, "little")

    def _sorted(
        self, result: "_Few | _Many", query: ToyQuery, after: Position | None
    ) -> list[Position]:
        """Return the rows after a position in another order than by relevance."""
        if query.sort == "newest":
            order, descending = self._by_id, True  # ULIDs sort by time
        elif query.sort == "name":
            order, descending = self._by_name, False
        else:
            order, descending = self._by_price, query.sort == "-price"
        key = None
        if after is not None:
            key = after[1] if query.sort == "newest" else (after[0], after[1])
        walked = self._walk(result, order, key, descending, query.limit + 1)
        if query.sort == "newest":
            return [(0, self._ids[row]) for row in walked]
        return [order.key(row) for row in walked]

    def _walk(
        self, result: "_Few | _Many", order: Order, after: Any, descending: bool, limit: int
    ) -> list[int]:
        """Return the first rows of a result in an order, after a key."""
        if isinstance(result, _Few):
            rows: Iterable[int] = result
            if after is not None:
                rows = (
                    row
                    for row in rows
                    if (order.key(row) < after if descending else order.key(row) > after)
                )
            if descending:
                return heapq.nlargest(limit, rows, key=order.key)
            return heapq.nsmallest(limit, rows, key=order.key)
        if descending:
            stop = len(order.rows) if after is None else order.at(after)
            ordered = memoryview(order.rows)[:stop][::-1]
        else:
            ordered = memoryview(order.rows)[0 if after is None else order.after(after) :]
        return list(islice(compress(ordered, map(result.flags().__getitem__, ordered)), limit))


class _Few(list[int]):
    """The rows of a result, each once."""


class _Many:
    """The rows of a result as bits."""

    def __init__(self, bits: int, size: int) -> None:
        self.bits = bits
        self._size = size

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __iter__(self) -> Iterator[int]:
        return sets.rows_of(self.bits, self._size)

    def flags(self) -> bytes:
        """Return a byte for each row, 1 or 0."""
        return sets.flags_of(self.bits, self._size)


class _Basis(NamedTuple):
    """What the scores of a result depend on, so that the next page is scored like this one.

    Attributes
    ----------
    stage
        Which word was corrected; see ``_stages``.
    weights
        The weight of each word.
    """

    stage: int
    weights: list[int]

    @classmethod
    def of(cls, position: Position | None) -> "_Basis | None":
        """Return the basis of a position."""
        if position is None:
            return None
        _, stage, *weights = position[0]
        return cls(stage, weights)


def _stages(words: Sequence[str]) -> Iterator[int]:
    """Yield the corrections of a query: first each way to split a word, then one typo in a word."""
    if len(words) > _MAX_CORRECTED:
        return
    for number, word in enumerate(words):
        for at in range(2, len(word) - 1):
            yield -(number * 1000 + at)
    for number, word in enumerate(words):
        if len(word) >= _MIN_TYPO and word.isascii() and not word.isdigit():
            yield number + 1


def _variant(words: Sequence[str], stage: int) -> list[QueryWord]:
    """Return the words of a query with a correction."""
    if stage == 0:
        return alternatives(words)
    if stage < 0:
        number, at = divmod(-stage, 1000)
        split = query_word(words[number][at:]), QueryWord((), query_word(words[number][:at]).exact)
        return [*alternatives(words[:number]), *split, *alternatives(words[number + 1 :])]
    number = stage - 1
    similar = query_word(*sorted(misspellings(words[number])))
    corrected = similar if len(words[number]) > _MIN_TYPO else QueryWord((), similar.exact)
    return [*alternatives(words[:number]), corrected, *alternatives(words[number + 1 :])]


def _has_words(text: str, words: Iterable[QueryWord]) -> bool:
    """Return whether a name has each of the words."""
    terms = _terms_of(text)
    return all(
        any(term in word.exact or term.startswith(word.prefixes) for term in terms)
        for word in words
    )


@lru_cache(10_000)
def _terms_of(name: str) -> tuple[str, ...]:
    return tuple(term_levels(name, "", "", (), ""))


def _attribute_term(name: str, value: str) -> str:
    return f"\0attribute\0{name}\0{value}"


def _facet_value(document: Document, facet: str) -> str:
    if facet == "category":
        return document.category
    if facet == "brand":
        return document.brand
    if facet == "age":
        return str(document.min_age)
    return _PRICE_RANGES[bisect_right(_PRICE_EDGES, document.amount) - 1]
