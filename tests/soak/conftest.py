"""The settings of the soak test, and a shop of its own."""

import random
import shutil
from collections.abc import Iterator

import pytest

from support import small_shop
from support.running_shop import Shop
from support.soak.plan import LONG, SHORT, Plan


@pytest.fixture(scope="session")
def plan(request: pytest.FixtureRequest) -> Plan:
    seed = request.config.getoption("--seed")
    chosen = LONG if request.config.getoption("--long") else SHORT
    return chosen.with_seed(random.randrange(1_000_000) if seed is None else seed)


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("soak") / "home")
    try:
        small_shop.start(shop)
        yield shop
    finally:
        shop.run("down", "--purge")
        shutil.rmtree(shop.home, ignore_errors=True)
