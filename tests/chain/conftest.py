"""The whole ecosystem, brought up once for all tests of this folder: real processes and events."""

import shutil
from collections.abc import Iterator

import pytest

from support.running_shop import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop") / "home")
    try:
        shop.up()
        yield shop
    finally:
        shop.run("down", "--purge")
        shutil.rmtree(shop.home, ignore_errors=True)


@pytest.fixture(scope="session")
def alice(shop: Shop) -> str:
    return shop.sign_in("alice@example.com")


@pytest.fixture(scope="session")
def bob(shop: Shop) -> str:
    return shop.sign_in("bob@example.com")


@pytest.fixture(scope="session")
def staff(shop: Shop) -> str:
    return shop.sign_in("staff@example.com")
