"""Has a service fill in what the older records of its table lack (docs/migrations.md)."""

from collections.abc import Iterator
from dataclasses import dataclass

from shopctl.aws.invoke import invoke
from shopctl.deploying.deploy import Target
from shopctl.project.errors import ShopProblem

_FUNCTION = "backfill"


@dataclass
class Progress:
    """How far a backfill has come.

    Attributes
    ----------
    read
        Records that were looked at.
    lacking
        Those of them that lacked something.
    filled
        Those that have it now; the others were being written just then, by code that knows it.
    """

    read: int = 0
    lacking: int = 0
    filled: int = 0


def backfill(to: Target, *, dry_run: bool = False) -> Iterator[Progress]:
    """Fill in the table of a target's one service, and yield how far it has come.

    Running it again after an interruption finds what is still lacking.

    Parameters
    ----------
    dry_run
        Whether to count only.

    Raises
    ------
    ShopProblem
        If the service has no such function, or it fails.
    """
    (service,) = to.services
    if not _has_function(to):
        raise ShopProblem(
            f"{service.name} has no function {_FUNCTION}.",
            "docs/migrations.md says how it gets one.",
        )
    progress, cursor = Progress(), None
    while True:
        step = invoke(to, service.dashed, _FUNCTION, {"cursor": cursor, "dry_run": dry_run})
        for name in ("read", "lacking", "filled"):
            setattr(progress, name, getattr(progress, name) + step[name])
        yield progress
        cursor = step["cursor"]
        if cursor is None:
            return


def _has_function(to: Target) -> bool:
    (service,) = to.services
    policies = service.directory / ".chalice"
    return (policies / f"policy-{_FUNCTION}-local.json").exists()
