"""Processes that a command starts and a later one finds again."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Process:
    """A process of the shop.

    Attributes
    ----------
    name
        What it is: ``aws``, ``gateway`` or ``edge``.
    pid
        Its id.
    started
        When it started, as the system tells it: a recycled id has another start.
    port
        The port on loopback that it listens to.
    """

    name: str
    pid: int
    started: str
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return start_of(self.pid) == self.started

    def memory_mib(self) -> int:
        """Resident memory with its descendants (the functions' workers), shared pages once."""
        return sum(_resident_kib(pid) for pid in (self.pid, *_descendants(self.pid))) // 1024


@dataclass(frozen=True)
class State:
    """What runs: written when the shop is up, deleted when it is down."""

    started_at: str
    services: tuple[str, ...]
    processes: tuple[Process, ...]

    def __getitem__(self, name: str) -> Process:
        return next(process for process in self.processes if process.name == name)

    @property
    def origins(self) -> dict[str, str]:
        """URL by process name."""
        return {process.name: process.url for process in self.processes}

    def dead(self) -> list[str]:
        """Names of the processes that are gone."""
        return [process.name for process in self.processes if not process.is_alive()]


def start(
    name: str, command: Sequence[str], *, port: int, log: Path, environment: Mapping[str, str]
) -> Process:
    """Start a process that outlives this one and that Ctrl-C does not reach."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
    return Process(name, child.pid, start_of(child.pid) or "", port)


def stop(process: Process, grace_seconds: float = _GRACE_SECONDS) -> bool:
    """Ask a process to stop, and end it if it does not.

    Returns
    -------
    bool
        Whether it stopped by itself.
    """
    if not process.is_alive():
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while process.is_alive():
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            return False
        time.sleep(0.02)
    return True


def read(path: Path) -> State | None:
    """Read what runs; None if nothing was started or the file cannot be read."""
    try:
        content = json.loads(path.read_text())
        processes = tuple(Process(**process) for process in content["processes"])
        return State(content["started_at"], tuple(content["services"]), processes)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write(path: Path, state: State) -> None:
    """Write what runs, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(state), indent=2))
    unfinished.rename(path)


def start_of(pid: int) -> str | None:
    """Tell when a process started; None if it does not run (any more)."""
    try:
        # the command's name is in parentheses and may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return None
    state = _ps("-o", "stat=,lstart=", "-p", str(pid))
    return None if not state or state.startswith("Z") else state.partition(" ")[2].strip()


def _descendants(pid: int) -> list[int]:
    lines = _ps("-A", "-o", "pid=,ppid=").splitlines()
    pairs = [tuple(map(int, line.split())) for line in lines]
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in pairs if its_parent == parent]
    return found[1:]


def _resident_kib(pid: int) -> int:
    with contextlib.suppress(OSError):
        # proportional: what processes share is divided among them
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.partition("\nPss:")[2].split()[0])
    text = _ps("-o", "rss=", "-p", str(pid)).strip()
    return int(text) if text else 0


def _ps(*arguments: str) -> str:
    done = subprocess.run(
        ["ps", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout
