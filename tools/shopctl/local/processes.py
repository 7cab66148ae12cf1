"""Starts and stops the processes of the shop."""

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from shopctl.project.running_shop import Process, start_time

# the embedded AWS saves its state
_GRACE_SECONDS = 60.0
_KILL_SECONDS = 5.0
_POLL_SECONDS = 0.02


def start(
    name: str, command: Sequence[str], *, port: int, log: Path, environment: Mapping[str, str]
) -> Process:
    """Start a process that continues when this one ends, and does not receive its Ctrl-C.

    Parameters
    ----------
    name
        Its role: ``aws``, ``gateway``, ``edge`` or ``supervisor``.
    command
        The program and its arguments.
    port
        The port that it is going to listen on.
    log
        The file that its output is appended to.
    environment
        Its whole environment.
    """
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
    return Process(name, child.pid, start_time(child.pid) or 0.0, port, tuple(command))


def stop(process: Process, grace_seconds: float = _GRACE_SECONDS) -> bool:
    """Ask a process to stop, kill it if it does not, and kill what it leaves behind.

    Parameters
    ----------
    grace_seconds
        Seconds to wait before it is killed.

    Returns
    -------
    bool
        Whether it stopped by itself.
    """
    stopped = _stop(process, grace_seconds)
    _kill_session(process)
    return stopped


def _stop(process: Process, grace_seconds: float) -> bool:
    if not process.is_alive():
        return True
    try:
        target = psutil.Process(process.pid)
        target.terminate()
        deadline = time.monotonic() + grace_seconds
        # not `target.wait`: it also waits until the parent has collected the exit status, which
        # the first process of a container may do late or never
        while process.is_alive():
            if time.monotonic() > deadline:
                target.kill()
                with contextlib.suppress(psutil.TimeoutExpired):
                    target.wait(_KILL_SECONDS)
                return False
            time.sleep(_POLL_SECONDS)
    except psutil.NoSuchProcess:
        return True
    return True


def _kill_session(leader: Process) -> None:
    """Kill the processes that an ended one has left behind.

    The workers of a killed embedded AWS go on, and so does the process that saves its state. They
    would change the shop that is started next, which has been taken back to an earlier moment.
    """
    program = [*leader.command[:1]]
    if not program or start_time(leader.pid) is not None:
        # its id is another process's by now
        return
    for one in psutil.process_iter():
        # it may have ended meanwhile, or be another user's
        with contextlib.suppress(OSError, psutil.Error):
            # after a restart of the computer, the session may be another program's
            if os.getsid(one.pid) == leader.pid and one.cmdline()[:1] == program:
                one.kill()
