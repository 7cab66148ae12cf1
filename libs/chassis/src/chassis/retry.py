"""When to send a request again, and after how long: rules that perform no I/O.

Waits grow exponentially and have full jitter (Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog, 2015).
"""

import random
from collections.abc import Callable
from enum import Enum

import msgspec

RETRYABLE_STATUSES = frozenset({429, 500, 502, 503, 504})
"""Statuses of failures that may be temporary."""


class Failure(Enum):
    """Why an attempt brought no usable response."""

    NOT_SENT = "not sent"
    """No connection was made, so the service has not seen the request."""
    NO_RESPONSE = "no response"
    """The service may have handled the request."""
    RETRYABLE_STATUS = "retryable status"
    """The service answered with one of ``RETRYABLE_STATUSES``."""


class RetryPolicy(msgspec.Struct, frozen=True):
    """Decides whether a failed attempt is repeated.

    Attributes
    ----------
    attempts
        The largest number of attempts, the first included.
    base_delay
        Seconds; the longest wait before attempt ``n + 1`` is ``base_delay * 2**n``.

    Examples
    --------
    >>> policy = RetryPolicy(attempts=2)
    >>> policy.allows(1, Failure.NO_RESPONSE, repeatable=True)
    True
    >>> policy.allows(1, Failure.NO_RESPONSE, repeatable=False)
    False
    >>> policy.allows(1, Failure.NOT_SENT, repeatable=False)
    True
    >>> policy.allows(2, Failure.NO_RESPONSE, repeatable=True)
    False
    """

    attempts: int = 3
    base_delay: float = 0.1

    def allows(self, attempt: int, failure: Failure, *, repeatable: bool) -> bool:
        """Return whether to send the request again.

        Parameters
        ----------
        attempt
            The number of attempts made so far.
        failure
            Why the last one failed.
        repeatable
            Whether the operation may be sent again although the service may have handled it.
        """
        return attempt < self.attempts and (repeatable or failure is Failure.NOT_SENT)

    def delay(
        self, attempt: int, uniform: Callable[[float, float], float] = random.uniform
    ) -> float:
        """Return how many seconds to wait before the next attempt.

        Parameters
        ----------
        attempt
            The number of attempts made so far.
        uniform
            Returns a random number between two others.
        """
        return uniform(0, self.base_delay * 2**attempt)
