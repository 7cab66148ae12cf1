"""Adds missing attributes to the older records of a table (docs/migrations.md)."""

from collections.abc import Iterator
from dataclasses import dataclass

from shopctl.aws.invoke import invoke
from shopctl.aws.target import Target
from shopctl.project.errors import ShopProblem

_FUNCTION = "backfill"


@dataclass
class Progress:
    """The progress of a backfill.

    Attributes
    ----------
    read
        Number of records read.
    incomplete
        Number of those that were incomplete.
    filled
        Number of those that were filled in. The others were rewritten in the meantime, with all
        attributes.
    """

    read: int = 0
    incomplete: int = 0
    filled: int = 0


def backfill(to: Target, *, dry_run: bool = False) -> Iterator[Progress]:
    """Complete the records of a target's only service, and yield the progress after each page.

    After an interruption, another run continues with what is still incomplete.

    Parameters
    ----------
    to
        The stage and the service.
    dry_run
        Whether to count incomplete records only.

    Raises
    ------
    ShopProblem
        If the service has no function for it, or the function fails.
    """
    (service,) = to.services
    if not _has_function(to):
        raise ShopProblem(
            f"{service.name} has no function {_FUNCTION}.",
            "docs/migrations.md describes how to add it.",
        )
    progress, cursor = Progress(), None
    while True:
        step = invoke(to, service.dashed, _FUNCTION, {"cursor": cursor, "dry_run": dry_run})
        for name in ("read", "incomplete", "filled"):
            setattr(progress, name, getattr(progress, name) + step[name])
        yield progress
        cursor = step["cursor"]
        if cursor is None:
            return


def _has_function(to: Target) -> bool:
    (service,) = to.services
    return _FUNCTION in service.manifest.functions
