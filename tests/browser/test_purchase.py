"""Buying a toy, from the first page to the receipt."""

import re

from playwright.sync_api import Page, expect

from support.browser.shopping import (
    charges,
    enter_address,
    enter_credentials,
    expect_in_cart,
    expect_status,
    go_to_payment,
    heading,
    main,
    order_shown,
    orders_of,
    pay,
    pay_button,
)
from support.running_shop import Shop


def test_shopper_finds_a_toy_and_buys_it(page: Page, shop: Shop, customer: str) -> None:
    # GIVEN a shopper who searches for a toy and opens it
    page.goto("/")
    search = page.get_by_role("banner").get_by_role("search")
    search.get_by_label("Search toys").fill("wind up robot")
    search.get_by_role("button", name="Search").click()
    main(page).get_by_role("link", name="Tin Wind-Up Robot").click()
    expect(heading(page, "Tin Wind-Up Robot").first).to_be_visible()
    # AND adds two of it to the cart
    main(page).get_by_role("button", name="One more of Tin Wind-Up Robot").click()
    main(page).get_by_role("button", name="Add to cart").click()
    expect_in_cart(page, 2)
    # WHEN they check out, sign in on the way, and pay
    page.get_by_role("dialog").get_by_role("link", name="Check out").click()
    enter_credentials(page, customer)
    enter_address(page)
    order_id = pay(page)
    # THEN the order is confirmed, paid, and its receipt can be downloaded
    expect(heading(page, re.compile("^Thank you"))).to_be_visible()
    expect_status(page, "Paid")
    with page.expect_download() as download:
        main(page).get_by_role("button", name="Receipt").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    # AND the customer was charged once, with an empty cart
    assert charges(shop, order_id) == ["succeeded"]
    expect_in_cart(page, 0)
    # AND thanked once only
    page.reload()
    expect_status(page, "Paid")
    expect(heading(page, re.compile("^Thank you"))).to_have_count(0)
    # AND finds the order again
    page.goto("/orders")
    main(page).get_by_role("link", name=re.compile("^Order of|Tin Wind-Up Robot")).first.click()
    assert order_shown(page) == order_id


def test_double_click_orders_once(page: Page, shop: Shop, customer: str) -> None:
    go_to_payment(page, shop.toys[0], customer)
    pay_button(page).dblclick()
    order_id = order_shown(page)
    expect_status(page, "Paid")
    assert [order["id"] for order in orders_of(shop, customer)] == [order_id]
    assert charges(shop, order_id) == ["succeeded"]
