"""Differences between two values, property by property, with secrets masked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

SECRET = "(secret)"  # noqa: S105 - a placeholder
_SECRET_NAME = re.compile(
    r"(SECRET|PASSWORD|PASSPHRASE|TOKEN|CREDENTIALS?|(API|ACCESS|EDGE|PRIVATE|SIGNING)_?KEY)S?$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"\b(sk|rk|whsec)_\w+|\bAKIA[0-9A-Z]{16}\b")
_REFERENCE = re.compile(r"\{\{resolve:[^}]*\}\}")
# keys that identify an element of a list, in any order
_IDENTITIES = ("Sid", "Id", "IndexName", "AttributeName", "Name", "ParameterKey")


class Unknown:
    """A value that only AWS knows; it equals everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "(known after the deployment)"


UNKNOWN = Unknown()


Kind = Literal["added", "removed", "changed"]


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One difference.

    Attributes
    ----------
    kind
        Kind of change from the old value to the new one.
    path
        The property with its parents, such as ``APIHandler.Properties.Timeout``.
    old, new
        The values; None if there is none.
    """

    kind: Kind
    path: str
    old: Any = None
    new: Any = None


def compare(old: Any, new: Any, path: str = "") -> Iterator[Change]:
    """Yield the properties that differ, each at the deepest level.

    Parameters
    ----------
    old, new
        JSON-like values.
    path
        Path of the property that has these values.

    Examples
    --------
    >>> [str(c.path) for c in compare({"a": {"b": 1}}, {"a": {"b": 2}})]
    ['a.b']
    """
    old, new = _keyed(old), _keyed(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*old, *(name for name in new if name not in old)]:
            below = f"{path}.{name}".lstrip(".")
            if name not in new:
                yield Change("removed", below, old=masked(old[name], below))
            elif name not in old:
                yield Change("added", below, new=masked(new[name], below))
            else:
                yield from compare(old[name], new[name], below)
    elif old != new:
        yield Change("changed", path, masked(old, path), masked(new, path))


def masked(value: Any, path: str) -> Any:
    """Return a value with secrets masked; a reference to a secret is not one."""
    if isinstance(value, Mapping):
        return {name: masked(child, f"{path}.{name}") for name, child in value.items()}
    if isinstance(value, list):
        return [masked(child, path) for child in value]
    if isinstance(value, Unknown):
        return repr(value)
    if isinstance(value, str) and not _REFERENCE.fullmatch(value):
        if ".Variables." in path and _SECRET_NAME.search(path):
            return SECRET
        return _SECRET_VALUE.sub(SECRET, value)
    return value


def _keyed(value: Any) -> Any:
    """Return a list of elements with identities as a mapping, to compare it in any order."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return value
    for identity in _IDENTITIES:
        if all(isinstance(one, Mapping) and one.get(identity) for one in value):
            named = {str(one[identity]): one for one in value}
            if len(named) == len(value):
                return named
    return value
