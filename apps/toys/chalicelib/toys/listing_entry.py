"""The entry of a toy in the index `by_listing`, which the release before the change log searches.

While that release still runs, or may be returned to, toys are stored with their entry, so that it
finds them. docs/migrations.md describes when this module and the index are removed.
"""

import re
import unicodedata

import msgspec

from contracts.toys import Toy

LISTING = "toy"
"""Key of the only partition of the index."""

# Letters with a stroke and ligatures have no Unicode decomposition into letter and accent.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_WORD = re.compile(r"[^\W_]+")
_MAX_SORT_NAME = 120


def listing_entry(toy: Toy) -> str:
    """Return the entry of a toy as JSON."""
    others = " ".join((toy.description, toy.brand, toy.category, *toy.attributes.values()))
    entry = (
        toy.id,
        _folded(toy.name)[:_MAX_SORT_NAME],
        _words(toy.name),
        _words(others),
        toy.category,
        toy.brand,
        toy.price.amount,
        toy.min_age,
        toy.attributes,
    )
    return msgspec.json.encode(entry).decode()


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return plain.translate(_LETTERS)


def _words(text: str) -> str:
    """Return the distinct folded words of a text, each with a space before it."""
    return "".join(f" {word}" for word in dict.fromkeys(_WORD.findall(_folded(text))))
