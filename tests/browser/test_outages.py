"""A service that is down in a running shop: what shoppers see, and that they can continue."""

import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from chassis.breaker import COOL_DOWN
from support import small_shop
from support.browser.checkout import go_to_payment, orders_of, pay_button
from support.browser.faults import Faults
from support.browser.shopping import expect_in_cart, main, order_shown
from support.running_shop import Shop, switched_off

UNAVAILABLE = "Part of the shop isn’t available right now."


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Start a shop of its own, with two toys; an outage would disturb other tests."""
    shop = Shop(tmp_path_factory.mktemp("outages") / "home")
    try:
        small_shop.start(shop)
        yield shop
    finally:
        shop.run("down", "--purge")
        shutil.rmtree(shop.home, ignore_errors=True)


def test_order_during_an_outage_is_placed_once_after_it(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("503 (GET|POST) .*/api/orders")
    go_to_payment(page, shop, customer)
    orders = page.context.new_page()
    with switched_off(shop, "orders-api-handler"):
        # WHEN a shopper opens the orders, the shop says that a part of it is not available
        orders.goto("/orders")
        expect(main(orders).get_by_text(UNAVAILABLE)).to_be_visible()
        # AND when the shopper pays, the cart is kept
        pay_button(page).click()
        again = main(page).get_by_role("button", name="Try again")
        expect(again).to_be_visible()
        expect_in_cart(page, 1)
    # WHEN the outage is over
    time.sleep(COOL_DOWN)
    again.click()
    # THEN the order is placed once
    order = order_shown(page)
    assert [placed["id"] for placed in orders_of(shop, customer)] == [order]
    # AND the orders are shown
    main(orders).get_by_role("button", name="Try again").click()
    expect(main(orders).get_by_role("link").first).to_have_attribute("href", f"/orders/{order}")
