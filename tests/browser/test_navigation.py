"""Addresses, Back, reload and new tabs."""

import re

from playwright.sync_api import Page, expect

from support.browser.checkout import enter_credentials, fill_basket
from support.browser.shopping import heading, main
from support.running_shop import Shop


def test_back_returns_from_a_toy_to_the_cart(page: Page, shop: Shop) -> None:
    (toy,) = fill_basket(page, shop)
    page.goto("/basket")
    main(page).get_by_role("link", name=toy["name"]).first.click()
    expect(heading(page, toy["name"]).first).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("/basket$"))
    expect(main(page).get_by_role("link", name=toy["name"]).first).to_be_visible()


def test_tabs_share_the_session(page: Page, shop: Shop, customer: str) -> None:
    other = page.context.new_page()
    other.goto("/")
    page.goto("/account")
    enter_credentials(page, customer)
    # THEN a tab that was open and a new one are signed in as well
    expect(other.get_by_role("banner").get_by_role("link", name="Orders")).to_be_visible()
    third = page.context.new_page()
    third.goto("/")
    expect(third.get_by_role("banner").get_by_role("link", name="Orders")).to_be_visible()


def test_home_loads_little_of_the_catalogue(page: Page) -> None:
    sizes: list[int] = []
    page.on(
        "requestfinished",
        lambda request: (
            sizes.append(request.sizes()["responseBodySize"]) if "/api/" in request.url else None
        ),
    )
    page.goto("/")
    expect(main(page).get_by_role("link", name=re.compile("Robots")).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert sum(sizes) < 20 * 1024


def test_long_words_stay_within_the_page(page: Page, shop: Shop) -> None:
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter" * 3
    toy = shop.toys[0] | {"name": word, "description": word, "brand": word}
    page.set_viewport_size({"width": 320, "height": 700})
    page.route(f"**/api/toys/{toy['id']}", lambda route: route.fulfill(json=toy))
    page.route(
        "**/api/toys?*",
        lambda route: route.fulfill(
            json={"items": [toy], "next_cursor": None, "total": 1, "facets": {}}
        ),
    )
    fill_basket(page, shop)
    for address in ("/", "/search?q=x", f"/toys/{toy['id']}", "/basket", "/checkout"):
        page.goto(address)
        expect(main(page).get_by_role("heading").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
