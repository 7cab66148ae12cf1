"""Browsing: home, lists with filters, suggestions and product pages."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from support.browser.faults import Faults
from support.browser.shopping import Held, heading, main
from support.running_shop import Shop

# what describes the toy to search engines and link previews
HEAD = """
    (head) => [...head.querySelectorAll("title, meta, link[rel=canonical], script[type*=json]")]
        .map((element) => element.localName === "script"
            ? JSON.stringify(Object.entries(JSON.parse(element.textContent)).sort())
            : element.outerHTML)
        .sort()
"""


def cards(page: Page) -> Locator:
    return main(page).get_by_role("button", name=re.compile(r"^Add .+ to your cart$"))


def sort_by(page: Page) -> Locator:
    return main(page).get_by_label("Sort by")


def search(page: Page, text: str) -> None:
    field = page.get_by_label("Search toys")
    field.fill(text)
    field.press("Enter")


def toys(shop: Shop, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.api("GET", f"/toys?limit=100{query}").json["items"]
    return found


def choose(page: Page, filter_: str) -> int:
    """Choose a filter, and return the number of toys beside it."""
    link = main(page).get_by_role("complementary").get_by_role("link", name=filter_)
    promised = int(re.sub(r"\D", "", link.inner_text().split("\n")[-1].split(" ")[-1]))
    link.click()
    return promised


def test_home_links_to_the_catalogue(page: Page) -> None:
    page.goto("/")
    main(page).get_by_role("link", name="Robots").click()
    expect(page).to_have_url(re.compile(r"/c/robots$"))
    expect(heading(page, "Robots")).to_be_focused()
    page.go_back()
    main(page).get_by_role("link", name=re.compile(r"^3\s+years")).click()
    expect(page).to_have_url(re.compile(r"/search\?age=3$"))


def test_filters_are_undone_one_at_a_time_by_back(page: Page) -> None:
    page.goto("/c/robots")
    age = choose(page, "6 years old")
    expect(cards(page)).to_have_count(age)
    price = choose(page, "$20 to $50")
    expect(page).to_have_url(re.compile(r"age=6&price_min=2000&price_max=4999"))
    expect(cards(page)).to_have_count(price)
    sort_by(page).select_option("price")
    expect(page).to_have_url(re.compile("sort=price"))
    page.go_back()
    expect(page).not_to_have_url(re.compile("sort="))
    expect(sort_by(page)).to_have_value("newest")
    page.get_by_role("link", name="Remove filter 6 years old").click()
    expect(page).not_to_have_url(re.compile("age="))
    page.go_back()
    page.go_back()
    expect(page).to_have_url(re.compile(r"/c/robots\?age=6$"))
    expect(cards(page)).to_have_count(age)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/c/robots$"))


def test_custom_price_range_is_validated(page: Page) -> None:
    page.goto("/c/robots")
    filters = main(page).get_by_role("complementary")
    filters.get_by_text("Custom range").click()
    form = filters.get_by_role("form", name="Custom range, in AUD")
    form.get_by_label("From").fill("50")
    form.get_by_label("To").fill("twenty")
    form.get_by_role("button", name="Apply").click()
    expect(form.get_by_role("status")).to_have_text("Enter prices such as 20 or 19.95.")
    form.get_by_label("To").fill("20")
    form.get_by_role("button", name="Apply").click()
    expect(form.get_by_role("status")).to_have_text("“From” can’t be higher than “To”.")
    form.get_by_label("To").fill("99.95")
    form.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("price_min=5000&price_max=9995"))


def test_more_pages_survive_reload_and_back(page: Page) -> None:
    page.goto("/search?sort=name")
    main(page).get_by_role("button", name="Load more toys").click()
    expect(cards(page)).to_have_count(48)
    page.reload()
    expect(cards(page)).to_have_count(48)
    name = main(page).get_by_role("heading", level=3).nth(40)
    name.get_by_role("link").click()
    expect(main(page).get_by_role("button", name="Add to cart")).to_be_visible()
    page.go_back()
    expect(cards(page)).to_have_count(48)
    expect(name).to_be_in_viewport()


def test_failed_page_keeps_what_is_shown(page: Page, faults: Faults) -> None:
    faults.expect("503 GET .*/api/toys")
    page.goto("/search")
    expect(cards(page)).to_have_count(24)
    page.route("**/api/toys?*", lambda route: route.fulfill(status=503))
    main(page).get_by_role("button", name="Load more toys").click()
    expect(main(page).get_by_role("alert")).to_contain_text("Part of the shop isn’t available")
    expect(cards(page)).to_have_count(24)
    page.unroute("**/api/toys?*")
    main(page).get_by_role("button", name="Try again").click()
    expect(cards(page)).to_have_count(48)


def test_late_results_never_appear_under_a_later_search(page: Page) -> None:
    held = Held(page, re.compile(r"/api/toys\?q=robot"))
    page.goto("/")
    search(page, "robot")
    expect(heading(page, "Results for “robot”")).to_be_visible()
    search(page, "kite")
    expect(heading(page, "Results for “kite”")).to_be_visible()
    expect(main(page).get_by_role("link", name="Delta Kite Firetail")).to_be_visible()
    held.release()
    page.wait_for_load_state("networkidle")
    expect(main(page).get_by_role("link", name="Delta Kite Firetail")).to_be_visible()
    expect(heading(page, "Results for “kite”")).to_be_visible()


def test_failed_search_shows_no_earlier_results(page: Page, faults: Faults) -> None:
    faults.expect("503 GET .*/api/toys")
    page.goto("/search?q=robot")
    expect(cards(page).first).to_be_visible()
    page.route(re.compile(r"/api/toys\?q=kite"), lambda route: route.fulfill(status=503))
    search(page, "kite")
    expect(main(page).get_by_role("alert")).to_be_visible()
    expect(cards(page)).to_have_count(0)
    page.unroute(re.compile(r"/api/toys\?q=kite"))
    main(page).get_by_role("button", name="Try again").click()
    expect(main(page).get_by_role("link", name="Delta Kite Firetail")).to_be_visible()


def test_list_is_reloaded_when_the_connection_returns(page: Page, faults: Faults) -> None:
    faults.expect("net::ERR_INTERNET_DISCONNECTED")
    page.goto("/c/robots")
    expect(cards(page).first).to_be_visible()
    page.context.set_offline(True)
    choose(page, "6 years old")
    expect(main(page).get_by_role("alert")).to_contain_text("You seem to be offline.")
    cart = page.get_by_role("link", name=re.compile("^Cart"))
    cart.click()  # the drawer's module cannot be loaded
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.context.set_offline(False)
    expect(cards(page).first).to_be_visible()
    cart.click()
    expect(page.get_by_role("dialog", name="Your cart")).to_be_visible()


def test_a_view_that_cannot_be_loaded_offline_is_loaded_later(page: Page, faults: Faults) -> None:
    faults.expect("net::ERR_INTERNET_DISCONNECTED")
    page.goto("/")
    expect(heading(page, "New arrivals")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    main(page).get_by_role("button", name="Try again").click()
    expect(main(page).get_by_role("alert")).to_contain_text("You seem to be offline.")
    page.context.set_offline(False)
    expect(heading(page, "Sign in")).to_be_visible()


def test_view_that_fails_to_load_after_the_network_has_returned_is_loaded_again(
    page: Page, faults: Faults
) -> None:
    faults.expect("net::ERR_INTERNET_DISCONNECTED")
    page.goto("/")
    expect(heading(page, "New arrivals")).to_be_visible()
    held = Held(page, "**/views/account.js", times=1)
    # GIVEN a view that is opened offline
    page.context.set_offline(True)
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    # WHEN its request fails, but the network has returned already
    page.context.set_offline(False)
    page.wait_for_function("navigator.onLine")
    held.release(lambda route: route.abort("internetdisconnected"))
    # THEN it is loaded again
    expect(heading(page, "Sign in")).to_be_visible()


def test_pictures_that_cannot_be_enlarged_offline_say_so(
    page: Page, shop: Shop, faults: Faults
) -> None:
    faults.expect("net::ERR_INTERNET_DISCONNECTED")
    page.goto(f"/toys/{shop.toys[0]['id']}")
    zoom = main(page).get_by_role("button", name="Zoom in")
    expect(zoom).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    zoom.click()
    expect(page.get_by_text("You seem to be offline.").last).to_be_visible()


def test_prices_have_a_currency_even_if_no_toy_is_shown(page: Page) -> None:
    chips = main(page).get_by_role("list", name="Active filters").get_by_role("link")
    page.goto("/search?q=zzz&price_min=1000&price_max=2000")
    expect(main(page)).to_contain_text("No toys match “zzz”.")
    expect(chips.first).to_have_text(re.compile(r"^Price\b"))
    page.goto("/c/robots")
    expect(cards(page).first).to_be_visible()
    page.goto("/search?q=zzz&price_min=1000&price_max=2000")
    expect(chips.first).to_have_text(re.compile(r"^\$10 to \$20\b"))


def test_search_without_results_offers_to_clear_the_filters(page: Page) -> None:
    page.goto("/search?q=zzz&age=3")
    expect(main(page)).to_contain_text("No toys match “zzz”.")
    main(page).get_by_role("link", name="Clear filters").last.click()
    expect(page).to_have_url(re.compile(r"/search\?q=zzz$"))
    main(page).get_by_role("link", name="See all toys").click()
    expect(cards(page)).to_have_count(24)


@pytest.mark.parametrize("address", ["/c/nowhere", "/c/nowhere?age=3", "/c/%20"])
def test_unknown_category_is_not_found(page: Page, faults: Faults, address: str) -> None:
    faults.expect("404 GET .*/(api/)?(toys|c)/")
    page.goto(address)
    expect(heading(page, "Page not found")).to_be_visible()
    expect(page.locator("meta[name=robots]")).to_have_attribute("content", "noindex")


@pytest.mark.parametrize(
    "query", ["age=x&price_min=-1&price_max=1e9&sort=best&pages=0", "pages=99999999999", "age=100"]
)
def test_malformed_search_is_ignored(page: Page, query: str) -> None:
    page.goto(f"/search?{query}")
    expect(heading(page, "All toys")).to_be_visible()
    expect(cards(page).first).to_be_visible()


def test_suggestions_are_chosen_with_the_keyboard(page: Page) -> None:
    page.goto("/")
    field = page.get_by_label("Search toys")
    field.click()
    field.press_sequentially("robo", delay=20)
    options = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(options.first).to_be_visible()
    field.press("ArrowDown")
    field.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-1")
    field.press("Escape")
    expect(options).to_have_count(0)
    expect(field).to_have_value("robo")
    field.press_sequentially("t")
    chosen = options.first.inner_text()
    field.press("ArrowDown")
    field.press("Enter")
    expect(heading(page, f"Results for “{chosen}”")).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "false")


def test_suggestions_are_those_of_the_latest_text(page: Page) -> None:
    held = Held(page, re.compile(r"/suggestions\?q=ki$"))
    page.goto("/")
    field = page.get_by_label("Search toys")
    field.click()
    with page.expect_request(re.compile(r"/suggestions\?q=ki$")):
        field.press_sequentially("ki")
    field.press_sequentially("te")
    options = page.get_by_role("option")
    expect(options.filter(has_text="Kite").first).to_be_visible()
    before = options.all_inner_texts()
    body = json.dumps({"items": [{"text": "late"}]})
    held.release(lambda route: route.fulfill(body=body, content_type="application/json"))
    page.wait_for_load_state("networkidle")
    assert options.all_inner_texts() == before


def test_toy_has_one_address_and_metadata(page: Page, shop: Shop) -> None:
    toy = toys(shop, "&q=kite")[0]
    page.goto(f"/toys/some-other-name-{toy['id']}")
    slug = "-".join(re.findall("[a-z0-9]+", toy["name"].lower().replace("'", "")))
    expect(page).to_have_url(re.compile(f"/toys/{slug}-{toy['id']}$"))
    expect(page).to_have_title(f"{toy['name']} · The Toy Shop")
    expect(page.locator("link[rel=canonical]")).to_have_attribute(
        "href", re.compile(f"/toys/{slug}-{toy['id']}$")
    )
    data = json.loads(page.locator("script[type='application/ld+json']").text_content() or "")
    assert data["@type"] == "Product"
    assert data["name"] == toy["name"]
    assert data["offers"]["priceCurrency"] == "AUD"
    assert round(float(data["offers"]["price"]) * 100) == toy["price"]["amount"]
    # AND nothing of it is said at another address
    page.get_by_role("link", name="The Toy Shop").first.click()
    expect(page).to_have_title("The Toy Shop")
    of_toys = "meta[property^='product:'], meta[name^='twitter:'], script[type*='ld+json']"
    expect(page.locator(of_toys)).to_have_count(0)


def test_head_of_a_toy_is_the_same_however_a_customer_gets_there(page: Page, shop: Shop) -> None:
    toy = toys(shop, "&q=kite")[0]
    page.goto(f"/toys/{toy['id']}")
    address = page.url
    # as crawlers see it
    sent = page.evaluate(
        f"""async (address) => {{
            const html = await (await fetch(address)).text();
            const document = new DOMParser().parseFromString(html, "text/html");
            return ({HEAD})(document.head);
        }}""",
        address,
    )
    expect(heading(page, toy["name"])).to_be_visible()
    assert page.evaluate(f"({HEAD})(document.head)") == sent
    # WHEN the customer comes from another view
    page.goto("/account")
    page.evaluate("address => history.pushState({}, '', address)", address)
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    expect(heading(page, toy["name"])).to_be_visible()
    assert page.evaluate(f"({HEAD})(document.head)") == sent


def test_pictures_are_selected_and_enlarged(page: Page, shop: Shop) -> None:
    toy = next(toy for toy in toys(shop) if len(toy["images"]) > 1)
    page.goto(f"/toys/{toy['id']}")
    second = main(page).get_by_role("button", name="Show picture 2 of 2")
    second.click()
    expect(second).to_have_attribute("aria-current", "true")
    main(page).get_by_role("button", name="Zoom in").click()
    dialog = page.get_by_role("dialog", name="Pictures")
    expect(dialog.get_by_role("img", name=toy["images"][1]["alt"])).to_be_visible()
    dialog.get_by_role("button", name="Next picture").click()
    expect(dialog.get_by_role("img", name=toy["images"][0]["alt"])).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(main(page).get_by_role("button", name="Zoom in")).to_be_focused()


def test_late_toy_never_replaces_a_later_one(page: Page, shop: Shop) -> None:
    slow, quick = toys(shop, "&category=robots")[:2]
    held = Held(page, f"**/api/toys/{slow['id']}")
    page.goto("/account")
    page.evaluate("address => history.pushState({}, '', address)", f"/toys/{slow['id']}")
    with page.expect_request(f"**/api/toys/{slow['id']}"):
        page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    page.evaluate("address => history.pushState({}, '', address)", f"/toys/{quick['id']}")
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    expect(heading(page, quick["name"]).first).to_be_visible()
    held.release()
    page.wait_for_load_state("networkidle")
    main(page).get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("dialog").get_by_role("link", name=quick["name"])).to_be_visible()
    expect(page.get_by_role("dialog").get_by_role("link", name=slow["name"])).to_have_count(0)


def test_focus_moves_to_the_name_of_a_toy_once_it_is_known(page: Page, shop: Shop) -> None:
    toy, *others = toys(shop)
    other = next(one for one in others if one["category"] != toy["category"])
    page.goto(f"/toys/{other['id']}")
    expect(heading(page, other["name"])).to_be_visible()
    for moved_on in (False, True):
        page.goto(f"/toys/{toy['id']}")
        held = Held(page, f"**/api/toys/{other['id']}")
        main(page).get_by_role("link", name=other["name"]).last.click()
        expect(heading(page, "Loading…")).to_be_visible()
        expect(heading(page, "Loading…")).not_to_be_focused()
        field = page.get_by_label("Search toys")
        if moved_on:
            field.focus()
        held.release()
        page.unroute_all()
        expect(heading(page, other["name"]).first).to_be_visible()
        expect(field if moved_on else heading(page, other["name"]).first).to_be_focused()


def test_recently_viewed_toys_are_listed(page: Page, shop: Shop) -> None:
    first, second = toys(shop, "&category=robots")[:2]
    page.goto(f"/toys/{first['id']}")
    expect(heading(page, first["name"]).first).to_be_visible()
    page.goto(f"/toys/{second['id']}")
    seen = main(page).get_by_role("region", name="Recently viewed")
    expect(seen.get_by_role("link")).to_have_text([first["name"]])


def test_a_withdrawn_toy_is_explained_and_no_longer_recently_viewed(
    page: Page, shop: Shop, faults: Faults
) -> None:
    faults.expect("404 GET .*/toys/")
    gone, other = toys(shop, "&category=robots")[:2]
    page.goto(f"/toys/{gone['id']}")
    expect(heading(page, gone["name"]).first).to_be_visible()
    page.route(f"**/api/toys/{gone['id']}", lambda route: route.fulfill(status=404, json={}))
    page.reload()
    expect(heading(page, "This toy is no longer available.")).to_be_visible()
    expect(page.locator("meta[name=robots]")).to_have_attribute("content", "noindex")
    expect(main(page).get_by_role("link", name="See all toys")).to_have_attribute("href", "/search")
    page.goto(f"/toys/{other['id']}")
    expect(heading(page, other["name"]).first).to_be_visible()
    expect(main(page).get_by_role("region", name="Recently viewed")).to_have_count(0)


def test_header_is_exactly_as_high_as_sticky_parts_expect(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/c/robots")
    box = page.get_by_role("banner").bounding_box()
    assert box
    assert box["height"] == 56


def test_best_match_is_offered_for_a_search_only(page: Page) -> None:
    page.goto("/search?sort=relevance")
    expect(sort_by(page)).to_have_value("newest")
    expect(sort_by(page).locator("option")).to_have_count(4)
    search(page, "robot")
    expect(sort_by(page)).to_have_value("relevance")
    expect(sort_by(page).locator("option")).to_have_count(5)


def test_related_toys_are_of_the_same_category(page: Page, shop: Shop) -> None:
    toy = toys(shop, "&category=robots")[-1]
    page.goto(f"/toys/{toy['id']}")
    related = main(page).get_by_role("region", name="You may also like")
    related.scroll_into_view_if_needed()
    others = {other["name"] for other in toys(shop, f"&category={toy['category']}")}
    expect(related.get_by_role("heading", level=3)).to_have_count(4)
    names = set(related.get_by_role("heading", level=3).all_inner_texts())
    assert names <= others - {toy["name"]}


@pytest.mark.parametrize(
    ("address", "name"), [("/toys/{id}", "You may also like"), ("/", "Little treats")]
)
def test_toys_below_are_loaded_even_if_the_browser_is_busy(
    page: Page, shop: Shop, address: str, name: str
) -> None:
    # GIVEN a browser so busy that it reports two changes of what is visible at once
    page.set_viewport_size({"width": 1280, "height": 300})
    page.add_init_script(
        """const Native = IntersectionObserver;
        window.IntersectionObserver = class extends Native {
            constructor(callback, options) {
                const held = window.held = [];
                super((entries, observer) => {
                    held.push(...entries);
                    if (held.length > 1) callback(held.splice(0), observer);
                }, options);
            }
        };"""
    )
    page.goto(address.format(id=toys(shop, "&category=robots")[-1]["id"]))
    below = main(page).get_by_role("region", name=name)
    # AND the toys below are out of sight at first
    page.wait_for_function("() => window.held?.length === 1")
    # WHEN the customer scrolls to them
    below.scroll_into_view_if_needed()
    # THEN they are shown
    expect(below.get_by_role("heading", level=3)).to_have_count(4)


@pytest.mark.parametrize("answer", ["null", "{}", "[]", '{"items": null, "total": 1}'])
@pytest.mark.parametrize("address", ["/", "/search", "/toys/toy_1"])
def test_invalid_response_is_an_error_to_retry(
    page: Page, faults: Faults, address: str, answer: str
) -> None:
    faults.expect(
        "404 GET .*/toys/toy_1$"
    )  # the document's address, because the toy does not exist
    page.route("**/api/toys**", lambda route: route.fulfill(json=json.loads(answer)))
    page.goto(address)
    expect(main(page).get_by_role("button", name="Try again")).to_be_visible()
