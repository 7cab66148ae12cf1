"""The shop's processes, which later commands find by the state file."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from shopctl.local import processes
from shopctl.project import running_shop
from shopctl.project.running_shop import Process, RunningShop
from support.waiting import eventually

SLEEPING = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)",
]


def start(tmp_path: Path, command: list[str]) -> Process:
    log = tmp_path / "log"
    process = processes.start("edge", command, port=1, log=log, environment=dict(os.environ))
    while "up" not in log.read_text():
        pass
    return process


def test_process_is_alive_until_it_is_stopped(tmp_path: Path) -> None:
    process = start(tmp_path, SLEEPING)
    assert process.is_alive()
    assert process.memory_mib() > 0
    assert processes.stop(process)
    assert not process.is_alive()


def test_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, STUBBORN)
    assert not processes.stop(process, grace_seconds=0.2)
    while process.is_alive():
        pass


def test_process_whose_parent_does_not_collect_it_counts_as_stopped() -> None:
    # GIVEN a process of a parent that never waits for it, as the first process of a container may
    program = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    parent_command = [sys.executable, "-c", f"{program}; time.sleep(60)"]
    with subprocess.Popen(parent_command, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout
            pid = int(parent.stdout.readline())
            started = running_shop.start_time(pid)
            assert started
            # WHEN it is stopped, THEN its end is noticed at once
            assert processes.stop(Process("edge", pid, started, 1), grace_seconds=10)
            assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        finally:
            parent.kill()


def test_process_that_reuses_the_id_is_not_stopped(tmp_path: Path) -> None:
    # GIVEN another process that has the id of one of ours
    other = start(tmp_path, SLEEPING)
    ours = replace(other, started=1.0)
    # WHEN ours is stopped
    assert processes.stop(ours)
    # THEN the other one still runs
    assert not ours.is_alive()
    assert other.is_alive()
    processes.stop(other)


LEADING = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; child = [sys.executable, '-c', 'import time; time.sleep(60)'];"
    "print(subprocess.Popen(child).pid, 'up', flush=True); time.sleep(60)",
]


@pytest.mark.parametrize("by_signal", [True, False])
def test_what_a_process_leaves_behind_is_killed(tmp_path: Path, *, by_signal: bool) -> None:
    # GIVEN a process that has started another, and is killed
    leader = start(tmp_path, LEADING)
    left = int((tmp_path / "log").read_text().split()[0])
    if by_signal:
        os.kill(leader.pid, signal.SIGKILL)
        while leader.is_alive():
            pass
        assert running_shop.start_time(left)
    # WHEN it is stopped
    assert processes.stop(leader)
    # THEN the other does not run either
    eventually(lambda: running_shop.start_time(left) is None, seconds=20)


def test_another_program_with_the_same_session_is_left_alone(tmp_path: Path) -> None:
    # GIVEN the file of a shop from before a restart, whose session is another program's by now
    leader = start(tmp_path, LEADING)
    left = int((tmp_path / "log").read_text().split()[0])
    os.kill(leader.pid, signal.SIGKILL)
    while leader.is_alive():
        pass
    # WHEN the shop's process is stopped, THEN the other program goes on
    for command in ((), ("/another/python", "-m", "local_edge")):
        assert processes.stop(replace(leader, command=command))
    time.sleep(0.2)
    assert running_shop.start_time(left)
    os.kill(left, signal.SIGKILL)


def test_zombie_is_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = running_shop.start_time(child.pid)
        assert started
        assert child.stdin
        child.stdin.close()
        process = Process("aws", child.pid, started, 1)
        while process.is_alive():
            pass


def test_state_file_round_trips(tmp_path: Path) -> None:
    path = tmp_path / "home" / "state.json"
    state = RunningShop("2026-01-01T00:00:00+00:00", ("toys",), (Process("edge", 1, 2.0, 8000),))
    running_shop.write(path, state)
    assert running_shop.read(path) == state
    assert state["edge"].url == "http://127.0.0.1:8000"
    assert state.origins == {"edge": "http://127.0.0.1:8000"}
    assert state.dead() == ["edge"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"processes": [{"name": 1}]}'])
def test_unreadable_state_file_means_that_nothing_runs(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    assert running_shop.read(tmp_path / "state.json") is None
