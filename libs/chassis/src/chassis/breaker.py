"""A circuit breaker: stops calls to a service that keeps failing, for a few seconds at a time.

Callers get an error at once instead of waiting for a timeout each.

After Nygard, "Release It!" (2nd edition, 2018), "Circuit Breaker". Each process has its own state.
The instances of a Lambda function share nothing, so each one detects a failing service by itself,
after a few slow calls. In return, calls do not depend on another component that can fail.
"""

import threading
import time
from collections.abc import Callable

from chassis import log

FAILURES = 5
"""Failures in a row that open a breaker."""
COOL_DOWN = 5.0
"""Seconds that a breaker stays open."""


class Breaker:
    """Counts the failures of a service and decides whether to call it.

    ========= ===================================== ===========================================
    state     permitted calls                       next state
    ========= ===================================== ===========================================
    closed    all                                   open, after ``failures`` failures in a row
    open      none                                  half-open, after ``cool_down`` seconds
    half-open one, the probe                        closed if it succeeds, otherwise open
    ========= ===================================== ===========================================

    Parameters
    ----------
    name
        Name of the service, for the log.
    failures
        Number of failures in a row that opens the breaker.
    cool_down
        Seconds that it stays open.
    clock
        Returns seconds that never decrease.
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
        """Return whether the service may be called now; the caller then reports the outcome.

        While the breaker is open, one call per cool-down is permitted. If that call never reports
        its outcome, the next one is permitted after another cool-down.
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
        """Record a response within the contract, a problem answer included."""
        with self._lock:
            reopened, self._failed = self._failed >= self._failures, 0
        if reopened:
            log.info("circuit breaker closed", downstream=self._name)
            log.metric("toyshop.breaker.open", 0, downstream=self._name)

    def failed(self) -> None:
        """Record that there was no response, or one outside the contract."""
        with self._lock:
            self._failed += 1
            opened = self._failed == self._failures
            if self._failed >= self._failures:
                self._next_probe = self._clock() + self._cool_down
        if opened:
            log.warning("circuit breaker opened", downstream=self._name, failures=self._failures)
            log.metric("toyshop.breaker.open", downstream=self._name)
