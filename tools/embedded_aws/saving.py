"""Saves the state, on Linux in a forked process, so that the shop is not interrupted.

By default, ministack copies its state, writes it with the JSON encoder that is written in Python,
and answers no requests meanwhile, which takes a minute with 100,000 toys and orders.
"""

import asyncio
import contextlib
import copy
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TextIO

from ministack import app as ministack_app
from ministack.core import persistence
from ministack.services import dynamodb

_SECONDS = 20.0
_SHARE = 0.1
"""The maximum share of the time to spend on saving."""
_FIRST_DESCRIPTOR = 3
_lock = asyncio.Lock()
_running: int | None = None
"""A descriptor of the process that is saving."""


def install() -> None:
    """Make saving fast: without copies, and with the encoder that is written in C."""
    persistence.json = SimpleNamespace(
        dump=_dump, load=json.load, JSONDecodeError=json.JSONDecodeError
    )
    dynamodb.get_state = _without_copies(dynamodb.get_state)
    ministack_app.save_all = _alone(ministack_app.save_all)


async def save() -> None:
    """Write the current state, so that only later changes are lost if the process is killed."""
    global _running
    async with _lock:
        state = {
            name: found
            for name, get_state in ministack_app._build_persistence_save_dict().items()
            if (found := get_state()) is not None
        }
        if sys.platform != "linux":
            _write(state)
            return
        process = os.fork()
        if process == 0:
            _write_and_exit(state)
        _running = os.pidfd_open(process)
        try:
            await asyncio.to_thread(os.waitpid, process, 0)
        finally:
            os.close(_running)
            _running = None


async def save_when_quiet(requests: Callable[[], int], is_idle: Callable[[], bool]) -> None:
    """Save the state every 20 seconds, if requests came in and nothing is pending.

    A large state, which takes longer to save, is saved less often.

    Parameters
    ----------
    requests
        Returns the number of requests so far.
    is_idle
        Returns whether nothing is pending.
    """
    saved, pause = requests(), _SECONDS
    while True:
        await asyncio.sleep(pause)
        if requests() != saved and is_idle():
            saved, began = requests(), time.monotonic()
            await save()
            pause = max(_SECONDS, (time.monotonic() - began) / _SHARE)


def _alone(save_all: Callable[[Any], None]) -> Callable[[Any], None]:
    """Make the last save first stop a running one, which would write to the same files."""

    def save_alone(services: Any) -> None:
        if _running is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(_running, signal.SIGKILL)
            ended = select.poll()
            ended.register(_running, select.POLLIN)
            ended.poll()
        save_all(services)

    return save_alone


def _write(state: dict[str, Any]) -> None:
    for name, found in state.items():
        persistence.save_state(name, found)


def _write_and_exit(state: dict[str, Any]) -> None:
    status = 1
    try:
        # a copy in this process would keep a connection open after the parent closes it
        os.closerange(_FIRST_DESCRIPTOR, os.sysconf("SC_OPEN_MAX"))
        os.nice(5)
        _write(state)
        status = 0
    finally:
        os._exit(status)


def _dump(value: Any, file: TextIO, **options: Any) -> None:
    file.write(json.dumps(value, **options))


def _without_copies(get_state: Callable[[], Any]) -> Callable[[], Any]:
    """Return the state itself: it is written before it changes, or by a forked process."""

    def get() -> Any:
        dynamodb.copy = SimpleNamespace(deepcopy=lambda value: value)
        try:
            return get_state()
        finally:
            dynamodb.copy = copy

    return get
