"""Whether a service can do its work: what it keeps its things in says so."""

from collections.abc import Callable

_checks: dict[str, Callable[[], None]] = {}


def forget() -> None:
    """Forget all checks: a service begins."""
    _checks.clear()


def depends_on(name: str, check: Callable[[], None]) -> None:
    """Add a check.

    Parameters
    ----------
    name
        Of what is checked; a second check of it replaces the first.
    check
        Raises ``ServiceUnavailable`` if it does not answer.
    """
    _checks[name] = check


def check() -> None:
    """Run all checks.

    Raises
    ------
    ServiceUnavailable
        If one of them fails.
    """
    for check in _checks.values():
        check()
