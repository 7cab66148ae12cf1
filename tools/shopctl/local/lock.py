"""Keeps commands that start or stop the same shop apart."""

import contextlib
import fcntl
from collections.abc import Iterator

from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


@contextlib.contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Hold the shop's lock; the system lets go of it even if this process is killed.

    Raises
    ------
    ShopProblem
        If another command holds it.
    """
    layout.home.mkdir(parents=True, exist_ok=True)
    with (layout.home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ShopProblem(
                "Another command is starting or stopping the shop.", "Wait until it has finished."
            ) from None
        yield
