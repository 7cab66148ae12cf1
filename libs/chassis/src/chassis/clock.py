"""The one clock of the services: the current time in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time, in UTC. Pass another one to fix the time in a test."""


def now() -> datetime:
    """Return the current time in UTC.

    Examples
    --------
    >>> str(now().tzinfo)
    'UTC'
    """
    return datetime.now(UTC)
