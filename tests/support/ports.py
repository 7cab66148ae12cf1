"""Ports for the processes that tests start."""

import os
import socket

# at most so many test processes run at the same time
_WORKERS = 8
_given: set[int] = set()


def free_port() -> int:
    """Return a port of loopback that is free, and that no other worker of this test run gets.

    The system may offer the same port to two processes that ask for one at the same time.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        # Linux prefers odd ports
        if port // 2 % _WORKERS == worker % _WORKERS and port not in _given:
            _given.add(port)
            return port
