"""Brings a browser to the checkout without clicking through the shop."""

import json
import uuid
from typing import Any

from playwright.sync_api import Locator, Page, expect

from support.running_shop import PASSWORD, Shop

ADDRESS = {
    "name": "Robin Example",
    "line1": "1 Toy Street",
    "line2": "",
    "city": "Sydney",
    "region": "NSW",
    "postal_code": "2000",
    "country": "AU",
}


def store(page: Page, name: str, value: Any) -> None:
    """Write a value to the page's storage, after the page was opened."""
    text = value if isinstance(value, str) else json.dumps(value)
    page.evaluate("([name, text]) => localStorage.setItem(`toyshop.${name}`, text)", [name, text])


def stored(page: Page, name: str) -> Any:
    """Return a value of the page's storage."""
    text = page.evaluate("(name) => localStorage.getItem(`toyshop.${name}`)", name)
    return None if text is None else json.loads(text)


def seeded(shop: Shop, count: int = 1) -> list[dict[str, Any]]:
    """Return seeded toys, which other tests do not change."""
    return shop.toys[-count:]


def place(shop: Shop, email: str, method: str = "pm_card_visa") -> str:
    """Place an order for a seeded toy with the API, and return its id."""
    body = shop.order_body(method) | {"lines": [{"toy_id": seeded(shop)[0]["id"], "quantity": 1}]}
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    answer = shop.api("POST", "/orders", body, shop.sign_in(email), headers)
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def fill_basket(page: Page, shop: Shop, count: int = 1) -> list[dict[str, Any]]:
    """Put seeded toys into the basket, and return them."""
    if page.url == "about:blank":
        page.goto("/account/create")
    toys = seeded(shop, count)
    lines = [
        {"id": toy["id"], "name": toy["name"], "price": toy["price"], "image": None, "quantity": 1}
        for toy in toys
    ]
    store(page, "basket", lines)
    return toys


def open_session(page: Page, shop: Shop, email: str) -> None:
    """Store a session, as if the customer had signed in earlier."""
    if page.url == "about:blank":
        page.goto("/account/create")
    body = {"email": email, "password": PASSWORD}
    tokens = shop.api("POST", "/sessions", body).json
    session = {"access": tokens["access_token"], "refresh": tokens["refresh_token"]}
    store(page, "session", session | {"email": email, "isStaff": False})


def go_to_payment(page: Page, shop: Shop, email: str, toys: int = 1) -> None:
    """Open the last step of the checkout as a customer who has ordered before."""
    fill_basket(page, shop, toys)
    open_session(page, shop, email)
    store(page, "address", {"email": email, "address": ADDRESS})
    page.goto("/checkout?step=payment")
    expect(page.get_by_role("radio").first).to_be_visible()


def enter_credentials(page: Page, email: str) -> None:
    main = page.get_by_role("main")
    main.get_by_label("Email", exact=True).fill(email)
    main.get_by_label("Password", exact=True).fill(PASSWORD)
    main.get_by_role("button", name="Sign in", exact=True).click()


def pay_button(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("button", name="Pay AUD")


def orders_of(shop: Shop, email: str) -> list[dict[str, Any]]:
    answer = shop.api("GET", "/orders", token=shop.sign_in(email))
    items: list[dict[str, Any]] = answer.json["items"]
    return items
