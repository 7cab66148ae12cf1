"""A shop of its own, without the catalogue, for tests that mostly wait."""

import shutil
from collections.abc import Iterator

import pytest

from support import small_shop
from support.log_secrets import secrets_in_logs
from support.running_shop import PASSWORD, Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Start a shop with two toys; check at the end that its logs contain no secret."""
    shop = Shop(tmp_path_factory.mktemp("small") / "home")
    try:
        small_shop.start(shop)
        yield shop
        assert secrets_in_logs(shop, {"the users' password": PASSWORD}) == {}
    finally:
        shop.run("down", "--purge")
        shutil.rmtree(shop.home, ignore_errors=True)


@pytest.fixture(scope="session")
def alice(shop: Shop) -> str:
    return shop.sign_in("alice@example.com")


@pytest.fixture(scope="session")
def staff(shop: Shop) -> str:
    return shop.sign_in("staff@example.com")
