"""Lighthouse scores of the main views: at least 95 of 100 in each category."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

from support.browser.checkout import fill_basket
from support.browser.chromium import FLAGS, executable
from support.ports import free_port
from support.running_shop import Shop

LIGHTHOUSE = Path(__file__).parent / "node_modules/lighthouse/cli/index.js"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
LEAST = 95
PAGES = {
    "home": "/",
    "list": "/c/robots",
    "product": "/toys/{toy}",
    "checkout": "/checkout",
}


@pytest.fixture(scope="module")
def browser_port(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Iterator[int]:
    """Start a browser with a toy in the cart, and return its port for Lighthouse."""
    port = free_port()
    with sync_playwright() as playwright:
        context: BrowserContext = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=executable(),
            args=[*FLAGS, f"--remote-debugging-port={port}"],
            base_url=shop.origin,
        )
        page = context.pages[0]
        fill_basket(page, shop)
        page.goto("about:blank")
        yield port
        context.close()


def measure(address: str, port: int, preset: str, report: Path) -> dict[str, Any]:
    """Return Lighthouse's report on a page."""
    command = ["node", str(LIGHTHOUSE), address, f"--port={port}", "--disable-storage-reset"]
    command += ["--output=json", f"--output-path={report}", "--quiet"]
    command += ["--preset=desktop"] if preset == "desktop" else []
    if address.endswith("/checkout"):
        # the checkout is excluded from search engines on purpose
        command += ["--skip-audits=is-crawlable"]
    subprocess.run(command, check=True, timeout=240, env=os.environ)
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("preset", ["mobile", "desktop"])
@pytest.mark.parametrize("name", list(PAGES))
def test_page_scores(shop: Shop, browser_port: int, tmp_path: Path, name: str, preset: str) -> None:
    address = shop.origin + PAGES[name].format(toy=shop.toys[0]["id"])
    report = measure(address, browser_port, preset, tmp_path / "report.json")
    scores = {each: round(100 * report["categories"][each]["score"]) for each in CATEGORIES}
    print(f"\n{name}, {preset}: {scores}")
    lacking = [
        f"{audit['id']}: {audit['title']}"
        for each in CATEGORIES
        if scores[each] < 100
        for ref in report["categories"][each]["auditRefs"]
        if (audit := report["audits"][ref["id"]])["score"] not in (None, 1) and ref["weight"]
    ]
    assert min(scores.values()) >= LEAST, "\n".join([str(tmp_path), *lacking])
