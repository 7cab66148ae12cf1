"""Every event and API schema has a frozen snapshot and true documents, and no change breaks one."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.contracts.check import check as promises
from shopctl.project.finding import Finding


def check(repository: Repository) -> Iterator[Finding]:
    """Yield what is wrong with the contracts, as ``./shop contracts`` does."""
    yield from promises(repository.root)
