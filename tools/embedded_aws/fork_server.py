"""Imports an app once and forks its functions' workers from that.

Runs in a process per package, with nothing but the standard library: ``fork_server.py FD``.
A worker forked from here shares the memory of everything the app has imported, and starts in
milliseconds. The workers' own script, which ministack wrote, then finds the app imported.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

MESSAGE_LIMIT = 200_000
_APP = "app"


def main(descriptor: int) -> None:
    """Fork a worker for each message of the launcher, until the launcher is gone."""
    requests = socket.socket(fileno=descriptor)
    answers = sys.stdout
    # what a module writes while it is imported, or keeps to write to, is the log
    sys.stdout = sys.stderr
    sys.path[0] = str(Path.cwd())
    with contextlib.suppress(Exception):
        # an app that cannot be imported says why in the worker
        importlib.import_module(_APP)
    gc.freeze()
    # nobody waits for the workers: the kernel forgets them
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE_LIMIT, 3)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            requests.close()
            sys.stdout = answers
            _work(json.loads(message), descriptors)
        for received in descriptors:
            os.close(received)
        requests.send(str(pid).encode())


def _work(request: dict[str, str | dict[str, str]], descriptors: list[int]) -> NoReturn:
    """Become the worker: its pipes, its environment, its script."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for standard, received in enumerate(descriptors):
            os.dup2(received, standard)
            os.close(received)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - to the process's end
        environment, script = request["environment"], request["script"]
        assert isinstance(environment, dict)
        assert isinstance(script, str)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(str(request["directory"]))
        program = compile(Path(script).read_text(), script, "exec")
        exec(program, {"__name__": "__main__"})  # noqa: S102
        status = 0
    finally:
        # the server's own clean-up is not the worker's
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]))
