"""A change of a contract, and who is affected.

A message has a writer and a reader, which are not upgraded at the same time:

======  =================  =====================================================
use     writer → reader    requirement
======  =================  =====================================================
input   caller → service   the new release reads requests of the old one
output  service → caller   callers of the old release read the new one's responses
event   producer →         both: consumers are upgraded later, and queues still
        consumer           contain events of the old release
======  =================  =====================================================
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Use = Literal["input", "output", "event"]
_OLD_WRITERS: dict[Use, str] = {
    "input": "callers that send the old request",
    "output": "",
    "event": "consumers of the new release (events still in queues)",
}
_OLD_READERS: dict[Use, str] = {
    "input": "",
    "output": "callers that read the old response",
    "event": "consumers of the old release",
}


@dataclass(frozen=True)
class Difference:
    """A difference between two schemas.

    Attributes
    ----------
    path
        Name of the nearest named schema, then a JSON pointer within it.
    what
        Description of the difference, such as ``was added``.
    new_reads_old
        Whether the new schema accepts everything that the old one accepts.
    old_reads_new
        Whether the old schema accepts everything that the new one accepts.
    """

    path: str
    what: str
    new_reads_old: bool = True
    old_reads_new: bool = True


@dataclass(frozen=True)
class Change:
    """A change of one contract.

    Attributes
    ----------
    contract
        ``apis/<service>`` or ``events/<type>``.
    places
        Operations, with the part of their messages, that the change affects.
    path
        The changed part; within a schema, as in `Difference`.
    what
        Description of the change, such as ``was removed``.
    breaks
        Callers or consumers that it breaks; empty for a compatible change.
    """

    contract: str
    places: tuple[str, ...]
    path: str
    what: str
    breaks: tuple[str, ...] = ()

    @property
    def breaking(self) -> bool:
        """Whether it breaks a caller or consumer of the old release."""
        return bool(self.breaks)

    def __str__(self) -> str:
        places = self.places[0] if self.places else ""
        if len(self.places) > 1:
            places += f" and {len(self.places) - 1} more"
        where = f"{self.path} ({places})" if places else self.path
        verdict = f"breaks {' and '.join(self.breaks)}" if self.breaks else "compatible"
        return f"{self.contract}: {where} {self.what}: {verdict}"


def change_of(contract: str, place: str, use: Use, difference: Difference) -> Change:
    """Return the change that a schema's difference means for one use of the schema."""
    broken = [
        "" if difference.new_reads_old else _OLD_WRITERS[use],
        "" if difference.old_reads_new else _OLD_READERS[use],
    ]
    return Change(contract, (place,), difference.path, difference.what, tuple(filter(None, broken)))


def merged(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield each change once, with all places that it affects."""
    places: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for change in changes:
        key = (change.contract, change.path, change.what, change.breaks)
        places.setdefault(key, []).extend(change.places)
    for (contract, path, what, breaks), where in places.items():
        yield Change(contract, tuple(dict.fromkeys(where)), path, what, breaks)
