"""Fixtures of the tests against a running shop, and how they are spread over two processes."""

from pathlib import Path

import pytest

from support.shop_events import tap

__all__ = ["tap"]

CHAIN = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the outages in one process of xdist and all other tests in the second.

    Each process has a shop of its own. The outages take as long as all others together and spend
    most of that time waiting for circuit breakers and retries.
    """
    for item in items:
        if CHAIN in item.path.parents:
            group = "outages" if item.path.name == "test_isolation.py" else "shop"
            item.add_marker(pytest.mark.xdist_group(group))
