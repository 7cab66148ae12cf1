"""Fixtures of the tests against a running shop, and how they are spread over processes."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from support.shop_events import tap

__all__ = ["tap"]

WITHOUT_CATALOGUE = "/without_catalogue/"


class SchedulingByShop(LoadScopeScheduling):
    """Keep tests together that use one shop, since starting another one takes long.

    The files that need no catalogue have a process each, because they spend most of their time
    waiting for circuit breakers and retries. All others share one.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::")[0]
        return path if WITHOUT_CATALOGUE in path else "catalogue"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SchedulingByShop:
    return SchedulingByShop(config, log)
