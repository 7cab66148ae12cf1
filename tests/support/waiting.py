"""Waiting for what happens in another process."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def eventually(check: Callable[[], Value], seconds: float = 60, every: float = 0.1) -> Value:
    """Return the first true result of a check; fail with its last one when the time is up.

    Parameters
    ----------
    check
        Called again and again.
    seconds
        How long to try.
    every
        Seconds between two calls.
    """
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"still {result!r} after {seconds} s"
        time.sleep(every)
