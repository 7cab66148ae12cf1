"""A backfill: what a table's model has gained is written into the records that are older.

An attribute that is derived from others is written with every new record from the release on that
knows it. The older records get it here, a page at a time, by the service's own code: nobody else
touches its table. It is no new version of an entity, so its ETag stays and nobody is told.
(Ambler and Sadalage, "Refactoring Databases", 2006: expand, migrate, contract.)
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from chassis import log
from chassis.records import Record

PAGE = 200
"""Records of one invocation: a few seconds' work."""

R = TypeVar("R", bound=Record)


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one invocation is asked for.

    Attributes
    ----------
    cursor
        Where the step before it ended; ``None`` is the table's beginning.
    dry_run
        Whether to count only.
    """

    cursor: dict[str, Any] | None = None
    dry_run: bool = False


class Backfill(Generic[R]):
    """Fills in what records lack of what the present code stores.

    Parameters
    ----------
    model
        What the table holds.
    as_stored
        Returns a record as the present code would store it.
    """

    def __init__(self, model: type[R], as_stored: Callable[[R], R]) -> None:
        self._model = model
        self._as_stored = as_stored

    def step(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Fill in one page of the table.

        Parameters
        ----------
        event
            A ``Step``.

        Returns
        -------
        dict
            How many records were ``read``; how many of them ``lacking`` something, and how many
            of those were ``filled``, which are fewer if somebody else was writing them just then;
            the ``cursor`` of the next step, ``None`` at the end.

        Raises
        ------
        msgspec.ValidationError
            If the event is no step.
        """
        step = msgspec.convert(event, Step)
        results = self._model.scan(
            consistent_read=True, limit=PAGE, page_size=PAGE, last_evaluated_key=step.cursor
        )
        read = lacking = filled = 0
        for record in results:
            read += 1
            gained = self._gained(record)
            lacking += bool(gained)
            if gained and not step.dry_run:
                filled += record.fill_in(gained)
        log.info("backfill", read=read, lacking=lacking, filled=filled)
        return {
            "read": read,
            "lacking": lacking,
            "filled": filled,
            "cursor": results.last_evaluated_key,
        }

    def _gained(self, record: R) -> dict[str, Any]:
        """Return the attributes that a record lacks."""
        wanted = self._as_stored(record)
        present = record.serialize(null_check=False)
        return {name: getattr(wanted, name) for name in wanted.serialize() if name not in present}
