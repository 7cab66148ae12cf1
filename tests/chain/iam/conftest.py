"""Fixtures of the tests against a running shop that enforces IAM."""

import pytest

from support.iam_roles import Roles
from support.running_shop import Shop


@pytest.fixture(scope="session", autouse=True)
def enforced_iam(shop: Shop) -> None:
    """Fail at once when the shop does not enforce IAM."""
    assert shop.auth, "tests/chain/iam needs the option --auth"


@pytest.fixture(scope="session")
def roles(shop: Shop) -> Roles:
    """Return calls in the name of every role of the shop."""
    return Roles(shop)
