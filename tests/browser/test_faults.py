"""Faults of the network and of services, and recovery from them."""

import re

from playwright.sync_api import Browser, Page, Route, expect

from support.browser.checkout import go_to_payment, orders_of, pay_button
from support.browser.faults import Faults
from support.browser.shopping import (
    expect_in_cart,
    fail,
    main,
    open_toy,
    order_shown,
    search,
)
from support.running_shop import Shop

UNAVAILABLE = "Part of the shop isn’t available right now."
OFFLINE = "ERR_INTERNET_DISCONNECTED"
API_TEXT = re.compile("did not answer|schema|minor units|toys did|Expected|undefined|NaN|null")


def test_unavailable_service_is_explained_and_retried(
    page: Page, shop: Shop, faults: Faults
) -> None:
    faults.expect("503 GET .*/api/toys")
    for address in ("/", "/c/robots", f"/toys/{shop.toys[0]['id']}"):
        fail(page, "/toys*")
        fail(page, "/toys/*")
        page.goto(address)
        expect(main(page).get_by_text(UNAVAILABLE).first).to_be_visible()
        expect(main(page).get_by_text(API_TEXT)).to_have_count(0)
        page.unroute_all()
        main(page).get_by_role("button", name="Try again").click()
        expect(main(page).get_by_role("link", name=re.compile(r"\w")).first).to_be_visible()
        expect(main(page).get_by_text(UNAVAILABLE)).to_have_count(0)


def test_failed_order_keeps_the_cart(page: Page, shop: Shop, customer: str, faults: Faults) -> None:
    faults.expect("503 POST .*/api/orders")
    go_to_payment(page, shop, customer)
    fail(page, "/orders", times=1)
    pay_button(page).click()
    expect(main(page).get_by_text("Try again").first).to_be_visible()
    expect(main(page).get_by_text(API_TEXT)).to_have_count(0)
    expect_in_cart(page, 1)
    main(page).get_by_role("button", name="Try again").click()
    order = order_shown(page)
    assert [placed["id"] for placed in orders_of(shop, customer)] == [order]


def test_offline_is_explained_and_the_cart_is_kept(page: Page, shop: Shop, faults: Faults) -> None:
    faults.expect(OFFLINE)
    open_toy(page, shop.toys[0])
    # WHEN the network is lost
    page.context.set_offline(True)
    main(page).get_by_role("button", name="Add to cart").click()
    expect_in_cart(page, 1)
    page.keyboard.press("Escape")
    search(page, "kite")
    # THEN the page says so
    expect(main(page).get_by_text("You seem to be offline.")).to_be_visible()
    # AND the shopper can continue once it is back
    page.context.set_offline(False)
    expect(main(page).get_by_role("link", name=re.compile("Kite")).first).to_be_visible()
    expect_in_cart(page, 1)


def test_failed_pictures_are_replaced(page: Page, shop: Shop, faults: Faults) -> None:
    faults.expect("404 GET .*/files/")
    page.route("**/files/**", lambda route: route.fulfill(status=404))
    open_toy(page, shop.toys[0])
    broken = """[...document.images].filter((image) => image.complete && !image.naturalWidth
        && image.loading !== 'lazy').length"""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(f"() => {broken} === 0")


def test_request_in_flight_at_the_end_of_a_test_fails_no_other(chromium: Browser) -> None:
    faults = Faults()
    context = chromium.new_context()
    faults.watch(context)
    page = context.new_page()

    def delay(route: Route) -> None:
        page.wait_for_timeout(60_000)
        route.abort()

    context.route("http://shop.test/", delay)
    with page.expect_request("http://shop.test/"):
        page.evaluate("void fetch('http://shop.test/')")
    faults.close(context)
    chromium.new_context().close()
    assert not faults.seen
