"""A copy of the repository to plant faults in."""

from collections.abc import Iterator

import pytest

from support.checkout_copy import CheckoutCopy


@pytest.fixture(scope="session")
def shared_checkout(tmp_path_factory: pytest.TempPathFactory) -> CheckoutCopy:
    return CheckoutCopy.create(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def checkout(shared_checkout: CheckoutCopy) -> Iterator[CheckoutCopy]:
    yield shared_checkout
    shared_checkout.restore()
