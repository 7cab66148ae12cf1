"""The search index: which toys a query finds, and in what order.

``ToyIndex`` is the interface. ``TableIndex`` answers it from one small entry per toy in a
secondary index of the table, filtered and sorted in memory; an index that scales takes its place
behind the same interface.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import msgspec

from contracts.toys import Toy, ToyQuery

Position = tuple[Any, str]
"""Where a toy stands in an order: what it is sorted by, then its id."""

# letters with a stroke through them, and ligatures, do not decompose into letter and accent
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_WORD = re.compile(r"[^\W_]+")
_LONGEST_KEY = 120


class Page(NamedTuple):
    """The toys of a page, in order, and the position to go on after; ``None`` on the last."""

    ids: list[str]
    last: Position | None


class ToyIndex(Protocol):
    """Finds toys."""

    def search(self, query: ToyQuery, after: Position | None) -> Page:
        """Return a page of what a query finds.

        Parameters
        ----------
        query
            Filters, order and size of the page; its cursor has become ``after``.
        after
            The position of the last toy of the page before, which need not exist any more.
        """


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """What the index keeps of a toy.

    Attributes
    ----------
    name
        Folded, to sort by.
    name_words, other_words
        The distinct words of the name, and those of everything else: folded, each with a space
        before it, so that ``" pu"`` in them is the prefix of a word.
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
    """Return a text without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return plain.translate(_LETTERS)


def words_of(text: str) -> list[str]:
    """Return the distinct words of a text, folded, as they come."""
    return list(dict.fromkeys(_WORD.findall(fold(text))))


def entry_of(toy: Toy) -> str:
    """Return what the index keeps of a toy, as it is stored."""
    others = " ".join((toy.description, toy.brand, toy.category, *toy.attributes.values()))
    entry = Entry(
        id=toy.id,
        name=fold(toy.name)[:_LONGEST_KEY],
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
    """The index of a catalogue that fits into memory.

    Parameters
    ----------
    listing
        Gives the stored entry of every toy.
    """

    def __init__(self, listing: Callable[[], Iterable[str]]) -> None:
        self._listing = listing
        self._decoder = msgspec.json.Decoder(Entry)

    def search(self, query: ToyQuery, after: Position | None) -> Page:
        """Return a page of what a query finds; see ``ToyIndex.search``."""
        words = words_of(query.q)
        place, descending = _ORDERS[query.sort]
        found = []
        for text in self._listing():
            entry = self._decoder.decode(text)
            if not _passes(entry, query):
                continue
            score = _score(entry, words)
            if score is None:
                continue
            position = (place(entry, score), entry.id)
            if after is None or (position < after if descending else position > after):
                found.append(position)
        found.sort(reverse=descending)
        page = found[: query.limit]
        more = len(found) > len(page)
        return Page([toy_id for _, toy_id in page], page[-1] if more else None)


_ORDERS: dict[str, tuple[Callable[[Entry, int], Any], bool]] = {
    "relevance": (lambda _, score: score, True),
    "newest": (lambda *_: 0, True),  # ids are ULIDs: sorted by id is sorted by time
    "price": (lambda entry, _: entry.amount, False),
    "-price": (lambda entry, _: entry.amount, True),
    "name": (lambda entry, _: entry.name, False),
}


def _passes(entry: Entry, query: ToyQuery) -> bool:
    return (
        (query.category is None or entry.category == query.category)
        and (query.brand is None or entry.brand == query.brand)
        and (query.age is None or entry.min_age <= query.age)
        and (query.price_min is None or entry.amount >= query.price_min)
        and (query.price_max is None or entry.amount <= query.price_max)
        and all(entry.attributes.get(name) == value for name, value in query.attributes.items())
    )


def _score(entry: Entry, words: list[str]) -> int | None:
    """Return how well an entry fits; ``None`` if a word begins none of its words.

    A hit in the name weighs most, a whole word more than the beginning of one.
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
