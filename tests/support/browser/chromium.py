"""Starts Debian's Chromium and controls it with Playwright's client."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

# CI machines can be slow; only a failing test waits this long
PATIENCE = 20_000  # ms

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    # the sandbox cannot be started by root, who is the user in containers
    "--no-sandbox",
    # render text alike on every machine
    "--disable-font-subpixel-positioning",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--lang=en-AU",
]
# never take a screenshot while the place of a large picture is still empty
_SCREENSHOT_FLAGS = ["--disable-checker-imaging"]


def executable() -> str:
    """Return the path of Chromium: ``CHROMIUM``, or else the first one on the ``PATH``."""
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if not found:
        raise RuntimeError("Chromium was not found. On Debian: apt-get install chromium")
    return found


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start a headless browser, and stop it at the end."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(), args=[*FLAGS, *_SCREENSHOT_FLAGS]
        )
        try:
            yield browser
        finally:
            browser.close()
