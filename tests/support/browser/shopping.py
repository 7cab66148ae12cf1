"""Actions of shoppers and staff in the page, by the roles and names that they see."""

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from support.browser.chromium import PATIENCE
from support.running_shop import PASSWORD, Shop

STAFF = "staff@example.com"


def main(page: Page) -> Locator:
    return page.get_by_role("main")


def heading(page: Page, name: str | re.Pattern[str]) -> Locator:
    return main(page).get_by_role("heading", name=name)


def open_as_staff(page: Page, address: str) -> None:
    """Open one of the staff's tools and sign in."""
    page.goto(address)
    expect(page.get_by_text("Sign in with your staff account.")).to_be_visible()
    page.get_by_label("Email").fill(STAFF)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    main(page).get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Staff tools")).to_be_visible()


def open_toy(page: Page, toy: dict[str, Any]) -> None:
    page.goto(f"/toys/{toy['id']}")
    expect(heading(page, toy["name"]).first).to_be_visible()


def expect_in_cart(page: Page, count: int) -> None:
    """Expect the number of toys that the header shows."""
    text = re.compile(rf"^Cart, {count} toys?$")
    expect(page.get_by_role("banner").get_by_role("link", name=text)).to_be_visible()


def search(page: Page, text: str) -> None:
    """Search with the field in the header."""
    form = page.get_by_role("banner").get_by_role("search")
    form.get_by_label("Search toys").fill(text)
    form.get_by_role("button", name="Search").click()


def enter_address(page: Page) -> None:
    """Fill in the address of the checkout, and continue to the payment."""
    form = main(page)
    form.get_by_label("Country").select_option("AU")
    form.get_by_label("Full name").fill("Robin Example")
    form.get_by_label("Street address").fill("1 Toy Street")
    form.get_by_label("Suburb or city").fill("Sydney")
    form.get_by_label("Postcode").fill("2000")
    form.get_by_role("button", name="Continue to payment").click()


def order_shown(page: Page) -> str:
    """Wait until an order is shown, and return its id."""
    page.wait_for_url(re.compile("/orders/ord_"))
    return page.url.rpartition("/")[2]


def charges(shop: Shop, order_id: str) -> list[str]:
    """Return the outcomes of the charges of an order."""
    return [
        entry["status"]
        for entry in shop.gateway.ledger()
        if entry["order_id"] == order_id and entry["type"] == "charge"
    ]


class Held:
    """Requests of a page that wait until they are released.

    Parameters
    ----------
    url
        Pattern of their addresses.
    times
        The number of requests to hold; all by default.
    """

    def __init__(self, page: Page, url: str | re.Pattern[str], *, times: int | None = None) -> None:
        self._page = page
        self._routes: list[Route] = []
        page.route(url, lambda route: self._routes.append(route), times=times)

    def release(self, answer: Callable[[Route], None] = Route.continue_) -> None:
        """Pass the requests on, or answer them; wait for the first one if there is none yet."""
        deadline = time.monotonic() + PATIENCE / 1000
        while not self._routes:
            assert time.monotonic() < deadline, "no request was sent"
            self._page.wait_for_timeout(20)
        for route in self._routes:
            answer(route)
        self._routes.clear()


def fail(page: Page, path: str, *, times: int | None = None) -> None:
    """Answer requests like the storefront while a service that it calls is down.

    Parameters
    ----------
    path
        Pattern of paths below ``/api``.
    times
        The number of requests to answer this way; all by default.
    """
    body = {"type": "/problems.html#unavailable", "title": "Service Unavailable", "status": 503}
    body |= {"detail": "toys did not answer"}

    def answer(route: Route) -> None:
        route.fulfill(status=503, json=body, content_type="application/problem+json")

    page.route(f"**/api{path}", answer, times=times)
