"""The search index: which toys match a query, and in what order.

``ToyIndex`` is the interface. ``TableIndex`` implements it with one compact entry per toy in a
secondary index of the table, and filters and sorts in memory. A larger catalogue needs another
implementation of the same interface.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import msgspec

from contracts.toys import Toy, ToyQuery

Position = tuple[Any, str]
"""The sort key of a toy: the value that it is sorted by, then its id."""

# Letters with a stroke and ligatures have no Unicode decomposition into letter and accent.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_WORD = re.compile(r"[^\W_]+")
_MAX_SORT_NAME = 120


class Page(NamedTuple):
    """A page of results.

    Attributes
    ----------
    ids
        The ids of its toys, in order.
    last
        The position of its last toy; ``None`` on the last page.
    """

    ids: list[str]
    last: Position | None


class ToyIndex(Protocol):
    """Finds toys by a query."""

    def search(self, query: ToyQuery, after: Position | None) -> Page:
        """Return a page of the toys that match a query.

        Parameters
        ----------
        query
            Filters, sort order and page size. Its cursor is ignored: ``after`` replaces it.
        after
            Position of the previous page's last toy, which may have been deleted; ``None`` for the
            first page.
        """


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """The index's entry of a toy.

    Attributes
    ----------
    name
        Folded name, for sorting.
    name_words, other_words
        The distinct words of the name, and those of all other texts: folded, each with a space
        before it, so that ``" pu"`` matches the prefix of a word.
    amount
        Price in minor units.
    min_age
        Youngest recommended age in years.
    """

    id: str
    name: str
    name_words: str
    other_words: str
    category: str
    brand: str
    amount: int
    min_age: int
    attributes: dict[str, str]


def fold(text: str) -> str:
    """Return a text in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return plain.translate(_LETTERS)


def words_of(text: str) -> list[str]:
    """Return the distinct folded words of a text, in their order."""
    return list(dict.fromkeys(_WORD.findall(fold(text))))


def entry_of(toy: Toy) -> str:
    """Return the index's entry of a toy as JSON."""
    others = " ".join((toy.description, toy.brand, toy.category, *toy.attributes.values()))
    entry = Entry(
        id=toy.id,
        name=fold(toy.name)[:_MAX_SORT_NAME],
        name_words=_spaced(words_of(toy.name)),
        other_words=_spaced(words_of(others)),
        category=toy.category,
        brand=toy.brand,
        amount=toy.price.amount,
        min_age=toy.min_age,
        attributes=toy.attributes,
    )
    return msgspec.json.encode(entry).decode()


def _spaced(words: Iterable[str]) -> str:
    return "".join(f" {word}" for word in words)


class TableIndex:
    """Searches a catalogue that fits in memory.

    Parameters
    ----------
    listing
        Returns the stored entry of each toy.
    """

    def __init__(self, listing: Callable[[], Iterable[str]]) -> None:
        self._listing = listing
        self._decoder = msgspec.json.Decoder(Entry)

    def search(self, query: ToyQuery, after: Position | None) -> Page:
        """Return a page of the toys that match a query; see ``ToyIndex.search``."""
        words = words_of(query.q)
        if query.q.strip() and not words:
            return Page([], None)
        sort_key, descending = _SORT_ORDERS[query.sort]
        found = []
        for text in self._listing():
            entry = self._decoder.decode(text)
            if not _matches_filters(entry, query):
                continue
            score = _score(entry, words)
            if score is None:
                continue
            position = (sort_key(entry, score), entry.id)
            if after is None or (position < after if descending else position > after):
                found.append(position)
        found.sort(reverse=descending)
        page = found[: query.limit]
        more = len(found) > len(page)
        return Page([toy_id for _, toy_id in page], page[-1] if more else None)


_SORT_ORDERS: dict[str, tuple[Callable[[Entry, int], Any], bool]] = {
    "relevance": (lambda _, score: score, True),
    "newest": (lambda *_: 0, True),  # ULIDs sort by time
    "price": (lambda entry, _: entry.amount, False),
    "-price": (lambda entry, _: entry.amount, True),
    "name": (lambda entry, _: entry.name, False),
}


def _matches_filters(entry: Entry, query: ToyQuery) -> bool:
    return (
        (query.category is None or entry.category == query.category)
        and (query.brand is None or entry.brand == query.brand)
        and (query.age is None or entry.min_age <= query.age)
        and (query.price_min is None or entry.amount >= query.price_min)
        and (query.price_max is None or entry.amount <= query.price_max)
        and all(entry.attributes.get(name) == value for name, value in query.attributes.items())
    )


def _score(entry: Entry, words: list[str]) -> int | None:
    """Return the relevance of an entry; ``None`` if a word is not the prefix of any of its words.

    A match in the name counts most, and a whole word more than a prefix.
    """
    score = 0
    for word in words:
        prefix, whole = f" {word}", f" {word} "
        if prefix in entry.name_words:
            score += 20 if whole in f"{entry.name_words} " else 10
        elif prefix in entry.other_words:
            score += 2 if whole in f"{entry.other_words} " else 1
        else:
            return None
    return score
