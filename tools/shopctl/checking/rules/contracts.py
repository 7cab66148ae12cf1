"""The API and event documents match the code, and no change breaks callers or consumers."""

from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.contracts.check import check as check_contracts
from shopctl.project.finding import Finding


def check(repository: Repository) -> Iterator[Finding]:
    """Yield the findings of ``./shop contracts``."""
    yield from check_contracts(repository.root)
