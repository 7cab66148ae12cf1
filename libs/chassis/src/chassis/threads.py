"""Two calls at the same time, in the context of one request or event."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def concurrently(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Run two functions at the same time, and return the results of both.

    The second runs in a thread that ends before this function returns, since Lambda stops the
    process between invocations. It has the caller's context: trace, correlation id and deadline.

    Parameters
    ----------
    first, second
        Functions that do not depend on each other.

    Raises
    ------
    BaseException
        The error of the first function; otherwise, that of the second.
    """
    results: list[B] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(second())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=copy_context().run, args=(run,))
    thread.start()
    try:
        result = first()
    finally:
        thread.join()
    if errors:
        raise errors[0]
    return result, results[0]
