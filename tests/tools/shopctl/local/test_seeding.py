"""Pictures of the catalogue are added behind an open shop, by a process of its own."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seed_catalogue import load, pictures
from shopctl.local import down, processes, seeding
from shopctl.local.progress import Progress, Step
from shopctl.project import running_shop
from shopctl.project.layout import Layout
from shopctl.project.running_shop import Process, RunningShop
from support.paths import ROOT
from support.seed_storefront import Storefront, serving

VIEWS = {toy.name: [view.content for view in pictures(toy)] for toy in load()}


@pytest.fixture
def storefront() -> Storefront:
    return Storefront()


@pytest.fixture
def origin(storefront: Storefront) -> Iterator[str]:
    with serving(storefront) as origin:
        yield origin


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(ROOT, tmp_path)


@pytest.fixture
def shop(origin: str, layout: Layout) -> Iterator[RunningShop]:
    """A state file that names the storefront as edge and embedded AWS."""
    port = int(origin.rpartition(":")[2])
    ours = running_shop.start_time(os.getpid()) or 0.0
    named = tuple(Process(name, os.getpid(), ours, port) for name in ("aws", "edge"))
    shop = RunningShop("2026-01-01T00:00:00Z", ("toys",), named)
    running_shop.write(layout.state, shop)
    yield shop
    last = running_shop.read(layout.state)
    if last and last.seeding:
        processes.stop(last.seeding)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def step() -> Step:
    return Step("Catalogue seeded", None)


def test_shop_opens_with_toys_and_their_pictures_follow(
    storefront: Storefront, shop: RunningShop, layout: Layout
) -> None:
    # GIVEN storage that answers no upload yet
    storefront.holds_uploads = True
    # WHEN the shop is filled
    shown = step()
    shop = seeding.add_toys(layout, shop, shown)
    # THEN it has all toys, and says that pictures are missing
    assert shown.note == f"{len(VIEWS)} toys added, 0 already there; their pictures follow"
    assert len(storefront.toys) == len(VIEWS)
    assert storefront.pictures == {}
    assert seeding.status(layout, shop)["status"] == "adding"
    assert running_shop.read(layout.state) == shop
    # AND another start of the running shop does not start a second process
    assert seeding.continued(layout, shop) == shop
    # WHEN storage answers THEN all pictures are added, the main view of each toy first
    storefront.holds_uploads = False
    until(lambda: seeding.status(layout, shop)["status"] == "complete")
    assert storefront.by_name() == VIEWS
    assert storefront.checkpoints == 1
    # AND nothing is left to start
    assert seeding.continued(layout, shop) == shop
    shown = step()
    seeding.add_toys(layout, shop, shown)
    assert shown.note == f"0 toys added, {len(VIEWS)} already there"


def test_pictures_continue_after_a_stop_and_seed_waits_for_them(
    storefront: Storefront,
    shop: RunningShop,
    layout: Layout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # GIVEN a shop that is stopped while pictures are added
    shop = seeding.add_toys(layout, shop, step())
    until(lambda: storefront.pictures)
    assert shop.seeding
    started = shop.seeding
    monkeypatch.setattr(down.up, "stop", lambda *_: None)
    stop = processes.stop
    # the other processes are this one
    monkeypatch.setattr(
        processes, "stop", lambda process: process.name != "seeding" or stop(process)
    )
    down.down(layout, shop, Progress())
    # THEN nothing is added any more
    assert not started.is_alive()
    assert seeding.status(layout, shop)["status"] == "interrupted"
    stopped_at = len(storefront.announced)
    time.sleep(0.2)
    assert len(storefront.announced) == stopped_at
    # WHEN it is started again THEN the rest is added
    running_shop.write(layout.state, shop)
    shop = seeding.continued(layout, shop)
    assert shop.seeding
    assert shop.seeding != started
    assert seeding.status(layout, shop)["status"] == "adding"
    # AND `./shop seed` returns when every picture is there, once
    shown = step()
    seeding.complete(layout, shop, shown)
    assert storefront.by_name() == VIEWS
    assert seeding.status(layout, shop) == {"status": "complete"}
