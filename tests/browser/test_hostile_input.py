"""Hostile input in addresses, in the browser's storage and in texts of toys."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from support.browser.faults import Faults
from support.browser.shopping import expect_in_cart, heading, main, search
from support.running_shop import Shop

MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"\'>&amp;'
STORED = ["session", "expired", "basket", "order", "address", "viewed", "currency"]
BROKEN = [
    "{",
    "",
    "null",
    "[]",
    "{}",
    "17",
    '"text"',
    "[null]",
    "[[]]",
    '[{"id": 1, "name": {}, "price": "x", "quantity": -1}]',
    '{"email": 1, "address": [], "access": {}, "refresh": null, "key": 3, "body": "x"}',
    f'[{{"id": "{"x" * 5000}", "name": "y", "price": {{"amount": 1e300, "currency": "XXXX"}}}}]',
]
VIEWS = ["/", "/basket", "/checkout", "/orders"]


@pytest.mark.parametrize("text", BROKEN)
def test_corrupted_storage_leaves_a_working_shop(page: Page, text: str) -> None:
    page.add_init_script(
        f"for (const name of {json.dumps(STORED)})"
        f" localStorage.setItem('toyshop.' + name, {json.dumps(text)});"
    )
    # THEN every view shows its heading, and the cart is empty
    for address in VIEWS:
        page.goto(address)
        expect(main(page).get_by_role("heading").first).to_be_visible()
        expect_in_cart(page, 0)


def test_disabled_storage_leaves_a_working_shop(page: Page, shop: Shop) -> None:
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }});"
    )
    page.goto("/")
    expect(main(page).get_by_role("heading").first).to_be_visible()
    page.goto(f"/toys/{shop.toys[0]['id']}")
    expect(heading(page, shop.toys[0]["name"]).first).to_be_visible()


@pytest.mark.parametrize(
    "address",
    [
        "/search?q=%E0%A4%A&category=%FF&price_min=abc&price_max=-1&age=x&sort=nothing&pages=-3",
        "/search?q=a&q=b&unknown=1&cursor=x",
        "/search?pages=999999999&price_min=99999999999999999999",
        f"/search?q={'x' * 3000}",
    ],
)
def test_malformed_query_shows_a_list(page: Page, faults: Faults, address: str) -> None:
    page.goto(address)
    expect(main(page).get_by_role("heading", level=1)).to_be_visible()
    expect(main(page).get_by_role("button", name="Try again")).to_have_count(0)


@pytest.mark.parametrize(
    "address",
    [
        "/nowhere",
        "/c/no-such-category",
        "/c/%3Cscript%3E",
        "/account/nothing",
        "/staffing",
    ],
)
def test_unknown_address_is_not_found(page: Page, faults: Faults, address: str) -> None:
    faults.expect("404 GET ")
    faults.expect("400 GET ")
    page.goto(address)
    expect(heading(page, "Page not found")).to_be_visible()
    main(page).get_by_role("link", name="Back to the shop").click()
    expect(page).to_have_url("/")


@pytest.mark.parametrize(
    "address", ["/toys/toy_00000000000000000000000000", "/toys/red-kite-toy_nothing"]
)
def test_unknown_toy_is_not_available(page: Page, faults: Faults, address: str) -> None:
    faults.expect("404 GET ")
    page.goto(address)
    expect(heading(page, "This toy is no longer available.")).to_be_visible()
    main(page).get_by_role("link", name="See all toys").click()
    expect(page).to_have_url("/search")


@pytest.mark.parametrize("address", ["/c/%E0%A4%A", "/toys/%C0%80", "/orders/%"])
def test_malformed_path_is_not_found(page: Page, faults: Faults, address: str) -> None:
    faults.expect(f"404 GET .*{address}$")
    answer = page.goto(address)
    assert answer
    assert answer.status == 404
    expect(heading(page, "Page not found")).to_be_visible()


def toy_named(toy: dict[str, Any], text: str) -> dict[str, Any]:
    image = toy["images"][0] | {"alt": text}
    return toy | {
        "name": text,
        "description": text,
        "brand": text,
        "category": text,
        "attributes": {text: text},
        "images": [image],
    }


def test_markup_in_a_toy_is_text(page: Page, shop: Shop, faults: Faults) -> None:
    faults.expect("404 GET ")
    toy = toy_named(shop.toys[0], MARKUP)
    facets = {"category": {MARKUP: 1}, "brand": {MARKUP: 1}, "age": {"2": 1}, "price": {}}

    def lists(route: Route) -> None:
        route.fulfill(json={"items": [toy], "next_cursor": None, "total": 1, "facets": facets})

    page.route("**/api/toys?*", lists)
    page.route(f"**/api/toys/{toy['id']}", lambda route: route.fulfill(json=toy))
    page.route(
        "**/api/toys/suggestions*",
        lambda route: route.fulfill(json={"items": [{"text": MARKUP}]}),
    )
    # WHEN it is listed, opened, added to the cart and suggested
    page.goto("/")
    expect(main(page).get_by_text(MARKUP).first).to_be_visible()
    page.goto("/search?q=x")
    expect(main(page).get_by_role("link", name=MARKUP).first).to_be_visible()
    page.goto(f"/toys/{toy['id']}")
    main(page).get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("dialog").get_by_role("link", name=MARKUP)).to_be_visible()
    page.goto("/basket")
    expect(main(page).get_by_role("link", name=MARKUP).first).to_be_visible()
    field = page.get_by_role("banner").get_by_label("Search toys")
    field.press_sequentially("rob")
    expect(page.get_by_role("option").first).to_be_visible()
    # THEN none of it runs or becomes an element
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_markup_in_addresses_and_searches_is_text(page: Page, faults: Faults) -> None:
    faults.expect("404 GET ")
    page.goto("/")
    search(page, MARKUP)
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    for address in ("/search?brand={}", "/search?category={}", "/c/{}", "/toys/{}-toy_x"):
        page.goto(address.format("%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E"))
        expect(main(page).get_by_role("heading").first).to_be_visible()
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x]").count() == 0


def test_markup_in_the_storage_is_text(page: Page, shop: Shop) -> None:
    toy = shop.toys[0]
    line = {"id": toy["id"], "name": MARKUP, "price": toy["price"], "quantity": 1}
    line["image"] = {"id": "x", "url": "javascript:window.hacked=1", "alt": MARKUP, "variants": []}
    page.goto("/account")
    page.evaluate(
        "(text) => localStorage.setItem('toyshop.basket', text)",
        json.dumps([line]),
    )
    page.goto("/basket")
    expect(main(page).get_by_role("link", name=toy["name"]).first).to_be_visible()
    assert page.evaluate("window.hacked") is None


def test_injected_scripts_do_not_run(page: Page, faults: Faults) -> None:
    faults.expect("violates the following Content Security Policy")
    # GIVEN the page's Content-Security-Policy
    answer = page.goto("/")
    assert answer
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    # THEN injected scripts do not run
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.hacked = 1";
            document.body.append(script);
        }"""
    )
    assert page.evaluate("window.hacked") is None
