"""Reuses threads: starting one takes more processor time than most of the tasks it would run."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from ministack.core import concurrency

# Practically unlimited: a task that waits for another must not keep it from getting a thread.
_LIMIT = 100_000
_pool = ThreadPoolExecutor(_LIMIT, thread_name_prefix="reused")


def install() -> None:
    """Make ministack run on idle threads what it would start threads for, such as invocations."""
    concurrency.threading = SimpleNamespace(Thread=_Task, Lock=threading.Lock)


def start(target: Callable[[], object]) -> Future[Any]:
    """Run a function in the background, on a new thread only if none is idle."""
    return _pool.submit(target)


class _Task:
    """The part of ``threading.Thread``'s interface that ministack uses."""

    def __init__(self, target: Callable[[], object], **_: Any) -> None:
        self._target = target

    def start(self) -> None:
        self._future = start(self._target)

    def join(self, timeout: float | None = None) -> None:
        self._future.exception(timeout)

    def is_alive(self) -> bool:
        return not self._future.done()
