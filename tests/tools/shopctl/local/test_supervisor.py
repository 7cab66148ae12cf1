"""Restarts of the shop's processes, with small programs in place of edge and gateway."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shopctl.local import processes
from shopctl.local.lock import exclusive
from shopctl.local.supervisor import DELAYS, STABLE_SECONDS, Supervisor
from shopctl.project import running_shop
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process, RunningShop
from support.paths import ROOT

SERVING = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)")
ENDING = (sys.executable, "-c", "print('up')")


class SupervisedShop:
    """A shop of one process, and a supervisor whose clock a test moves on."""

    def __init__(self, home: Path) -> None:
        self.layout = Layout(ROOT, home)
        self.now = 1000.0
        self.supervisor = Supervisor(self.layout, lambda: self.now)

    def has(self, name: str, command: tuple[str, ...]) -> Process:
        """Start the shop's process, and return it."""
        log = self.layout.logs / f"{name}.log"
        process = processes.start(name, command, port=8000, log=log, environment=dict(os.environ))
        state = RunningShop("2026-01-01T00:00:00+00:00", (), (process,))
        running_shop.write(self.layout.state, state)
        return process

    @property
    def process(self) -> Process:
        state = running_shop.read(self.layout.state)
        assert state
        return state.processes[0]

    def kill(self) -> None:
        process = self.process
        processes.stop(process, grace_seconds=0)
        self.wait_until_ended(process)

    def wait_until_ended(self, process: Process) -> None:
        while process.is_alive():
            pass


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[SupervisedShop]:
    shop = SupervisedShop(tmp_path)
    yield shop
    if running_shop.read(shop.layout.state):
        processes.stop(shop.process)


@pytest.mark.parametrize("name", ["edge", "gateway"])
def test_ended_process_is_started_again(shop: SupervisedShop, name: str) -> None:
    before = shop.has(name, SERVING)
    shop.kill()
    assert shop.supervisor.check()
    assert shop.process.pid != before.pid
    assert shop.process.is_alive()
    assert (shop.process.command, shop.process.port) == (SERVING, 8000)


def test_running_process_is_left_alone(shop: SupervisedShop) -> None:
    before = shop.has("edge", SERVING)
    assert shop.supervisor.check()
    assert shop.process == before


def test_process_that_ends_again_and_again_is_given_up(shop: SupervisedShop) -> None:
    # GIVEN a process that ends at once
    shop.wait_until_ended(shop.has("edge", ENDING))
    begin, starts, last = shop.now, [], shop.process
    # WHEN it is looked after for a minute
    for _ in range(120):
        assert shop.supervisor.check()
        if shop.process.pid != last.pid:
            last = shop.process
            starts.append(shop.now - begin)
            shop.wait_until_ended(last)
        shop.now += 0.5
    # THEN the time between its starts doubles
    assert starts == [0, 1, 3, 7, 15]
    assert len(starts) == len(DELAYS)
    # AND in the end it is not started any more, and the state says why
    assert shop.process.given_up.startswith("it has ended again after 5 starts. Read ")
    assert shop.process.given_up.endswith("edge.log, then run `./shop up`")


def test_process_that_has_run_for_long_is_started_at_once(shop: SupervisedShop) -> None:
    shop.has("edge", SERVING)
    for _ in range(2 * len(DELAYS)):
        before = shop.process
        shop.kill()
        assert shop.supervisor.check()
        assert shop.process.pid != before.pid
        shop.now += STABLE_SECONDS


def test_embedded_aws_is_not_started_without_what_it_has_lost(shop: SupervisedShop) -> None:
    before = shop.has("aws", SERVING)
    shop.kill()
    assert shop.supervisor.check()
    assert shop.process == replace(before, given_up=shop.process.given_up)
    assert "`./shop up`" in shop.process.given_up


def test_nothing_is_started_while_another_command_works(shop: SupervisedShop) -> None:
    before = shop.has("edge", SERVING)
    shop.kill()
    with exclusive(shop.layout):
        assert shop.supervisor.check()
        assert shop.process == before


def test_supervisor_ends_with_the_shop(shop: SupervisedShop) -> None:
    shop.has("edge", ENDING)
    shop.layout.state.unlink()
    assert not shop.supervisor.check()


def test_supervisor_ends_when_another_one_has_taken_over(shop: SupervisedShop) -> None:
    process = shop.has("edge", SERVING)
    state = running_shop.read(shop.layout.state)
    assert state
    running_shop.write(shop.layout.state, replace(state, supervisor=process))
    assert not shop.supervisor.check()
