"""A shop that runs in real processes, shared by all tests of a run, and its seeded users.

A plugin, not imported by a ``conftest.py``: folders that import a session fixture get one each.
"""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.running_shop import Shop


@pytest.fixture(scope="session")
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Shop]":
    """Start a shop once for all tests of the run; ``--auth`` makes it enforce IAM."""
    # every run of pytest loads this file, and most environments lack what a shop needs
    from support.installation import install_tools
    from support.running_shop import Shop

    install_tools()
    auth = request.config.getoption("--auth")
    shop = Shop(tmp_path_factory.mktemp("shop") / "home", auth=auth)
    try:
        shop.up()
        shop.wait_for_pictures()
        yield shop
    finally:
        shop.run("down", "--purge")
        shutil.rmtree(shop.home, ignore_errors=True)


@pytest.fixture(scope="session")
def alice(shop: "Shop") -> str:
    """Sign in the first customer and return the access token."""
    return shop.sign_in("alice@example.com")


@pytest.fixture(scope="session")
def bob(shop: "Shop") -> str:
    """Sign in the second customer and return the access token."""
    return shop.sign_in("bob@example.com")


@pytest.fixture(scope="session")
def staff(shop: "Shop") -> str:
    """Sign in a staff member and return the access token."""
    return shop.sign_in("staff@example.com")
