"""The search index: which toys match a query, in what order, and how many there are."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from chalicelib.toys.words import MAX_LEVEL, QueryWord, fold, query_words, term_levels
from contracts.toys import Toy, ToyQuery

Position = tuple[Any, str]
"""The sort key of a toy: the value that it is sorted by, then its id. It can be encoded as JSON."""

Facet = Literal["category", "brand", "age", "price"]
"""What the toys of a result can be counted by."""

FORMAT = 1
_MAX_SORT_NAME = 120
_PRICE_EDGES = [0] + [step * 10**power for power in range(2, 7) for step in (1, 2, 5)]
_TYPO_LENGTH = 4
_WEIGHTS = [0] + [
    round(255 * frequency / (frequency + 1.2))
    for frequency in (2 ** ((level - 5) / 2) for level in range(1, MAX_LEVEL + 1))
]
"""BM25's saturation: what each level of a term contributes to a toy's relevance."""


class UnknownFormatError(Exception):
    """A snapshot has a format that this release does not know."""


class Document(msgspec.Struct, array_like=True, frozen=True):
    """What the index knows of a toy; ``amount`` is its price in minor units."""

    name: str
    description: str
    category: str
    brand: str
    amount: int
    min_age: int
    attributes: dict[str, str]


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
    )


class _Snapshot(msgspec.Struct, array_like=True):
    format: int
    sequence: int
    documents: dict[str, Document]


class _Entry(NamedTuple):
    document: Document
    levels: dict[str, int]
    sort_name: str


class SearchIndex:
    """Searches a catalogue in memory.

    Attributes
    ----------
    sequence
        The number of the last change that was applied.
    """

    def __init__(self, sequence: int, documents: dict[str, Document]) -> None:
        self.sequence = sequence
        self._entries = {toy_id: _entry(document) for toy_id, document in documents.items()}

    @classmethod
    def empty(cls) -> "SearchIndex":
        """Return an index without toys."""
        return cls(0, {})

    @classmethod
    def load(cls, snapshot: bytes) -> "SearchIndex":
        """Return the index that ``dump`` has written.

        Raises
        ------
        UnknownFormatError
            If another release wrote it in another format, or it is damaged.
        """
        try:
            loaded = msgspec.msgpack.decode(snapshot, type=_Snapshot)
        except msgspec.DecodeError as error:
            raise UnknownFormatError(str(error)) from None
        if loaded.format != FORMAT:
            raise UnknownFormatError(f"Format {loaded.format}; this release reads {FORMAT}")
        return cls(loaded.sequence, loaded.documents)

    def dump(self) -> bytes:
        """Return a snapshot of the index."""
        documents = {toy_id: entry.document for toy_id, entry in self._entries.items()}
        return msgspec.msgpack.encode(_Snapshot(FORMAT, self.sequence, documents))

    def apply(self, changes: Iterable[Change]) -> None:
        """Apply changes in the order of their numbers.

        A change that was applied before is ignored.
        """
        for change in changes:
            if change.sequence <= self.sequence:
                continue
            if change.document is None:
                self._entries.pop(change.toy_id, None)
            else:
                self._entries[change.toy_id] = _entry(change.document)
            self.sequence = change.sequence

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
        relevant = self._relevant(words, after[0] if after and query.sort == "relevance" else None)
        found = []
        counters: dict[str, Counter[str]] = {facet: Counter() for facet in facets}
        sort_key, descending = _SORT_ORDERS[query.sort]
        for toy_id, score in relevant.scores.items():
            entry = self._entries[toy_id]
            failed = _failed_filters(entry.document, query)
            if not failed:
                value = sort_key(entry)
                if query.sort == "relevance":
                    value = [score, *relevant.basis]
                found.append((value, toy_id))
            for facet, counter in counters.items():
                if failed <= {facet}:
                    counter[_facet_value(entry.document, facet)] += 1
        total = len(found)
        found.sort(reverse=descending)
        if after is not None:
            position = (after[0], after[1])
            found = [key for key in found if (key < position if descending else key > position)]
        page = found[: query.limit]
        return Page(
            ids=[toy_id for _, toy_id in page],
            last=page[-1] if len(found) > len(page) else None,
            total=total,
            facets={
                facet: dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
                for facet, counter in counters.items()
            },
        )

    def suggest(self, text: str, limit: int) -> list[str]:
        """Return brands and names of toys that continue a text, best first.

        Parameters
        ----------
        limit
            The largest number of suggestions.
        """
        words = query_words(text)
        if not words:
            return []
        ranks: dict[str, tuple[tuple[bool, bool, int, str], str]] = {}
        start = " ".join(word.text for word in words)
        counts = Counter(entry.document.brand for entry in self._entries.values())
        names = Counter(entry.document.name for entry in self._entries.values())
        for found, is_name in ((counts, False), (names, True)):
            for candidate, count in found.items():
                levels = term_levels(candidate, "", "", (), "")
                if all(_level(word, levels) for word in words):
                    folded = fold(candidate)
                    rank = (not folded.startswith(start), is_name, -count, folded)
                    ranks[folded] = min(ranks.get(folded, (rank, candidate)), (rank, candidate))
        return [candidate for _, candidate in sorted(ranks.values())[:limit]]

    def _relevant(self, words: Sequence[QueryWord], basis: Sequence[int] | None) -> "_Relevant":
        """Return the toys that match the words, with one wrong character only if none does.

        Parameters
        ----------
        basis
            That of the previous page's scores.
        """
        matches = [self._matching(word) for word in words]
        scores = self._scores(matches)
        corrected = 0
        if words and not scores:
            corrected = 1
            scores, matches = self._corrected(words, matches)
        if basis is not None:
            weights = list(basis[2:])
        else:
            weights = [_idf(len(self._entries), len(match)) for match in matches]
        return _Relevant(
            {
                toy_id: sum(
                    weight * _WEIGHTS[level] for weight, level in zip(weights, levels, strict=False)
                )
                for toy_id, levels in scores.items()
            },
            [corrected, *weights],
        )

    def _matching(self, word: QueryWord) -> dict[str, int]:
        found = {}
        for toy_id, entry in self._entries.items():
            level = _level(word, entry.levels)
            if level:
                found[toy_id] = level
        return found

    def _scores(self, matches: Sequence[dict[str, int]]) -> dict[str, list[int]]:
        return {
            toy_id: [match[toy_id] for match in matches]
            for toy_id in self._entries
            if all(toy_id in match for match in matches)
        }

    def _corrected(
        self, words: Sequence[QueryWord], matches: Sequence[dict[str, int]]
    ) -> tuple[dict[str, list[int]], list[dict[str, int]]]:
        """Return the toys that match with one word misspelled."""
        best: dict[str, list[int]] = {}
        merged = [dict(match) for match in matches]
        for wrong, word in enumerate(words):
            if len(word.text) < _TYPO_LENGTH or not word.text.isascii():
                continue
            similar: dict[str, int] = {}
            for toy_id, entry in self._entries.items():
                level = max(
                    (
                        max(level - 2, 1)
                        for term, level in entry.levels.items()
                        if _is_similar(word.text, term)
                    ),
                    default=0,
                )
                if level:
                    similar[toy_id] = level
            for toy_id, levels in self._scores(
                [similar if n == wrong else match for n, match in enumerate(matches)]
            ).items():
                best[toy_id] = max(best.get(toy_id, levels), levels)
            merged[wrong] = {**similar, **merged[wrong]}
        return best, merged


class _Relevant(NamedTuple):
    scores: dict[str, int]
    basis: list[int]


def _entry(document: Document) -> _Entry:
    levels = term_levels(
        document.name,
        document.brand,
        document.category,
        document.attributes.values(),
        document.description,
    )
    return _Entry(document, levels, fold(document.name)[:_MAX_SORT_NAME])


def _level(word: QueryWord, levels: dict[str, int]) -> int:
    """Return the level at which a toy matches a word; 0 if it does not."""
    exact, best = word.exact, 0
    for term, level in levels.items():
        if term in exact:
            best = max(best, level)
        elif term.startswith(word.forms):
            best = max(best, level - 2, 1)
    return best


def _idf(toys: int, matches: int) -> int:
    """Return BM25's inverse document frequency, scaled to an integer of at least 1."""
    return max(1, round(8 * math.log(1 + (toys - matches + 0.5) / (matches + 0.5))))


def _is_similar(word: str, term: str) -> bool:
    """Return whether a term starts with a word in which one character is wrong.

    One character is missing, added or another one, or two neighboring ones are swapped.
    """
    for end in range(len(word) - 1, len(word) + 2):
        start = term[:end]
        if len(start) == end and _distance_is_one(word, start):
            return True
    return False


def _distance_is_one(one: str, other: str) -> bool:
    if len(one) > len(other):
        one, other = other, one
    first = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[first:] == other[first + 1 :]
    return one[first + 1 :] == other[first + 1 :] or (
        one[first : first + 2] == other[first : first + 2][::-1]
        and one[first + 2 :] == other[first + 2 :]
    )


_SORT_ORDERS: dict[str, tuple[Callable[[_Entry], Any], bool]] = {
    "relevance": (lambda _: None, True),
    "newest": (lambda _: 0, True),  # ULIDs sort by time
    "price": (lambda entry: entry.document.amount, False),
    "-price": (lambda entry: entry.document.amount, True),
    "name": (lambda entry: entry.sort_name, False),
}


def _failed_filters(document: Document, query: ToyQuery) -> set[str]:
    failed = set()
    if query.category is not None and document.category != query.category:
        failed.add("category")
    if query.brand is not None and document.brand != query.brand:
        failed.add("brand")
    if query.age is not None and document.min_age > query.age:
        failed.add("age")
    if (query.price_min is not None and document.amount < query.price_min) or (
        query.price_max is not None and document.amount > query.price_max
    ):
        failed.add("price")
    if any(document.attributes.get(name) != value for name, value in query.attributes.items()):
        failed.add("attributes")
    return failed


def _facet_value(document: Document, facet: str) -> str:
    if facet == "category":
        return document.category
    if facet == "brand":
        return document.brand
    if facet == "age":
        return str(document.min_age)
    low = max(edge for edge in _PRICE_EDGES if edge <= document.amount)
    high = min((edge - 1 for edge in _PRICE_EDGES if edge > document.amount), default="")
    return f"{low}-{high}"
