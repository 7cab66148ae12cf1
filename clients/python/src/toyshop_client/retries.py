"""When and how often a failed request is retried."""

from dataclasses import dataclass
from secrets import SystemRandom

_RANDOM = SystemRandom()


@dataclass(frozen=True)
class Retries:
    """How often a failed request is retried, and after which pauses.

    The pauses double from one attempt to the next, with random jitter of up to half, so that
    clients that failed at the same time do not retry at the same time. A ``Retry-After`` of the
    shop is respected.

    Attributes
    ----------
    attempts
        Maximum number of attempts; 1 turns retries off.
    first_pause, longest_pause
        The pause after the first attempt and the longest pause, in seconds.
    longest_retry_after
        Longest accepted ``Retry-After``, in seconds; after a longer one, the call fails at once.
    """

    attempts: int = 4
    first_pause: float = 0.25
    longest_pause: float = 8.0
    longest_retry_after: float = 30.0

    def pause(self, attempt: int, retry_after: float | None = None) -> float | None:
        """Return the seconds to wait after an attempt; ``None`` if it was the last one.

        Parameters
        ----------
        attempt
            Number of the attempt that failed, from 1.
        retry_after
            The pause that the shop asks for, in seconds.
        """
        if attempt >= self.attempts or (retry_after or 0) > self.longest_retry_after:
            return None
        # the exponent is limited to avoid an overflow
        pause = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 30))
        return max(pause * _RANDOM.uniform(0.5, 1), retry_after or 0)
