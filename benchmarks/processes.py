"""Processor time and memory of the processes of a running shop."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

_APPS = Path(__file__).resolve().parents[1] / "apps"
_SERVICES = {f"toyshop-local-{app.name.replace('_', '-')}-": app.name for app in _APPS.iterdir()}

Family = dict[psutil.Process, str]
"""What each process does: its name in ``./shop status``, or whose functions it runs."""


def of_shop(status: dict[str, Any]) -> Family:
    """Return the shop's processes and their descendants.

    Parameters
    ----------
    status
        What ``./shop status --json`` prints.
    """
    family: Family = {}
    for name, process in status["processes"].items():
        root = psutil.Process(process["pid"])
        family[root] = name
        for child in root.children(recursive=True):
            family[child] = _service_of(child) or name
    return family


def memory(family: Family) -> dict[str, float]:
    """Return the memory of processes in MiB: resident and proportional set size."""
    found = list(_memory(family))
    return {
        "processes": len(found),
        "resident": round(sum(one.rss for one in found) / 2**20),
        "proportional": round(sum(one.pss for one in found) / 2**20),
    }


class ProcessorTime:
    """Adds up the processor time of a shop, also of processes that start or end meanwhile.

    A process that starts and ends between two calls of ``read`` is missed.

    Parameters
    ----------
    family
        The shop's processes at the start.
    """

    def __init__(self, family: Family) -> None:
        self._last: dict[psutil.Process, tuple[str, float]] = {}
        self._before: dict[psutil.Process, float] = {}
        self.read(family)
        self._before = {process: seconds for process, (_, seconds) in self._last.items()}

    def read(self, family: Family) -> dict[str, float]:
        """Return the seconds used since the start, by what the processes do."""
        for process, name in family.items():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            self._last[process] = name, times.user + times.system
        used: dict[str, float] = defaultdict(float)
        for process, (name, seconds) in self._last.items():
            used[name] += seconds - self._before.get(process, 0)
        return dict(used)


def _memory(family: Family) -> Iterator[Any]:
    for process in family:
        try:
            yield process.memory_full_info()
        except psutil.NoSuchProcess:
            continue


def _service_of(process: psutil.Process) -> str:
    """Return whose functions a process runs; empty if it runs none."""
    try:
        function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
    except psutil.NoSuchProcess:
        return ""
    return next((name for prefix, name in _SERVICES.items() if function.startswith(prefix)), "")
