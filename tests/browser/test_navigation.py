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


def test_back_closes_the_cart_and_then_leaves(page: Page, shop: Shop) -> None:
    drawer = page.get_by_role("dialog", name="Your cart")
    page.goto("/c/robots")
    address = page.url
    main(page).get_by_role("button", name=re.compile("^Add .+ to your cart$")).first.click()
    expect(drawer).to_be_visible()
    page.go_back()
    expect(drawer).to_have_count(0)
    assert page.url == address
    # THEN Forward does not open it again, and a link from it takes its place in the history
    page.go_forward()
    expect(drawer).to_have_count(0)
    page.get_by_role("link", name=re.compile("^Cart")).click()
    drawer.get_by_role("link", name="Check out").click()
    expect(page).to_have_url(re.compile("/checkout$"))
    page.go_back()
    expect(heading(page, "Robots")).to_be_visible()
    expect(drawer).to_have_count(0)
    page.go_back()
    expect(page).to_have_url("about:blank")


def test_a_closed_dialog_leaves_no_entry_in_the_history(page: Page, shop: Shop) -> None:
    page.goto("/")
    main(page).get_by_role("link", name="Robots").click()
    expect(heading(page, "Robots")).to_be_visible()
    cart = page.get_by_role("link", name=re.compile("^Cart"))
    for _ in range(3):
        cart.click()
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
    # WHEN a link is followed while the entry is being left
    cart.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.evaluate("""() => {
      document.getElementById("drawer").close();
      setTimeout(() => document.querySelector(".grid .card a").click());
    }""")
    expect(page).to_have_url(re.compile("/toys/"))
    cart.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.reload()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_back()
    expect(heading(page, "Robots")).to_be_visible()
    page.go_back()
    expect(heading(page, "Shop by category")).to_be_visible()


def test_back_closes_the_filters_and_then_undoes_them(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/c/robots")
    page.get_by_role("button", name="Filters").click()
    sheet = page.get_by_role("dialog", name="Filters")
    sheet.get_by_role("link", name=re.compile("^6 years old")).click()
    expect(page).to_have_url(re.compile(r"age=6$"))
    expect(sheet).to_be_visible()
    page.go_back()
    expect(sheet).to_have_count(0)
    expect(page).to_have_url(re.compile(r"age=6$"))
    page.go_back()
    expect(page).to_have_url(re.compile("/c/robots$"))


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
