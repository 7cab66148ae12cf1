"""Purchases, from the home page to the receipt."""

import re

from playwright.sync_api import Locator, Page, expect

from support.browser.checkout import enter_credentials, orders_of, pay_button
from support.browser.shopping import (
    charges,
    enter_address,
    expect_in_cart,
    heading,
    main,
    order_shown,
    search,
)
from support.running_shop import PASSWORD, Shop


def test_shopper_finds_a_toy_and_buys_it(page: Page, shop: Shop, customer: str) -> None:
    # GIVEN a shopper who searches for a toy and opens it
    page.goto("/")
    search(page, "wind up robot")
    main(page).get_by_role("link", name="Tin Wind-Up Robot").click()
    expect(heading(page, "Tin Wind-Up Robot").first).to_be_visible()
    # AND adds two to the cart
    main(page).get_by_role("button", name="Increase quantity of Tin Wind-Up Robot").click()
    main(page).get_by_role("button", name="Add to cart").click()
    # WHEN they check out, sign in on the way, and pay
    page.get_by_role("dialog").get_by_role("link", name="Check out").click()
    enter_credentials(page, customer)
    enter_address(page)
    pay_button(page).click()
    order = order_shown(page)
    # THEN the order is confirmed and paid, and its receipt can be downloaded
    expect(heading(page, re.compile("^Thank you"))).to_be_visible()
    with page.expect_download() as download:
        main(page).get_by_role("button", name="Receipt").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    # AND the customer was charged once, for what they saw, and the cart is empty
    (placed,) = orders_of(shop, customer)
    assert placed["id"] == order
    assert [(line["name"], line["quantity"]) for line in placed["lines"]] == [
        ("Tin Wind-Up Robot", 2)
    ]
    assert charges(shop, order) == ["succeeded"]
    expect_in_cart(page, 0)


def test_keyboard_alone_buys_a_toy(page: Page, shop: Shop, customer: str) -> None:
    def press(key: str, times: int = 1) -> None:
        for _ in range(times):
            page.keyboard.press(key)

    def tab_to(wanted: Locator) -> None:
        """Press Tab until the focus has reached an element."""
        wanted.first.wait_for()
        for _ in range(80):
            if wanted.first.evaluate("(element) => element === document.activeElement"):
                return
            press("Tab")
        raise AssertionError(f"no way to {wanted} with Tab")

    def tab_to_role(role: str, name: str) -> None:
        tab_to(page.get_by_role(role, name=name, exact=True))  # type: ignore[arg-type]

    page.goto("/")
    tab_to(page.get_by_label("Search toys", exact=True))
    page.keyboard.type("wind up robot")
    press("Enter")
    tab_to_role("link", "Tin Wind-Up Robot")
    press("Enter")
    tab_to_role("button", "Add to cart")
    press("Enter")
    tab_to_role("link", "Check out")
    press("Enter")
    tab_to_role("textbox", "Email")
    page.keyboard.type(customer)
    tab_to_role("textbox", "Password")
    page.keyboard.type(PASSWORD)
    press("Enter")
    tab_to_role("combobox", "Country")
    page.keyboard.type("Australia")
    for name, text in {
        "Full name": "Robin Example",
        "Street address": "1 Toy Street",
        "Suburb or city": "Sydney",
        "Postcode": "2000",
    }.items():
        tab_to_role("textbox", name)
        page.keyboard.type(text)
    press("Enter")
    pay_button(page).wait_for()
    tab_to_role("button", pay_button(page).inner_text())
    press("Enter")
    order = order_shown(page)
    expect(main(page).get_by_text("Paid").first).to_be_visible()
    assert charges(shop, order) == ["succeeded"]
