"""When a request is sent again."""

from dataclasses import dataclass
from secrets import SystemRandom

_RANDOM = SystemRandom()


@dataclass(frozen=True)
class Retries:
    """How often and after which pauses a failed request is sent again.

    The pauses double from one attempt to the next, and up to half of each is left out at random, so
    that clients that failed together do not return together. A ``Retry-After`` of the shop is
    respected.

    Attributes
    ----------
    attempts
        How often a request is sent at most; 1 turns retries off.
    first_pause, longest_pause
        The pause after the first attempt and the limit of its growth, in seconds.
    longest_retry_after
        If the shop asks for a longer pause, in seconds, the call fails at once.
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
        # 2**30 pauses are longer than any limit, and the power stays a small number
        pause = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 30))
        return max(pause * _RANDOM.uniform(0.5, 1), retry_after or 0)
