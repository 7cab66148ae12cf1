"""Saves the state every few seconds, on Linux in a forked process.

By default, ministack saves its state when it stops, with the JSON encoder that is written in
Python, and answers no requests meanwhile. A process that is forked between two requests has a copy
of the memory of that moment, so that what it saves is one consistent state, with the work that is
pending.
"""

import asyncio
import contextlib
import copy
import datetime
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack import app as ministack_app
from ministack.core import persistence
from ministack.services import dynamodb, lambda_svc

from embedded_aws import async_invocation, in_flight, saved_ports, streams
from embedded_aws.object_log import ObjectLog
from embedded_aws.recovery import mark_unclean
from embedded_aws.snapshots import Manifest, Snapshots, sync

_SECONDS = 3.0
_SHARE = 0.1
"""The maximum share of a processor's time to spend on saving."""
_LONGEST_SECONDS = 600
"""A process that is still saving after so long hangs."""
_FIRST_DESCRIPTOR = 3
_PENDING = "pending.json"
"""What is pending in ministack's memory only: unread records of streams and accepted events."""
_lock = asyncio.Lock()
_running: int | None = None
"""A descriptor of the process that is saving."""
_saver: "_Saver"


def install(home: Path, manifest: Manifest | None, ports: dict[str, int]) -> None:
    """Make ministack load a snapshot and save others.

    Parameters
    ----------
    home
        Directory of the shop's files.
    manifest
        The manifest of the snapshot to load; ``None`` if there is none.
    ports
        The present ports on loopback by process name.
    """
    global _saver
    _saver = _Saver(home, manifest, ports)
    moved = saved_ports.Moved(manifest.get("ports", {}) if manifest else {}, ports)

    def load(file: Any, **options: Any) -> Any:
        return json.loads(moved(Path(file.name).name, file.read()), **options)

    persistence.json = SimpleNamespace(load=load, JSONDecodeError=json.JSONDecodeError)
    persistence.STATE_DIR = str(Snapshots(home).newest)
    dynamodb.get_state = _without_copies(dynamodb.get_state)
    ministack_app.save_all = _save_at_the_end
    # both kept snapshots refer to packages
    lambda_svc._prune_orphan_code_blobs = lambda _: None


def objects() -> ObjectLog:
    """Return the log of changes to the files of objects."""
    return _saver.objects


def resume() -> None:
    """Go on with what was pending when the loaded state was saved."""
    # the records first: a mapping without them would skip new ones
    pending = persistence.load_state(_PENDING.removesuffix(".json")) or {}
    streams.restore(pending.get("streams", []))
    async_invocation.restore(pending.get("events", []))
    in_flight.release()


async def save() -> float:
    """Write the current state, so that only later changes are lost if the process is killed.

    Returns
    -------
    float
        Seconds of processor time that it took.
    """
    global _running
    async with _lock:
        if sys.platform != "linux":
            began = time.process_time()
            _saver.write(_saver.begin())
            return time.process_time() - began
        manifest = _saver.begin()
        receiving, sending = os.pipe()
        process = os.fork()
        if process == 0:
            _write_and_exit(manifest, receiving)
        # nothing has been answered since the fork: the gateway knows what this state knows, and
        # nothing of what comes later
        os.write(sending, json.dumps(_saver.gateway_position()).encode())
        os.close(sending)
        os.close(receiving)
        _running = os.pidfd_open(process)
        try:
            _, status, used = await asyncio.to_thread(os.wait4, process, 0)
        finally:
            os.close(_running)
            _running = None
        if (code := os.waitstatus_to_exitcode(status)) not in (0, -signal.SIGKILL):
            print(f"the state could not be saved: exit status {code}", file=sys.stderr, flush=True)
        return used.ru_utime + used.ru_stime


async def save_when_changed(changes: Callable[[], int]) -> None:
    """Save the state every few seconds, if it may have changed.

    A large state, which takes longer to save, is saved less often. What counts is processor time,
    because the process that saves gives way to others.

    Parameters
    ----------
    changes
        Returns a number that becomes larger with each possible change.
    """
    saved, pause = changes(), _SECONDS
    while True:
        await asyncio.sleep(pause)
        if changes() != saved:
            saved = changes()
            pause = max(_SECONDS, await save() / _SHARE)


class _Saver:
    """Numbers and writes the snapshots of one shop."""

    def __init__(self, home: Path, manifest: Manifest | None, ports: dict[str, int]) -> None:
        self.home = home
        self._snapshots = Snapshots(home)
        self._number = manifest["number"] if manifest else 0
        self._ports = {**(manifest or {}).get("ports", {}), **ports}
        self._mails_saved = int((manifest or {}).get("mails_until", 0))
        self.objects = ObjectLog(home)
        self.objects.begin(self._number)

    def begin(self) -> Manifest:
        """Number the next snapshot, and log from now on what changes after it."""
        self._number += 1
        self.objects.begin(self._number)
        return {
            "number": self._number,
            "moment": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
            "mails_until": time.time_ns(),
            "ports": self._ports,
            "gateway_position": self.gateway_position(),
        }

    def gateway_position(self) -> int | None:
        """Return the size of the gateway simulator's journal; ``None`` if there is none."""
        try:
            return (self.home / "gateway" / "journal.jsonl").stat().st_size
        except FileNotFoundError:
            return None

    def write(self, manifest: Manifest) -> None:
        """Write a snapshot, and delete what only older ones need."""
        state = {
            name: found
            for name, get_state in ministack_app._build_persistence_save_dict().items()
            if (found := get_state()) is not None
        }
        unread, waiting = streams.state(), async_invocation.state()
        pending = {"streams": unread, "events": waiting}
        counts = {
            "tables": {
                name: table["ItemCount"] for (_, _, name), table in dynamodb._tables.all_items()
            },
            "records": sum(len(stream["records"]) for stream in unread),
            "events": len(waiting),
        }
        self._sync(manifest["number"] - 1)
        self._snapshots.write(
            self._files({**state, _PENDING.removesuffix(".json"): pending}),
            {**manifest, "counts": counts},
        )
        kept = dict(self._snapshots.kept())
        self.objects.forget(min(one["number"] for one in kept.values()))
        _prune_packages(kept)

    def _files(self, states: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for name, state in states.items():
            version = persistence._state_format_version(name)
            content = {"__ministack_format__": version, "payload": state}
            yield f"{name}.json", json.dumps(content, default=persistence._json_default)

    def _sync(self, number: int) -> None:
        self.objects.sync(number)
        for mail in (self.home / "mail").glob("*.eml"):
            if int(mail.stem) > self._mails_saved:
                sync(mail)


def _prune_packages(kept: dict[Path, Manifest]) -> None:
    """Delete the packages that no kept snapshot refers to."""
    states = [(path / "lambda.json") for path in kept]
    texts = [state.read_text() for state in states if state.exists()]
    for package in Path(lambda_svc.CODE_BLOB_DIR).glob("*.zip"):
        if not any(package.stem in text for text in texts):
            package.unlink()


def _save_at_the_end(_: Any) -> None:
    """Save the state in this process; a running save would write to the same files."""
    if _running is not None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(_running, signal.SIGKILL)
        ended = select.poll()
        ended.register(_running, select.POLLIN)
        ended.poll()
    _saver.write(_saver.begin())
    # `./shop up` takes it for a kill as long as this file is there
    mark_unclean(_saver.home, unclean=False)


def _write_and_exit(manifest: Manifest, receiving: int) -> None:
    status = 1
    try:
        signal.alarm(_LONGEST_SECONDS)
        manifest["gateway_position"] = json.loads(os.read(receiving, 100))
        # a copy in this process would keep a connection open after the parent closes it
        os.closerange(_FIRST_DESCRIPTOR, os.sysconf("SC_OPEN_MAX"))
        os.nice(5)
        # this process has a copy of everything already
        vars(copy)["deepcopy"] = _itself
        _saver.write(manifest)
        status = 0
    except BaseException as error:
        os.write(2, f"the state could not be saved: {error!r}\n".encode())
    finally:
        os._exit(status)


def _itself(value: Any, *_: Any) -> Any:
    return value


def _without_copies(get_state: Callable[[], Any]) -> Callable[[], Any]:
    """Return the state itself: it is written before it changes, or by a forked process."""

    def get() -> Any:
        dynamodb.copy = SimpleNamespace(deepcopy=lambda value: value)
        try:
            return get_state()
        finally:
            dynamodb.copy = copy

    return get
