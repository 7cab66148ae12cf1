"""Budgets of a first view: bytes of script, requests, and layout shift."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request

from support.browser.fixed_shop import FixedShop
from support.browser.views import FIRST_VIEWS, NARROW, WIDE, View

SCRIPT = 60 * 1024  # bytes, compressed
REQUESTS = 15  # without pictures
SHIFT = 0.1
OBSERVE = """
    window.shift = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            if (!entry.hadRecentInput) window.shift += entry.value;
        }
    }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("view", FIRST_VIEWS, ids=str)
def test_first_view_is_within_its_budget(page: Page, fixed_shop: FixedShop, view: View) -> None:
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))
    # WHEN the page is opened with an empty cache
    view.open(page, fixed_shop)
    kinds = [request.resource_type for request in requests]
    script = sum(
        request.sizes()["responseBodySize"]
        for request in requests
        if request.resource_type == "script"
    )
    assert "script" in kinds
    assert script <= SCRIPT
    # icons count as pictures
    others = [
        request
        for request in requests
        if "image" not in (request.response().headers).get("content-type", "")
    ]
    assert len(others) <= REQUESTS


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("view", FIRST_VIEWS, ids=str)
def test_first_view_does_not_shift(
    visit: Callable[..., Page], fixed_shop: FixedShop, view: View, size: dict[str, int]
) -> None:
    page = visit(viewport=size)
    page.add_init_script(OBSERVE)
    # WHEN every answer and picture arrives late
    view.open(page, fixed_shop, delay=300)
    # THEN nothing that has been shown moves
    assert page.evaluate("window.shift") <= SHIFT
