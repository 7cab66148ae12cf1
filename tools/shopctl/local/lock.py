"""A lock that lets only one command at a time start or stop a shop."""

import contextlib
from collections.abc import Iterator

from filelock import FileLock, Timeout

from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

# longer than the supervisor needs to start a process again
_SECONDS = 1.0


@contextlib.contextmanager
def exclusive(layout: Layout) -> Iterator[None]:
    """Hold the shop's lock; the system releases it even if this process is killed.

    Raises
    ------
    ShopProblem
        If another command holds it, or if the shop's home cannot be written.
    """
    try:
        layout.home.mkdir(parents=True, exist_ok=True)
        held = FileLock(layout.home / "lock", timeout=_SECONDS).acquire()
    except Timeout:
        raise ShopProblem(
            "Another command is starting or stopping the shop.", "Wait until it has finished."
        ) from None
    except OSError as error:
        raise layout.unusable_home(error.strerror or str(error)) from error
    with held:
        yield
