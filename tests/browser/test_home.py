"""The first page that a shopper sees."""

from playwright.sync_api import Page, expect


def test_home_shows_toys(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("main").get_by_role("listitem").first).to_be_visible()
