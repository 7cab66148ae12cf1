"""Accessibility and appearance of every view, in both themes, on wide and narrow screens.

axe finds no violation of WCAG, no view scrolls sideways, and screenshots match the reference
pictures in ``docs/page/``. ``./shop test -e browser -- tests/browser/test_views.py --write`` takes
the pictures again; review each change before you commit it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Page

from support.browser import pictures
from support.browser.faults import Faults
from support.browser.fixed_shop import FixedShop
from support.browser.views import SCREENS, TOY, VIEWS, View, settle
from support.paths import ROOT

AXE = ROOT / "tests/browser/node/node_modules/axe-core/axe.min.js"
REFERENCES = ROOT / "docs/page"
TALLEST = 1600


def violations(page: Page) -> list[str]:
    """Return axe's violations, with their elements."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]


def whole_page(page: Page) -> bytes:
    """Return a screenshot of a view, of at most ``TALLEST`` pixels, with all of its pictures."""
    # load what is shown once it is scrolled to, which can make the page taller
    page.wait_for_function(
        """() => {
            scrollTo(0, document.documentElement.scrollHeight);
            return !document.querySelector("main .skeleton");
        }"""
    )
    page.evaluate(
        "for (const image of document.images) if (image.checkVisibility()) image.loading = 'eager'"
    )
    settle(page)
    page.evaluate("scrollTo(0, 0)")
    size = page.viewport_size
    assert size
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    clip: FloatRect = {"x": 0, "y": 0, "width": size["width"], "height": height}
    return page.screenshot(animations="disabled", caret="hide", full_page=True, clip=clip)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_view_is_accessible_and_matches_its_pictures(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    visit: Callable[..., Page],
    fixed_shop: FixedShop,
    faults: Faults,
    view: View,
    theme: str,
) -> None:
    faults.expect("404 GET .*/nowhere")
    faults.expect("409 POST .*/api/orders")
    found = []
    for width in view.screens:
        page = visit(color_scheme=theme, reduced_motion="reduce", **SCREENS[width])
        view.open(page, fixed_shop)
        name = f"{view}-{width}-{theme}.webp"
        screenshot = whole_page(page)
        if request.config.getoption("--write"):
            pictures.write(screenshot, REFERENCES / name)
        share = pictures.difference(screenshot, REFERENCES / name)
        if share > pictures.SHARE:
            pictures.write(screenshot, tmp_path / name)
            found.append(f"{share:.2%} of the picture differs from docs/page: {tmp_path / name}")
        found += violations(page)
        excess = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if excess > 0:
            found.append(f"{name}: {excess} pixels wider than the window")
    assert not found, "\n".join(found)


def test_view_is_complete_even_if_the_page_starts_late(page: Page, fixed_shop: FixedShop) -> None:
    # GIVEN a machine so busy that the network is idle before the page has asked for the toy
    page.add_init_script(
        """const send = fetch;
        const late = (resolve) => setTimeout(resolve, 1500);
        window.fetch = (...request) => new Promise(late).then(() => send(...request));"""
    )
    # WHEN the product page is opened
    next(view for view in VIEWS if view.name == "product").open(page, fixed_shop)
    # THEN the toy is shown
    assert page.locator("h1").inner_text() == TOY
    assert page.locator(".gallery img").first.evaluate("image => image.complete")
