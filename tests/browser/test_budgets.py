"""What a first view costs: bytes of script, requests, and how much it moves while it loads."""

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
def test_first_view_keeps_its_budget(page: Page, fixed_shop: FixedShop, view: View) -> None:
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))
    # WHEN the page is opened by a browser that has never seen it
    view.open(page, fixed_shop)
    kinds = [request.resource_type for request in requests]
    script = sum(
        request.sizes()["responseBodySize"]
        for request in requests
        if request.resource_type == "script"
    )
    assert "script" in kinds
    assert script <= SCRIPT
    # an icon is a picture, too
    others = [
        request
        for request in requests
        if "image" not in (request.response().headers).get("content-type", "")
    ]
    assert len(others) <= REQUESTS


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("view", FIRST_VIEWS, ids=str)
def test_first_view_stays_where_it_is(
    visit: Callable[..., Page], fixed_shop: FixedShop, view: View, size: dict[str, int]
) -> None:
    page = visit(viewport=size)
    page.add_init_script(OBSERVE)
    # WHEN every answer and picture arrives late
    view.open(page, fixed_shop, delay=300)
    # THEN what has been shown does not move
    assert page.evaluate("window.shift") <= SHIFT
