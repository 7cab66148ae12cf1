"""Addresses, Back, reload and new tabs do what one expects."""

import re

from playwright.sync_api import Page, expect

from support.browser.checkout import enter_credentials, fill_basket, stored
from support.browser.shopping import add_to_cart, expect_in_cart, heading, main, search
from support.running_shop import Shop


def test_back_undoes_one_step_and_stays_in_the_shop(page: Page) -> None:
    page.goto("/")
    search(page, "robot")
    expect(heading(page, re.compile("robot"))).to_be_visible()
    main(page).get_by_label("Sort by").select_option("price")
    page.wait_for_url("**sort=price")
    page.get_by_role("link", name=re.compile("Cog & Sprocket")).first.click()
    page.wait_for_url("**brand=**")
    expect(main(page).get_by_role("link", name="Remove filter Cog & Sprocket")).to_be_visible()
    # WHEN they go back step by step
    page.go_back()
    expect(page).to_have_url(re.compile("sort=price"))
    expect(page).not_to_have_url(re.compile("brand"))
    page.go_back()
    expect(main(page).get_by_label("Sort by")).to_have_value("relevance")
    page.go_back()
    expect(page).to_have_url(re.compile("/$"))


def test_filters_are_chips_that_survive_a_reload(page: Page) -> None:
    page.goto("/search?q=robot&brand=Cog+%26+Sprocket&age=8")
    toys = main(page).get_by_role("link", name=re.compile("robot", re.I))
    expect(toys.first).to_be_visible()
    before = page.url
    page.reload()
    expect(toys.first).to_be_visible()
    assert page.url == before
    main(page).get_by_role("link", name="Remove filter Cog & Sprocket").click()
    expect(page).not_to_have_url(re.compile("brand="))
    main(page).get_by_role("link", name="Clear filters").click()
    expect(page).to_have_url(re.compile(r"/search\?q=robot$"))


def test_search_for_nothing_offers_a_way_out(page: Page) -> None:
    page.goto("/search?q=zzz&brand=Nobody")
    expect(main(page).get_by_text("No toys match “zzz”.")).to_be_visible()
    main(page).get_by_role("link", name="Clear filters").first.click()
    expect(page).to_have_url(re.compile("q=zzz$"))


def test_more_toys_survive_a_reload_and_back(page: Page) -> None:
    page.goto("/search")
    cards = main(page).get_by_role("button", name=re.compile("^Add .* to your cart$"))
    expect(cards.first).to_be_visible()
    first = cards.count()
    main(page).get_by_role("button", name="Load more toys").click()
    expect(cards).to_have_count(2 * first)
    page.reload()
    expect(cards).to_have_count(2 * first)
    main(page).get_by_role("listitem").last.get_by_role("link").first.click()
    page.wait_for_url("**/toys/**")
    page.go_back()
    expect(cards).to_have_count(2 * first)


def test_toy_that_is_opened_from_the_cart_leads_back_to_it(page: Page, shop: Shop) -> None:
    (toy,) = fill_basket(page, shop)
    page.goto("/basket")
    main(page).get_by_role("link", name=toy["name"]).first.click()
    expect(heading(page, toy["name"]).first).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("/basket$"))
    expect(main(page).get_by_role("link", name=toy["name"]).first).to_be_visible()


def test_address_of_a_toy_is_its_only_one(page: Page, shop: Shop) -> None:
    toy = shop.toys[0]
    page.goto(f"/toys/another-name-{toy['id']}")
    expect(heading(page, toy["name"]).first).to_be_visible()
    slug = re.sub("[^a-z0-9]+", "-", toy["name"].lower()).strip("-")
    expect(page).to_have_url(re.compile(f"/toys/{slug}-{toy['id']}$"))
    canonical = page.locator("link[rel=canonical]")
    expect(canonical).to_have_attribute("href", f"{shop.origin}/toys/{slug}-{toy['id']}")
    expect(page).to_have_title(f"{toy['name']} · The Toy Shop")
    data = page.locator("script[type='application/ld+json']").text_content() or ""
    assert f'"price":"{toy["price"]["amount"] / 100:.2f}"' in data


def test_cart_is_in_step_in_all_tabs(page: Page, shop: Shop) -> None:
    toy, second = shop.toys[:2]
    page.goto("/basket")
    other = page.context.new_page()
    add_to_cart(other, toy)
    expect_in_cart(page, 1)
    expect(main(page).get_by_role("link", name=toy["name"]).first).to_be_visible()
    # WHEN both change it
    main(page).get_by_role("button", name=f"One more of {toy['name']}").click()
    expect_in_cart(other, 2)
    add_to_cart(other, second)
    expect_in_cart(page, 3)
    # THEN removing in one leaves what the other has added, and can be undone
    main(page).get_by_role("button", name=f"Remove {toy['name']}").click()
    expect_in_cart(other, 1)
    main(page).get_by_role("button", name="Undo").click()
    expect_in_cart(other, 3)
    assert {line["id"] for line in stored(page, "basket")} == {toy["id"], second["id"]}


def test_session_is_in_step_in_all_tabs(page: Page, shop: Shop, customer: str) -> None:
    other = page.context.new_page()
    other.goto("/")
    page.goto("/account")
    enter_credentials(page, customer)
    # THEN a tab that was open and a new one are signed in as well
    expect(other.get_by_role("banner").get_by_role("link", name="Orders")).to_be_visible()
    third = page.context.new_page()
    third.goto("/")
    expect(third.get_by_role("banner").get_by_role("link", name="Orders")).to_be_visible()


def test_quantity_that_is_no_quantity_is_said_and_not_changed(page: Page, shop: Shop) -> None:
    (toy,) = fill_basket(page, shop)
    page.goto("/basket")
    quantity = main(page).get_by_label(f"Quantity of {toy['name']}")
    for text in ("-1", "1.5", "99999999", ""):
        quantity.fill(text)
        quantity.press("Enter")
        expect(quantity).to_have_accessible_description(re.compile("whole number"))
        expect_in_cart(page, 1)
    # AND 0 removes the toy, which can be undone
    quantity.fill("0")
    quantity.press("Enter")
    expect(main(page).get_by_text("Your cart is empty.")).to_be_visible()
    main(page).get_by_role("button", name="Undo").click()
    expect_in_cart(page, 1)


def test_suggestions_are_those_of_what_is_typed_last(page: Page) -> None:
    page.goto("/")
    field = page.get_by_role("banner").get_by_label("Search toys")
    suggestions = page.get_by_role("listbox").get_by_role("option")
    field.press_sequentially("rob")
    expect(suggestions.first).to_have_text(re.compile("robot", re.I))
    field.fill("")
    field.press_sequentially("kite")
    expect(suggestions.first).to_have_text(re.compile("kite", re.I))
    expect(suggestions.filter(has_text="Robot")).to_have_count(0)
    # WHEN one is chosen with the keyboard
    field.press("ArrowDown")
    field.press("Enter")
    # THEN it is searched for
    expect(heading(page, re.compile("kite", re.I)).first).to_be_visible()
    expect(suggestions).to_have_count(0)


def test_category_names_cost_no_catalogue(page: Page) -> None:
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
