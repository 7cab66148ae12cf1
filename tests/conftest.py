"""Options, hooks and fixtures of all tests."""

import signal
from contextlib import suppress

import pytest

pytest_plugins = ["support.shop_fixtures"]

# A runner that works in the background is started with SIGINT ignored; the processes that tests
# start would inherit that, and never see a Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Make runs repeatable: no debug lines by chance, and no deadline for generated examples."""
    # the environments of some suites have none of the shop's packages
    with suppress(ModuleNotFoundError):
        from chassis import log

        log.DEBUG_PERCENT = 0
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import settings

        settings.register_profile("untimed", deadline=None)
        settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of all suites: two folders that added the same one could not run together."""
    suites = parser.getgroup("suites")
    suites.addoption("--auth", action="store_true", help="chain: run the shop with IAM enforced")
    suites.addoption(
        "--long", action="store_true", help="soak: 2,000 orders instead of a few dozen"
    )
    suites.addoption("--seed", type=int, help="soak, stateful: repeat the run with this seed")
    suites.addoption("--runs", type=int, default=1000, help="stateful: number of seeded runs")
    suites.addoption(
        "--write", action="store_true", help="soak, matrix, cost: write the results into docs/"
    )
    suites.addoption("--shop-home", help="browser: use the shop that runs with this SHOP_HOME")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the tests marked ``run_last`` to the end; all others keep their order."""
    items.sort(key=lambda item: item.get_closest_marker("run_last") is not None)
