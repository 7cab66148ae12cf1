"""A copy of the repository to plant faults in."""

from pathlib import Path

import pytest

from support.checkout_copy import CheckoutCopy


@pytest.fixture
def checkout(tmp_path: Path) -> CheckoutCopy:
    root = tmp_path / "shop"
    root.mkdir()
    return CheckoutCopy.create(root)
