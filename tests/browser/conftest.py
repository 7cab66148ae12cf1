"""Fixtures of the browser tests: a running shop, Chromium, and the faults that it reports."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from support.browser.chromium import PATIENCE, running_chromium
from support.browser.faults import Faults
from support.browser.fixed_shop import FixedShop
from support.browser.shared_shop import shop
from support.running_shop import PASSWORD, Shop

__all__ = ["shop"]

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Record whether a test failed, for the fixture that takes screenshots."""
    report: Any = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start the browser, once for all tests of a worker."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Fail the test on every unexpected fault in its pages."""
    faults = Faults()
    yield faults
    assert not faults.unexpected, "\n".join(faults.unexpected)


@pytest.fixture
def visit(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    chromium: Browser,
    shop: Shop,
    faults: Faults,
) -> Iterator[Callable[..., Page]]:
    """Open a browser context with empty storage, and return its first tab.

    Takes the options of Playwright's ``new_context``, such as ``color_scheme="dark"``.
    """
    contexts = []

    def open_browser(**options: Any) -> Page:
        context = chromium.new_context(
            **{"base_url": shop.origin, "locale": "en-AU", "timezone_id": "Australia/Sydney"}
            | options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        faults.watch(context)
        return context.new_page()

    yield open_browser
    for context in contexts:
        if request.node.stash.get(_FAILED, False):
            for page in context.pages:
                picture = tmp_path / f"{uuid.uuid4().hex}.png"
                page.screenshot(path=picture, full_page=True)
                print(f"{page.url} looked like {picture}")
        faults.close(context)


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """Return an empty tab of a new browser context."""
    return visit()


@pytest.fixture(scope="session")
def fixed_shop() -> FixedShop:
    """Return responses that are the same on every run, for views that are compared or measured."""
    return FixedShop()


@pytest.fixture
def customer(shop: Shop) -> str:
    """Return the email address of a new customer, whose password is ``PASSWORD``."""
    email = f"{uuid.uuid4().hex}@example.com"
    body = {"email": email, "password": PASSWORD, "name": "Robin Example"}
    assert shop.api("POST", "/users", body).status == 201
    return email
