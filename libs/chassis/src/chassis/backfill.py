"""Backfill: adds attributes that a model has gained to the older records of its table.

A release that stores a new derived attribute writes it with every record from then on. The older
records get it here, page by page, from the code of the service that owns the table. The version of
an entity stays the same, so its ETag is unchanged and no event is emitted.
(Ambler and Sadalage, "Refactoring Databases", 2006: expand, migrate, contract.)
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from chassis import context, log, tracing
from chassis.records import Record

PAGE = 200
"""Records per invocation, which take a few seconds."""

R = TypeVar("R", bound=Record)


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request of one invocation.

    Attributes
    ----------
    cursor
        Where the previous step ended; ``None`` for the beginning of the table.
    dry_run
        Whether to count incomplete records and write nothing.
    """

    cursor: dict[str, Any] | None = None
    dry_run: bool = False


class Backfill(Generic[R]):
    """Adds attributes that the current code stores to records that lack them.

    Parameters
    ----------
    model
        The model of the table's records.
    as_stored
        Returns a record as the current code would store it.
    """

    def __init__(self, model: type[R], as_stored: Callable[[R], R]) -> None:
        self._model = model
        self._as_stored = as_stored

    def step(self, event: Mapping[str, Any], lambda_context: Any = None) -> dict[str, Any]:
        """Complete the records of one page of the table.

        Parameters
        ----------
        event
            A ``Step`` as JSON.
        lambda_context
            The context of the invocation.

        Returns
        -------
        dict
            The number of records that were ``read``, that were ``incomplete`` and that were
            ``filled``, and the ``cursor`` of the next step (``None`` at the end). An incomplete
            record that is written at the same time is not filled: that write completes it.

        Raises
        ------
        msgspec.ValidationError
            If the event is not a step.
        """
        step = msgspec.convert(event, Step)
        with tracing.hop("backfill", tracing.SERVER, {}, budget=context.budget_of(lambda_context)):
            return self._step(step)

    def _step(self, step: Step) -> dict[str, Any]:
        results = self._model.scan(
            consistent_read=True, limit=PAGE, page_size=PAGE, last_evaluated_key=step.cursor
        )
        read = incomplete = filled = 0
        for record in results:
            read += 1
            missing = self._missing(record)
            incomplete += bool(missing)
            if missing and not step.dry_run:
                filled += record.fill_in(missing)
        log.info("records backfilled", read=read, incomplete=incomplete, filled=filled)
        return {
            "read": read,
            "incomplete": incomplete,
            "filled": filled,
            "cursor": results.last_evaluated_key,
        }

    def _missing(self, record: R) -> dict[str, Any]:
        """Return the attributes that a record lacks."""
        complete = self._as_stored(record)
        present = record.serialize(null_check=False)
        return {
            name: getattr(complete, name) for name in complete.serialize() if name not in present
        }
