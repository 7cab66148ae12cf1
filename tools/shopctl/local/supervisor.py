"""Starts the edge and the payment gateway again when they have ended.

It runs as a process of its own, from `./shop up` to `./shop down`.
"""

import contextlib
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

from shopctl.local import environment, processes
from shopctl.local.lock import exclusive
from shopctl.project import running_shop
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process, RunningShop

DELAYS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds to wait before each start; after the last one, a process that ends again is given up."""
STABLE_SECONDS = 60.0
"""A process that has run for so long is started again without a delay."""
_POLL_SECONDS = 0.3
_LOST = (
    "it is not started again, because the last few seconds are lost with it, and the gateway must"
    " be rolled back to the same moment. Run `./shop up`, which does so and says what was lost"
)


def start(layout: Layout) -> Process:
    """Start the supervisor of a shop."""
    return processes.start(
        "supervisor",
        [sys.executable, "-m", "shopctl.local.supervisor", str(layout.root), str(layout.home)],
        port=0,
        log=layout.logs / "supervisor.log",
        environment=environment.variables(PYTHONPATH=str(layout.tools)),
    )


class Supervisor:
    """Looks after the processes of one shop.

    Parameters
    ----------
    layout
        Where the shop's files are.
    clock
        Returns the time in seconds.
    """

    def __init__(self, layout: Layout, clock: Callable[[], float] = time.monotonic) -> None:
        self._layout = layout
        self._clock = clock
        self._starts: defaultdict[str, list[float]] = defaultdict(list)

    def check(self) -> bool:
        """Start again what has ended, unless another command starts or stops the shop now.

        Returns
        -------
        bool
            Whether the shop is still there, with this supervisor.
        """
        _collect_ended_children()
        shop = running_shop.read(self._layout.state)
        if not _is_ours(shop):
            return False
        if any(self._is_due(process) for process in shop.processes):
            with contextlib.suppress(ShopProblem), exclusive(self._layout):
                # the command that held the lock may have stopped or changed the shop
                shop = running_shop.read(self._layout.state)
                if _is_ours(shop):
                    checked = tuple(self._restarted(process) for process in shop.processes)
                    running_shop.write(self._layout.state, replace(shop, processes=checked))
        return True

    def _is_due(self, process: Process) -> bool:
        """Return whether something must be done about a process."""
        if process.is_alive() or process.given_up:
            return False
        starts = self._starts[process.name]
        if starts and self._clock() - starts[-1] >= STABLE_SECONDS:
            starts.clear()
        if len(starts) in (0, len(DELAYS)):
            return True
        return self._clock() >= starts[-1] + DELAYS[len(starts)]

    def _restarted(self, process: Process) -> Process:
        if not self._is_due(process):
            return process
        starts, log = self._starts[process.name], self._layout.logs / f"{process.name}.log"
        if process.name == "aws":
            return _given_up(process, _LOST)
        if len(starts) == len(DELAYS):
            reason = f"it has ended again after {len(starts)} starts. Read {log}, then run"
            return _given_up(process, f"{reason} `./shop up`")
        starts.append(self._clock())
        _say(f"{process.name} has ended: start {len(starts)} of {len(DELAYS)}")
        return processes.start(
            process.name,
            process.command,
            port=process.port,
            log=log,
            environment=environment.variables(PYTHONPATH=str(self._layout.tools)),
        )


def _is_ours(shop: RunningShop | None) -> TypeGuard[RunningShop]:
    """Return whether the shop runs, and no other supervisor has taken over."""
    return shop is not None and (shop.supervisor is None or shop.supervisor.pid == os.getpid())


def _given_up(process: Process, reason: str) -> Process:
    _say(f"{process.name} has ended: {reason}.")
    return replace(process, given_up=reason)


def _collect_ended_children() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", flush=True)


def main(root: str, home: str) -> None:
    """Supervise a shop until it is stopped.

    Parameters
    ----------
    root, home
        The directories of the checkout and of the shop's files.
    """
    supervisor = Supervisor(Layout(Path(root), Path(home)))
    while supervisor.check():
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
