"""Ids: prefixed ULIDs, sortable by time, or derived where a retry must land on the same thing."""

import hashlib

from ulid import ULID


def new_id(prefix: str) -> str:
    """Return a new id such as ``toy_01J9…``.

    Parameters
    ----------
    prefix
        Three letters that say what it is the id of.
    """
    return f"{prefix}_{ULID()}"


def derived_id(prefix: str, *parts: str) -> str:
    """Return the id that follows from the parts: the same parts, the same id.

    It is base32 (Crockford's, as in a ULID) of 128 bits of SHA-256 over the length-prefixed
    parts, so that ``("ab", "c")`` and ``("a", "bc")`` do not meet.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return f"{prefix}_{ULID.from_bytes(digest.digest()[:16])}"
