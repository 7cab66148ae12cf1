"""A shop on an embedded AWS that enforces IAM, and everyone's credentials."""

import shutil
from collections.abc import Iterator

import pytest
from chain.conftest import alice, bob, staff
from chain.test_redelivery import tap

from support.iam_roles import Roles
from support.running_shop import Shop

__all__ = ["alice", "bob", "staff", "tap"]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("shop") / "home", auth=True)
    try:
        shop.up()
        yield shop
    finally:
        shop.run("down", "--purge")
        shutil.rmtree(shop.home, ignore_errors=True)


@pytest.fixture(scope="session")
def roles(shop: Shop) -> Roles:
    return Roles(shop)
