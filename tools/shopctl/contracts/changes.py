"""A change of a contract, and whom it breaks.

A message has a writer and a reader, and one of the two is older than the other:

======  ======================  =====================================================
use     who writes, who reads   what must hold
======  ======================  =====================================================
input   callers, the service    the new release reads what was right to send before
output  the service, callers    callers of the old release read what the new one writes
event   producer, consumers     both: consumers lag behind, and queues hold old events
======  ======================  =====================================================
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Use = Literal["input", "output", "event"]
_OLD_WRITERS: dict[Use, str] = {
    "input": "callers that send as before",
    "output": "",
    "event": "consumers of the new release (by events on their way)",
}
_OLD_READERS: dict[Use, str] = {
    "input": "",
    "output": "callers that read as before",
    "event": "consumers of the old release",
}


@dataclass(frozen=True)
class Difference:
    """What differs between two schemas.

    Attributes
    ----------
    path
        Of the place: the nearest named schema, then a JSON pointer within it.
    what
        Happened there.
    new_reads_old
        Whether all that the old schema allows is still understood.
    old_reads_new
        Whether all that the new schema allows was understood before.
    """

    path: str
    what: str
    new_reads_old: bool = True
    old_reads_new: bool = True


@dataclass(frozen=True)
class Change:
    """A change of one promise.

    Attributes
    ----------
    promise
        ``apis/<service>`` or ``events/<type>``.
    places
        Where it matters: operations, with the part of the message.
    path
        Of what has changed, within its schema if it is in one.
    what
        Happened to it.
    breaks
        Whom it breaks; empty if it is compatible.
    """

    promise: str
    places: tuple[str, ...]
    path: str
    what: str
    breaks: tuple[str, ...] = ()

    @property
    def breaking(self) -> bool:
        """Whether somebody who relies on the old release is let down."""
        return bool(self.breaks)

    def __str__(self) -> str:
        places = self.places[0] if self.places else ""
        if len(self.places) > 1:
            places += f" and {len(self.places) - 1} more"
        where = f"{self.path} ({places})" if places else self.path
        verdict = f"breaks {' and '.join(self.breaks)}" if self.breaks else "compatible"
        return f"{self.promise}: {where} {self.what}: {verdict}"


def judged(promise: str, place: str, use: Use, difference: Difference) -> Change:
    """Return a schema's difference as the change that it is where the schema is used so."""
    broken = [
        "" if difference.new_reads_old else _OLD_WRITERS[use],
        "" if difference.old_reads_new else _OLD_READERS[use],
    ]
    return Change(promise, (place,), difference.path, difference.what, tuple(filter(None, broken)))


def gathered(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield each change once, with all places where it matters."""
    places: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for change in changes:
        key = (change.promise, change.path, change.what, change.breaks)
        places.setdefault(key, []).extend(change.places)
    for (promise, path, what, breaks), where in places.items():
        yield Change(promise, tuple(dict.fromkeys(where)), path, what, breaks)
