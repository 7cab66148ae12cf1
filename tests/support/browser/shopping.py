"""What shoppers do in the page, with the roles and names that they see."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from support.running_shop import PASSWORD, Shop

ACCEPTED = "4242"
BANK_CONFIRMS = "3220"
DECLINED = "0002"
INSUFFICIENT_FUNDS = "9995"
"""Last digits of the test cards."""


def main(page: Page) -> Locator:
    return page.get_by_role("main")


def heading(page: Page, name: str | re.Pattern[str]) -> Locator:
    return main(page).get_by_role("heading", name=name)


def open_toy(page: Page, toy: dict[str, Any]) -> None:
    page.goto(f"/toys/{toy['id']}")
    expect(heading(page, toy["name"]).first).to_be_visible()


def expect_in_cart(page: Page, count: int) -> None:
    """Expect the number of toys that the header shows."""
    text = re.compile(rf"^Cart, {count} toys?$")
    expect(page.get_by_role("banner").get_by_role("link", name=text)).to_be_visible()


def add_to_cart(page: Page, toy: dict[str, Any]) -> None:
    """Open a toy and add it to the cart, which opens."""
    open_toy(page, toy)
    main(page).get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("dialog").get_by_role("link", name=toy["name"])).to_be_visible()


def enter_credentials(page: Page, email: str) -> None:
    """Sign in where the page asks for it."""
    form = main(page)
    form.get_by_label("Email", exact=True).fill(email)
    form.get_by_label("Password", exact=True).fill(PASSWORD)
    form.get_by_role("button", name="Sign in", exact=True).click()


def sign_in(page: Page, email: str) -> None:
    page.goto("/account")
    enter_credentials(page, email)
    expect(page.get_by_role("banner").get_by_role("link", name="Orders")).to_be_visible()


def enter_address(page: Page, name: str = "Robin Example") -> None:
    """Fill in the address of the checkout, and continue to the payment."""
    form = main(page)
    form.get_by_label("Country").select_option("AU")
    form.get_by_label("Full name").fill(name)
    form.get_by_label("Street address").fill("1 Toy Street")
    form.get_by_label("Suburb or city").fill("Sydney")
    form.get_by_label("Postcode").fill("2000")
    form.get_by_role("button", name="Continue to payment").click()


def choose_card(page: Page, last_digits: str) -> None:
    main(page).get_by_role("radio", name=re.compile(last_digits)).check()


def pay_button(page: Page) -> Locator:
    return main(page).get_by_role("button", name=re.compile(r"^Pay AUD \d"))


def go_to_payment(page: Page, toy: dict[str, Any], email: str) -> None:
    """Sign in, put a toy into the cart and go through the checkout as far as the payment."""
    sign_in(page, email)
    add_to_cart(page, toy)
    page.goto("/checkout")
    enter_address(page)
    expect(pay_button(page)).to_be_enabled()


def pay(page: Page, last_digits: str = ACCEPTED) -> str:
    """Choose a card and pay; return the id of the order that is shown then."""
    choose_card(page, last_digits)
    pay_button(page).click()
    return order_shown(page)


def order_shown(page: Page) -> str:
    """Wait until an order is shown, and return its id."""
    page.wait_for_url(re.compile("/orders/ord_"))
    return page.url.rpartition("/")[2]


def order(page: Page, toy: dict[str, Any], email: str, last_digits: str = ACCEPTED) -> str:
    """Order a toy as a customer; return the order's id."""
    go_to_payment(page, toy, email)
    return pay(page, last_digits)


def expect_status(page: Page, status: str) -> None:
    """Expect what an order's view says about its progress."""
    expect(main(page).get_by_text(status, exact=True).first).to_be_visible()


def charges(shop: Shop, order_id: str) -> list[str]:
    """Return the outcomes of the charges of an order."""
    return [
        entry["status"]
        for entry in shop.gateway.ledger()
        if entry["order_id"] == order_id and entry["type"] == "charge"
    ]


def orders_of(shop: Shop, email: str) -> list[dict[str, Any]]:
    """Return the orders of a customer."""
    answer = shop.api("GET", "/orders", token=shop.sign_in(email))
    assert answer.status == 200, answer.body
    orders: list[dict[str, Any]] = answer.json["items"]
    return orders


@contextmanager
def answer_lost(page: Page, method: str, path: str) -> Iterator[list[str]]:
    """Carry out requests, and lose the answers; yields the addresses of those requests."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method != method:
            route.fallback()
            return
        route.fetch()
        lost.append(route.request.url)
        route.abort("connectionreset")

    page.route(f"**/api{path}", lose)
    yield lost
    page.unroute(f"**/api{path}", lose)


def refuse(page: Page, path: str, status: int = 503) -> None:
    """Answer requests as the storefront does while one of its neighbors is down."""
    body = {"type": "/problems.html#unavailable", "title": "Service Unavailable", "status": status}
    body |= {"detail": "toys did not answer"}
    page.route(
        f"**/api{path}",
        lambda route: route.fulfill(
            status=status, json=body, content_type="application/problem+json"
        ),
    )
