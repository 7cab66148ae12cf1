"""Every view meets WCAG as far as axe can tell, in both themes, on a phone and on a desk."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from support.browser.faults import Faults
from support.browser.fixed_shop import FixedShop
from support.browser.views import NARROW, VIEWS, WIDE, View
from support.paths import ROOT

AXE = ROOT / "tests/browser/node/node_modules/axe-core/axe.min.js"


def violations(page: Page) -> list[str]:
    """Return what axe finds, with the elements."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_view_has_no_violation(
    visit: Callable[..., Page], fixed_shop: FixedShop, faults: Faults, view: View, theme: str
) -> None:
    faults.expect("404 GET .*/nowhere")
    page = visit(color_scheme=theme, viewport=WIDE, reduced_motion="reduce")
    view.open(page, fixed_shop)
    found = violations(page)
    page.set_viewport_size(NARROW)
    found += violations(page)
    assert not found, "\n".join(found)
    # AND nothing pushes a phone's page sideways
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
