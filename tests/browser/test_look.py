"""Every view looks as its reference pictures in ``docs/page/`` show it.

``./shop test -e browser -- tests/browser/test_look.py --write`` takes the pictures again: look at
each that changes before you commit it.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from support.browser import pictures
from support.browser.faults import Faults
from support.browser.fixed_shop import FixedShop
from support.browser.views import NARROW, VIEWS, WIDE, View, settle
from support.paths import ROOT

REFERENCES = ROOT / "docs/page"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_view_looks_like_its_references(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    visit: Callable[..., Page],
    fixed_shop: FixedShop,
    faults: Faults,
    view: View,
    theme: str,
) -> None:
    faults.expect("404 GET .*/nowhere")
    differences = {}
    page = visit(color_scheme=theme, viewport=WIDE, reduced_motion="reduce")
    view.open(page, fixed_shop)
    for width, size in (("wide", WIDE), ("narrow", NARROW)):
        page.set_viewport_size(size)
        settle(page)
        name = f"{view}-{width}-{theme}.webp"
        picture = page.screenshot(animations="disabled", caret="hide")
        if request.config.getoption("--write"):
            pictures.write(picture, REFERENCES / name)
        share = pictures.difference(picture, REFERENCES / name)
        if share > pictures.SHARE:
            pictures.write(picture, tmp_path / name)
            differences[str(tmp_path / name)] = round(share, 4)
    assert differences == {}
