"""The basket: its drawer, its page, several tabs, and changes of the catalogue."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from support.browser.faults import Faults
from support.browser.shopping import expect_in_cart, heading, main, open_toy
from support.running_shop import Shop


@pytest.fixture
def toys(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = shop.api("GET", "/toys?limit=2&sort=name").json["items"]
    return found


def line(toy: dict[str, Any], quantity: int = 1, **changes: Any) -> dict[str, Any]:
    kept = {key: toy[key] for key in ("id", "name", "price")}
    return {**kept, "image": None, "quantity": quantity, **changes}


def fill(page: Page, value: Any) -> None:
    """Store a basket, as an earlier visit would."""
    text = value if isinstance(value, str) else json.dumps(value)
    page.goto("/missing.svg")
    page.evaluate("text => localStorage.setItem('toyshop.basket', text)", text)


def drawer(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Your cart")


def quantity(place: Page | Locator, toy: dict[str, Any]) -> Locator:
    return place.get_by_role("spinbutton", name=f"Quantity of {toy['name']}")


def test_double_click_adds_a_toy_once(page: Page, toys: list[dict[str, Any]]) -> None:
    open_toy(page, toys[0])
    add = main(page).get_by_role("button", name="Add to cart")
    add.dblclick()
    expect(quantity(drawer(page), toys[0])).to_have_value("1")
    page.keyboard.press("Escape")
    expect(add).to_be_focused()
    expect_in_cart(page, 1)


def test_quantities_are_added_up(page: Page, toys: list[dict[str, Any]]) -> None:
    open_toy(page, toys[0])
    main(page).get_by_role("button", name=f"Increase quantity of {toys[0]['name']}").click()
    main(page).get_by_role("button", name="Add to cart").click()
    expect(quantity(drawer(page), toys[0])).to_have_value("2")
    drawer(page).get_by_role("button", name=f"Decrease quantity of {toys[0]['name']}").click()
    expect(quantity(drawer(page), toys[0])).to_have_value("1")


@pytest.mark.parametrize("text", ["", "1.5", "-1", "10001"])
def test_invalid_quantity_is_rejected_with_a_message(
    page: Page, toys: list[dict[str, Any]], text: str
) -> None:
    fill(page, [line(toys[0], 3)])
    page.goto("/basket")
    field = quantity(page, toys[0])
    field.fill(text)
    field.press("Tab")
    expect(field).to_have_value("3")
    expect(field).to_have_accessible_description("Enter a whole number up to 10,000.")


def test_an_invalid_quantity_of_a_toy_is_kept_and_not_added(
    page: Page, toys: list[dict[str, Any]]
) -> None:
    open_toy(page, toys[0])
    field = quantity(main(page), toys[0])
    field.fill("0")
    main(page).get_by_role("button", name="Add to cart").press("Enter")
    expect(field).to_be_focused()
    expect(field).to_have_value("0")
    expect(field).to_have_accessible_description("Enter a whole number from 1 to 10,000.")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect_in_cart(page, 0)
    main(page).get_by_role("button", name=f"Increase quantity of {toys[0]['name']}").click()
    expect(field).to_have_accessible_description("")
    main(page).get_by_role("button", name="Add to cart").click()
    expect_in_cart(page, 2)


def test_quantity_zero_removes_a_toy_and_can_be_undone(
    page: Page, toys: list[dict[str, Any]]
) -> None:
    fill(page, [line(toys[0], 3), line(toys[1])])
    page.goto("/basket")
    quantity(page, toys[0]).fill("0")
    quantity(page, toys[0]).press("Tab")
    expect(quantity(page, toys[0])).to_have_count(0)
    expect(main(page)).to_contain_text(f"{toys[0]['name']} removed from your cart.")
    main(page).get_by_role("button", name="Undo").click()
    expect(quantity(page, toys[0])).to_have_value("3")
    expect_in_cart(page, 4)


def test_removing_the_last_toy_shows_an_empty_basket(
    page: Page, toys: list[dict[str, Any]]
) -> None:
    fill(page, [line(toys[0])])
    page.goto("/basket")
    page.get_by_role("button", name=f"Remove {toys[0]['name']}").click()
    expect(main(page)).to_contain_text("Your cart is empty.")
    expect(heading(page, "Your cart")).to_be_focused()


def test_controls_have_unique_names(page: Page, toys: list[dict[str, Any]]) -> None:
    fill(page, [line(toy) for toy in toys])
    page.goto("/basket")
    expect(main(page).get_by_role("spinbutton")).to_have_count(2)
    tree = main(page).aria_snapshot()
    names = re.findall(r'(?:button|spinbutton|link) "([^"]+)"', tree)
    assert len(names) == len(set(names))


def test_tabs_share_the_basket(page: Page, toys: list[dict[str, Any]]) -> None:
    fill(page, [line(toys[0])])
    page.goto("/basket")
    other = page.context.new_page()
    other.goto("/basket")
    other.get_by_role("button", name=f"Increase quantity of {toys[0]['name']}").click()
    expect(quantity(page, toys[0])).to_have_value("2")
    expect(page.get_by_text("Your cart was changed in another tab.").last).to_be_visible()
    expect_in_cart(page, 2)


def test_changed_price_is_shown(page: Page, toys: list[dict[str, Any]]) -> None:
    price = {**toys[0]["price"], "amount": 100}
    fill(page, [line(toys[0], 2, price=price)])
    page.goto("/basket")
    expect(main(page)).to_contain_text("Price changed from $1.00 to $")
    total = f"${toys[0]['price']['amount'] * 2 / 100:,.2f}"
    expect(main(page).get_by_role("complementary")).to_contain_text(total)


def test_discontinued_toy_is_removed_and_listed(
    page: Page, toys: list[dict[str, Any]], faults: Faults
) -> None:
    faults.expect("404 GET .*/api/toys/toy_0")
    fill(page, [line(toys[0]), line(toys[1], id="toy_0", name="Old Friend")])
    page.goto("/basket")
    expect(main(page)).to_contain_text("No longer available")
    expect(main(page).get_by_role("listitem").filter(has_text="Old Friend")).to_be_visible()
    expect(main(page).get_by_role("spinbutton")).to_have_count(1)
    expect_in_cart(page, 1)
    main(page).get_by_role("button", name="Got it").click()
    expect(main(page)).not_to_contain_text("Old Friend")


def test_basket_remains_when_the_catalogue_is_down(
    page: Page, toys: list[dict[str, Any]], faults: Faults
) -> None:
    faults.expect("503 GET .*/api/toys")
    fill(page, [line(toys[0])])

    def refuse(route: Route) -> None:
        route.fulfill(status=503)

    page.route("**/api/toys/*", refuse)
    page.goto("/basket")
    expect(main(page)).to_contain_text("We couldn’t check the latest prices.")
    expect(quantity(page, toys[0])).to_have_value("1")
    page.unroute("**/api/toys/*", refuse)
    main(page).get_by_role("button", name="Try again").click()
    expect(main(page)).not_to_contain_text("We couldn’t check the latest prices.")


@pytest.mark.parametrize(
    "stored",
    [
        "{",
        "null",
        '"text"',
        '{"id": 1}',
        '[null, 1, {"id": "toy_1"}]',
        '[{"id": "toy_1", "name": "x", "price": {"amount": 1e99, "currency": "AUD"}}]',
        '[{"id": "toy_1", "name": "x", "price": {"amount": 1, "currency": "?"}, "quantity": 1}]',
    ],
)
def test_corrupt_basket_is_treated_as_empty(page: Page, stored: str) -> None:
    fill(page, stored)
    page.goto("/basket")
    expect(main(page)).to_contain_text("Your cart is empty.")


def test_corrupt_picture_is_ignored(page: Page, toys: list[dict[str, Any]]) -> None:
    image = {"url": "https://example.com/x", "variants": 7}
    fill(page, [line(toys[0], image=image)])
    page.goto("/basket")
    expect(quantity(page, toys[0])).to_have_value("1")


def test_drawer_closes_on_navigation(page: Page, toys: list[dict[str, Any]]) -> None:
    fill(page, [line(toys[0])])
    page.goto("/")
    page.get_by_role("link", name="Cart, 1 toy").click()
    drawer(page).get_by_role("link", name=toys[0]["name"]).click()
    expect(drawer(page)).to_have_count(0)
    expect(heading(page, toys[0]["name"]).first).to_be_visible()
