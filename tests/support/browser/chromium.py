"""Starts Debian's Chromium and controls it with Playwright's client."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

# machines of CI are slow at times; nothing waits this long unless it fails
PATIENCE = 20_000  # ms

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    # the sandbox does not start as root, as which containers run
    "--no-sandbox",
    # the same text on every machine
    "--disable-font-subpixel-positioning",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--lang=en-AU",
]


def executable() -> str:
    """Return the path of Chromium; ``CHROMIUM`` names another than the first on the ``PATH``."""
    names = [os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if not found:
        raise RuntimeError("Chromium was not found. On Debian: apt-get install chromium")
    return found


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start a browser without a window, and stop it at the end."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
