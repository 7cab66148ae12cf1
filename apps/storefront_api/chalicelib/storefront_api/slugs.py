"""The part of a toy's address that is derived from its name."""

import re
import unicodedata

_DROPPED = re.compile("[\u0300-\u036f'\u2019]")
_MAX_LENGTH = 60


def slug(name: str) -> str:
    """Return the words of a toy's name for its address; equal to `slug` of the page.

    Examples
    --------
    >>> slug("Bob's Café-Racer 2")
    'bobs-cafe-racer-2'
    """
    folded = _DROPPED.sub("", unicodedata.normalize("NFKD", name).lower())
    return "-".join(re.findall("[a-z0-9]+", folded))[:_MAX_LENGTH].removesuffix("-") or "toy"
