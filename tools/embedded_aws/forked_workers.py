"""Starts the functions' workers by forking, where the system allows it.

A worker that imports its app itself takes half a second of CPU and 50 to 100 MB. The two dozen
functions of the shop would start slowly and take more than a gigabyte.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

# variables that differ between the functions of an app and that no app reads during import
_OWN_VARIABLES = (
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "LAMBDA_TASK_ROOT",
    "_LAMBDA_FUNCTION_ARN",
    "_LAMBDA_TIMEOUT",
)
_IDLE_SECONDS = 60.0
_servers: dict[str, "_Server"] = {}
_lock = threading.Lock()


def install() -> None:
    """Replace how ministack starts a worker process."""
    lambda_runtime.subprocess = SimpleNamespace(
        Popen=_start,
        PIPE=subprocess.PIPE,
        STDOUT=subprocess.STDOUT,
        DEVNULL=subprocess.DEVNULL,
        TimeoutExpired=subprocess.TimeoutExpired,
    )


def warm_up() -> None:
    """Start one worker for each function, in the background."""
    functions = [record for record in lambda_svc._functions.values() if record.get("code_zip")]

    def run() -> None:
        for record in functions:
            config = record["config"]
            worker, _ = lambda_runtime.acquire_worker(
                config["FunctionName"], config, record["code_zip"]
            )
            # a function that cannot start reports why when it is invoked
            with contextlib.suppress(Exception):
                lambda_runtime.ensure_spawned(worker)
            lambda_runtime.release_worker(worker)

    threading.Thread(target=run, daemon=True, name="warm-up").start()


def close_idle(*, everything: bool = False) -> None:
    """End the fork servers that have been idle for a minute and have no running worker."""
    with _lock:
        for key, server in list(_servers.items()):
            if everything or server.is_idle():
                server.close()
                del _servers[key]


class ForkedWorker:
    """A forked worker, with as much of ``subprocess.Popen``'s interface as ministack uses."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.stdin: IO[str] = open(stdin, "w", buffering=1, encoding="utf-8")  # noqa: SIM115
        self.stdout: IO[str] = open(stdout, encoding="utf-8")  # noqa: SIM115
        self.stderr: IO[str] = open(stderr, encoding="utf-8", errors="replace")  # noqa: SIM115
        self._handle: int | None = None
        with contextlib.suppress(ProcessLookupError):
            self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return 0 if it has ended, ``None`` if it still runs."""
        return 0 if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended.

        Raises
        ------
        subprocess.TimeoutExpired
            If it still runs after ``timeout`` seconds.
        """
        if not self._has_ended(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("worker", timeout or 0)
        for pipe in (self.stdin, self.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        return 0

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def _has_ended(self, milliseconds: float | None) -> bool:
        if self._handle is None:
            return True
        ended = select.poll()
        ended.register(self._handle, select.POLLIN)
        if not ended.poll(milliseconds):
            return False
        os.close(self._handle)
        self._handle = None
        return True


class _Server:
    """A process that has imported an app; see `fork_server.py`."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._workers: list[ForkedWorker] = []
        self._used = time.monotonic()
        self._lock = threading.Lock()
        script = Path(__file__).with_name("fork_server.py")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(script), str(theirs.fileno())],
                cwd=directory,
                env=environment,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def fork(self, script: str, directory: str, environment: dict[str, str]) -> ForkedWorker:
        """Start a worker."""
        request = {"script": script, "directory": directory, "environment": environment}
        pipes = [os.pipe() for _ in range(3)]
        (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = pipes
        with self._lock:
            self._used = time.monotonic()
            socket.send_fds(self._socket, [json.dumps(request).encode()], [stdin, stdout, stderr])
            for descriptor in (stdin, stdout, stderr):
                os.close(descriptor)
            pid = int(self._socket.recv(32))
            worker = ForkedWorker(pid, to_stdin, from_stdout, from_stderr)
            self._workers = [w for w in self._workers if w.poll() is None] + [worker]
        return worker

    def is_alive(self) -> bool:
        """Return whether it can fork."""
        return self._process.poll() is None

    def is_idle(self) -> bool:
        """Return whether it has not forked for a minute and none of its workers runs."""
        recent = time.monotonic() - self._used < _IDLE_SECONDS
        return not recent and all(worker.poll() is not None for worker in self._workers)

    def close(self) -> None:
        """End it; its workers keep running."""
        self._socket.close()
        self._process.terminate()
        self._process.wait()


def _start(command: list[str], *, cwd: str, env: dict[str, str], **options: Any) -> Any:
    directory = Path(cwd).resolve()
    if command[0] != sys.executable or not (directory / "app.py").exists():
        return subprocess.Popen(command, cwd=cwd, env=env, **options)
    common = {name: value for name, value in env.items() if name not in _OWN_VARIABLES}
    key = json.dumps([str(directory), sorted(common.items())])
    with _lock:
        server = _servers.get(key)
        if server is None or not server.is_alive():
            server = _servers[key] = _Server(directory, env)
    return server.fork(command[1], cwd, env)
