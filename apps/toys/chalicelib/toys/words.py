"""How texts become the terms that a search compares."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice, pairwise
from typing import NamedTuple

# Characters with a stroke and ligatures have no Unicode decomposition. Apostrophes and invisible
# characters are inside a word.
_REPLACEMENTS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "\u0131": "i"}
    | dict.fromkeys("'`\u00b4\u02bc\u2018\u2019\u2032\uff07", "")
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", "")
)
_KEPT_MARKS = "\u3099\u309a"  # they make another syllable of kana
# Words that are joined without a space, such as t-rex or 1,000
_COMPOUND = re.compile(r"(?<![^\W_])[^\W_]++(?:(?:[^\w\s]|_)[^\W_]++)+")
_WORD = re.compile(r"[^\W_]+")
_CJK = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# compiled when a text is not ASCII, since these take 10 ms
_SCRIPTS = f"[{_CJK}]+|[^{_CJK}]+"
_IS_CJK = f"[{_CJK}]"

_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")

_IRREGULAR = {
    "calves": "calf", "children": "child", "dice": "die", "dwarves": "dwarf", "elves": "elf",
    "feet": "foot", "geese": "goose", "halves": "half", "hooves": "hoof", "knives": "knife",
    "leaves": "leaf", "lenses": "lens", "loaves": "loaf", "men": "man", "mice": "mouse",
    "oxen": "ox", "people": "person", "quizzes": "quiz", "scarves": "scarf", "shelves": "shelf",
    "teeth": "tooth", "thieves": "thief", "wives": "wife", "wolves": "wolf", "women": "woman",
}  # fmt: skip


def fold(text: str) -> str:
    """Return a text in lower case, without accents, apostrophes and invisible characters."""
    if text.isascii():
        return text.lower().replace("'", "").replace("`", "")
    text = unicodedata.normalize("NFKD", text.casefold().translate(_REPLACEMENTS))
    plain = "".join(c for c in text if unicodedata.category(c)[0] != "M" or c in _KEPT_MARKS)
    return unicodedata.normalize("NFC", plain.translate(_REPLACEMENTS))


@lru_cache(16_384)
def singular(word: str) -> str:
    """Return a key that the singular and the plural of an English word have in common.

    It is the singular in most cases, but need not be a word: ``shoe`` and ``shoes`` give ``sho``.

    Examples
    --------
    >>> [singular(word) for word in ("puzzles", "ponies", "boxes", "mice", "dress")]
    ['puzzle', 'pony', 'box', 'mous', 'dress']
    """
    if not word.isascii() or len(word) < 3:
        return word
    if word.endswith("s") and word[:-1] in _IRREGULAR:  # children's
        word = word[:-1]
    word = _IRREGULAR.get(word, word)
    if len(word) < 4:
        return word
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        if word.endswith("ies") and len(word) > 4:
            return word[:-3] + "y"
        if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            return word[:-2]
        return word[:-1]
    if word.endswith("ie") and len(word) > 4:
        return word[:-2] + "y"
    if word.endswith(("se", "xe", "ze", "che", "she", "oe")):
        return word[:-1]
    return word


def _scripts(word: str) -> list[str]:
    """Return the parts of a word that are CJK text, and those that are not."""
    return [word] if word.isascii() else re.findall(_SCRIPTS, word)


def _has_cjk(text: str) -> bool:
    return not text.isascii() and re.search(_IS_CJK, text) is not None


def _split(word: str) -> Iterator[str]:
    """Yield a word, or the overlapping pairs of the characters of CJK text.

    The last character of CJK text stands alone, so that each one begins a term.
    """
    for part in _scripts(word):
        if _has_cjk(part):
            yield from (part[start : start + 2] for start in range(len(part)))
        else:
            yield part


class QueryWord(NamedTuple):
    """A word of a query.

    Attributes
    ----------
    prefixes
        A term that starts with one of them matches.
    exact
        The terms that match best; they need not have one of the prefixes.
    """

    prefixes: tuple[str, ...]
    exact: frozenset[str]


def query_word(*forms: str) -> QueryWord:
    """Return a query word with alternative forms."""
    initials = [form for form in forms if len(form) == 1 and form in _ALPHABET]
    return QueryWord(
        prefixes=tuple(form for form in forms if form not in initials),
        exact=frozenset({*forms, *map(singular, forms), *map(_starting_with, initials)}),
    )


def _starting_with(initial: str) -> str:
    """Return the term that stands for all terms with an initial, which would be too many."""
    return f"\1{initial}"


def query_words(text: str) -> list[str]:
    """Return the words of a query, in their order."""
    words: list[str] = []
    for word in _WORD.findall(fold(text)):
        for part in _scripts(word):
            if _has_cjk(part) and len(part) > 1:
                words += map("".join, pairwise(part))
            else:
                words.append(part)
    return words


def alternatives(words: Sequence[str]) -> list[QueryWord]:
    """Return each distinct word, with the compounds of two adjacent words as other forms."""
    forms = {word: {word: None} for word in words}
    for first, second in pairwise(words):
        for compound in compounds(first, second):
            forms[first][compound] = None
            forms[second][compound] = None
    return [query_word(*found) for found in forms.values()]


def compounds(first: str, second: str) -> tuple[str, ...]:
    """Return what two adjacent words are if they are written as one."""
    if _has_cjk(first + second):
        return ()
    one = singular(first)
    if one == first or not first.startswith(one):
        return (first + second,)
    return (first + second, one + second)


def _counted(text: str, pairs: bool) -> tuple[dict[str, int], int]:
    """Return how often each term occurs in a text, and the number of its words.

    Parameters
    ----------
    pairs
        Whether any two adjacent words also count as one, not only words that a hyphen joins.
    """
    text = fold(text)
    words = _parts(text)
    terms = words.copy()
    for compound in _COMPOUND.findall(text):
        parts = _parts(compound)
        if not pairs:
            terms += _pairs(parts)
        if 2 < len(parts) < 5 and not _has_cjk(compound):
            terms.append("".join(parts))
    if pairs:
        terms += _pairs(words)
    counts: dict[str, int] = Counter(terms)
    for term in tuple(counts):
        key = singular(term)
        if key != term:
            counts[key] = counts.get(key, 0) + counts[term]
    return counts, len(words)


def _parts(text: str) -> list[str]:
    words = _WORD.findall(text)
    return words if text.isascii() else [part for word in words for part in _split(word)]


def _pairs(words: Sequence[str]) -> Iterator[str]:
    return chain.from_iterable(map(compounds, words, islice(words, 1, None)))


MAX_LEVEL = 15
LESS = bytes([0, *(max(1, level - 2) for level in range(1, MAX_LEVEL + 1))]).ljust(256, b"\0")
"""For each level of a term the level at which it matches a word that it only starts with."""

# The name weighs most. The minimum and maximum keep a word in the name before one in the brand, and
# that before one elsewhere, however often it occurs.
_NAME, _LEAST_NAME = 16.0, 10.0
_BRAND, _MOST_BRAND = 6.0, 9.0
_CATEGORY, _ATTRIBUTE, _DESCRIPTION, _MOST_ELSEWHERE = 4.0, 3.0, 1.0, 4.7
_NAME_LENGTH, _DESCRIPTION_LENGTH = 4, 20


def term_levels(
    name: str, brand: str, category: str, attributes: Iterable[str], description: str
) -> dict[str, int]:
    """Return the terms of a toy, each with its level from 1 to ``MAX_LEVEL``.

    The level is the logarithm of the term's weighted frequency as BM25F defines it: occurrences in
    the name weigh more than any in the brand, those more than any elsewhere, and long texts less.
    The average lengths are constants, so that a level depends on its toy alone.
    """
    frequencies: dict[str, float] = defaultdict(float)
    counts, length = _counted(description, pairs=False)
    norm = 0.25 + 0.75 * length / _DESCRIPTION_LENGTH
    for term, count in counts.items():
        frequencies[term] = min(3, _DESCRIPTION * count / norm)
    for value in attributes:
        for term in _counted(value, pairs=True)[0]:
            frequencies[term] = min(_MOST_ELSEWHERE, frequencies[term] + _ATTRIBUTE)
    for term in _counted(category, pairs=True)[0]:
        frequencies[term] = min(_MOST_ELSEWHERE, frequencies[term] + _CATEGORY)
    for term in _counted(brand, pairs=True)[0]:
        frequencies[term] = min(_MOST_BRAND, frequencies[term] + _BRAND)
    counts, length = _counted(name, pairs=True)
    norm = 0.6 + 0.4 * length / _NAME_LENGTH
    for term, count in counts.items():
        frequencies[term] += max(_LEAST_NAME, _NAME * count / norm)
    levels = {term: _level(frequency) for term, frequency in frequencies.items()}
    initials: dict[str, int] = {}
    for term, level in levels.items():
        if level > initials.get(term[0], 0):
            initials[term[0]] = level
    for initial in initials.keys() & _ALPHABET:
        levels[_starting_with(initial)] = LESS[initials[initial]]
    return levels


@lru_cache(4096)
def _level(frequency: float) -> int:
    return max(1, min(MAX_LEVEL, round(2 * math.log2(frequency)) + 5))


def misspellings(word: str) -> set[str]:
    """Return the texts that differ from a word in one character.

    One is missing, added or another one, or two adjacent ones are swapped.
    """
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    return {
        *(left + right[1:] for left, right in parts if right),
        *(left + right[1] + right[0] + right[2:] for left, right in parts if len(right) > 1),
        *(left + other + right[1:] for left, right in parts if right for other in _ALPHABET),
        *(left + other + right for left, right in parts for other in _ALPHABET),
    } - {word}
