"""Ids: prefixed ULIDs that sort by time, or derived ones that a retry computes again."""

import hashlib


def new_id(prefix: str) -> str:
    """Return a new id such as ``toy_01J9…``.

    Parameters
    ----------
    prefix
        Three letters that name the kind of entity.
    """
    # not imported above: most requests create no id, and it takes 3 ms
    from ulid import ULID

    return f"{prefix}_{ULID()}"


def derived_id(prefix: str, *parts: str) -> str:
    """Return an id that depends on nothing but its parts.

    It is base32 (Crockford's, as in a ULID) of 128 bits of SHA-256 over the length-prefixed
    parts, so ``("ab", "c")`` and ``("a", "bc")`` have different ids.

    Parameters
    ----------
    prefix
        Three letters that name the kind of entity.
    parts
        The texts that identify the entity.
    """
    from ulid import ULID

    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return f"{prefix}_{ULID.from_bytes(digest.digest()[:16])}"
