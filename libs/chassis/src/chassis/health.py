"""Health checks of a service: whether the resources that it depends on respond."""

from collections.abc import Callable

_checks: dict[str, Callable[[], None]] = {}


def reset() -> None:
    """Remove all checks; a service that starts begins without any."""
    _checks.clear()


def add_check(name: str, check: Callable[[], None]) -> None:
    """Add a check.

    Parameters
    ----------
    name
        The name of the resource; a second check of the same resource replaces the first.
    check
        Raises ``ServiceUnavailable`` if the resource does not respond.
    """
    _checks[name] = check


def check() -> None:
    """Run all checks.

    Raises
    ------
    ServiceUnavailable
        If a resource does not respond.
    """
    for check in _checks.values():
        check()
