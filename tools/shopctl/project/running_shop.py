"""The running shop: its processes, as a state file names them for later commands."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

_TOLERANCE_SECONDS = 1.0


@dataclass(frozen=True)
class Process:
    """A process of the shop.

    Attributes
    ----------
    name
        Its role: ``aws``, ``gateway`` or ``edge``.
    pid
        Its process id.
    started
        When it started, in seconds after the system booted: the clock may be set while the shop
        runs. A recycled process id has another start time.
    port
        The port on loopback that it listens on; 0 if it listens on none.
    command
        The program and its arguments.
    given_up
        Why it is not started again after it has ended, and what to do; empty until then.
    """

    name: str
    pid: int
    started: float
    port: int
    command: tuple[str, ...] = ()
    given_up: str = ""

    @property
    def url(self) -> str:
        """The URL that it answers at."""
        return f"http://127.0.0.1:{self.port}"

    def is_alive(self) -> bool:
        """Return whether this very process still runs; one that reuses its id does not count."""
        started = start_time(self.pid)
        return started is not None and abs(started - self.started) < _TOLERANCE_SECONDS

    def memory_mib(self) -> int:
        """Return the resident memory in MiB, descendants included and shared pages counted once."""
        try:
            process = psutil.Process(self.pid)
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        return sum(_memory_bytes(member) for member in family) // 2**20


@dataclass(frozen=True)
class RunningShop:
    """What runs. The file is written when the shop is up and deleted when it is down.

    Attributes
    ----------
    started_at
        When the shop was started, RFC 3339 in UTC.
    services
        Names of the deployed services.
    processes
        The processes, one for each role.
    supervisor
        The process that starts the others again; ``None`` before it has been started.
    seeding
        The process that adds the catalogue's pictures; ``None`` if none were missing.
    """

    started_at: str
    services: tuple[str, ...]
    processes: tuple[Process, ...]
    supervisor: Process | None = None
    seeding: Process | None = None

    def __getitem__(self, name: str) -> Process:
        """Return the process of a role."""
        return next(process for process in self.processes if process.name == name)

    @property
    def origins(self) -> dict[str, str]:
        """URLs by process name."""
        return {process.name: process.url for process in self.processes}

    def dead(self) -> list[str]:
        """Return the names of the processes that have ended."""
        return [process.name for process in self.processes if not process.is_alive()]


def read(path: Path) -> RunningShop | None:
    """Read a state file.

    Returns
    -------
    RunningShop or None
        ``None`` if nothing was started or the file cannot be read.
    """
    try:
        content = json.loads(path.read_text())
        return RunningShop(
            content["started_at"],
            tuple(content["services"]),
            tuple(_process(entry) for entry in content["processes"]),
            _process(content["supervisor"]) if content["supervisor"] else None,
            _process(content["seeding"]) if content.get("seeding") else None,
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _process(entry: dict[str, Any]) -> Process:
    return Process(
        entry["name"],
        entry["pid"],
        float(entry["started"]),
        entry["port"],
        tuple(entry["command"]),
        entry["given_up"],
    )


def write(path: Path, shop: RunningShop) -> None:
    """Write a state file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(shop), indent=2))
    unfinished.rename(path)


def start_time(pid: int) -> float | None:
    """Return when a process started, in seconds after boot; ``None`` if it has ended."""
    try:
        process = psutil.Process(pid)
        # an ended child whose parent has not waited for it yet is a zombie
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.create_time() - psutil.boot_time()
    except psutil.NoSuchProcess:
        return None


def _memory_bytes(process: psutil.Process) -> int:
    try:
        # proportional set size, where the system has it: shared pages are divided among processes
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
