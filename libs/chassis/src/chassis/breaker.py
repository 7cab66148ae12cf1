"""A circuit breaker: a neighbour that keeps failing is left alone for a while.

Its callers are told at once instead of waiting in turn.

After Nygard, "Release It!" (2nd edition, 2018), "Circuit Breaker". The state is a process's own.
The instances of a Lambda function share nothing, so each of them learns of a failing neighbour by
itself, at the price of a few slow calls, and nobody depends on yet another thing that can fail.
"""

import threading
import time
from collections.abc import Callable

from chassis import log

FAILURES = 5
COOL_DOWN = 5.0


class Breaker:
    """Counts what a neighbour fails to do, and says whether to ask it.

    ========= ===================================== ===========================================
    state     who may call                          what comes next
    ========= ===================================== ===========================================
    closed    everyone                              open, after so many failures in a row
    open      nobody                                half-open, after the cool-down
    half-open one call, the probe                   closed if it succeeds, open again if not
    ========= ===================================== ===========================================

    Parameters
    ----------
    name
        Of the neighbour, for the log.
    failures
        In a row, that open it.
    cool_down
        Seconds that it stays open.
    clock
        Seconds that never go back.
    """

    def __init__(
        self,
        name: str,
        failures: int = FAILURES,
        cool_down: float = COOL_DOWN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._failures = failures
        self._cool_down = cool_down
        self._clock = clock
        self._failed = 0
        self._next_probe = 0.0
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Tell whether the neighbour may be asked now; then say how it went.

        While it is open, one caller in a cool-down is let through. A probe that never says how it
        went costs a further cool-down, and no more.
        """
        with self._lock:
            if self._failed < self._failures:
                return True
            now = self._clock()
            if now < self._next_probe:
                return False
            self._next_probe = now + self._cool_down
            return True

    def succeeded(self) -> None:
        """Note that the neighbour did what its contract says, be it a refusal."""
        with self._lock:
            reopened, self._failed = self._failed >= self._failures, 0
        if reopened:
            log.info("breaker closed", downstream=self._name)

    def failed(self) -> None:
        """Note that the neighbour did not answer, or not in its contract's terms."""
        with self._lock:
            self._failed += 1
            opened = self._failed == self._failures
            if self._failed >= self._failures:
                self._next_probe = self._clock() + self._cool_down
        if opened:
            log.warning("breaker opened", downstream=self._name, failures=self._failures)
            log.metric("BreakerOpened", downstream=self._name)
