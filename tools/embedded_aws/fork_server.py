"""Imports an app once and forks its functions' workers.

Runs in one process per package, with the standard library alone: ``fork_server.py FD``. A forked
worker shares the memory of all modules that the app has imported, and starts in milliseconds. The
worker script, which ministack wrote, then finds the app already imported.
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
    """Fork a worker for each request, until the embedded AWS has closed the socket.

    Parameters
    ----------
    descriptor
        File descriptor of the socket that requests arrive on.
    """
    requests = socket.socket(fileno=descriptor)
    answers = sys.stdout
    # output of a module during its import belongs in the log
    sys.stdout = sys.stderr
    sys.path[0] = str(Path.cwd())
    with contextlib.suppress(Exception):
        # the worker reports why an app cannot be imported
        importlib.import_module(_APP)
    gc.freeze()
    # nothing waits for the workers, so the kernel reaps them
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
    """Turn this process into a worker: set up pipes and environment, and run its script."""
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
        # skip the clean-up of the server that this was forked from
        with contextlib.suppress(Exception):
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]))
