"""The staff's tools: finding and cancelling orders; adding, editing and withdrawing toys."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from support.browser import checkout
from support.browser.faults import Faults
from support.browser.shopping import STAFF, Held, fail, heading, main, open_as_staff
from support.images import new_toy, png
from support.running_shop import PASSWORD, Shop
from support.waiting import eventually

PRECONDITION = "412 (PATCH|DELETE) .*/api/toys/"


@pytest.fixture
def staff(shop: Shop) -> str:
    """Return the access token of a member of the staff."""
    return shop.sign_in(STAFF)


def open_toy(page: Page, toy: dict[str, Any]) -> None:
    open_as_staff(page, f"/staff/toys/{toy['id']}")
    expect(heading(page, toy["name"])).to_be_visible()


def name_field(page: Page) -> Locator:
    return page.get_by_label("Name", exact=True)


def dialog_button(page: Page, name: str) -> Locator:
    return page.get_by_role("dialog").get_by_role("button", name=name)


def stored(shop: Shop, toy: dict[str, Any]) -> Any:
    return shop.api("GET", f"/toys/{toy['id']}").json


def change(shop: Shop, staff: str, toy: dict[str, Any], **members: Any) -> None:
    """Change a toy, as a colleague would."""
    version = {"If-Match": f'"{stored(shop, toy)["version"]}"'}
    answer = shop.api("PATCH", f"/toys/{toy['id']}", members, staff, version)
    assert answer.status == 200, answer.body


def withdraw(shop: Shop, staff: str, toy: dict[str, Any]) -> None:
    """Withdraw a toy that nobody has changed, as a colleague would."""
    assert shop.api("DELETE", f"/toys/{toy['id']}", None, staff, {"If-Match": '"1"'}).status == 204


def test_customers_do_not_see_the_staff_tools(page: Page, shop: Shop, customer: str) -> None:
    checkout.open_session(page, shop, customer)
    for address in ("/staff", "/staff/orders", "/staff/toys/new", "/journey/ord_0000"):
        page.goto(address)
        expect(heading(page, "This page is for our staff")).to_be_visible()
    expect(page.get_by_role("link", name="Staff", exact=True)).to_have_count(0)


def test_orders_of_a_customer_are_found_and_one_is_cancelled(
    page: Page, shop: Shop, customer: str
) -> None:
    order = shop.place(shop.sign_in(customer))
    shop.wait_for_payment(order["id"], shop.sign_in(customer), "succeeded")
    open_as_staff(page, "/staff/orders")
    field = page.get_by_label("Order number or customer’s email")
    field.fill("Robin")
    field.press("Enter")
    expect(main(page).get_by_role("alert")).to_contain_text("Enter a full order number")
    field.fill(customer)
    field.press("Enter")
    found = main(page).get_by_role("link", name=re.compile(": order ord_"))
    expect(found).to_have_count(1)
    page.get_by_label("Status").select_option("Cancelled")
    expect(page.get_by_text("No orders match your search.")).to_be_visible()
    page.go_back()
    expect(found).to_have_count(1)
    # GIVEN the order's number instead of the email address
    field.fill(order["id"])
    field.press("Enter")
    expect(page.get_by_text(customer)).to_be_visible()
    expect(main(page)).to_contain_text("1 Toy Street")
    page.get_by_role("button", name="Cancel order").click()
    dialog_button(page, "Cancel order").dblclick()
    expect(main(page).get_by_text("Cancelled, refunded")).to_be_visible()
    assert shop.ledger_of(order["id"]) == [("charge", "succeeded"), ("refund", "succeeded")]


def test_toy_is_added_with_an_exact_price_and_withdrawn(page: Page, shop: Shop) -> None:
    open_as_staff(page, "/staff/toys")
    page.get_by_role("link", name="Add a toy").click()
    page.get_by_role("button", name="Add toy").click()
    expect(name_field(page)).to_be_focused()
    expect(name_field(page)).to_have_accessible_description("Enter the toy’s name.")
    name = "Zebra on <b>wheels</b>"
    name_field(page).fill(name)
    page.get_by_label("Category").fill("vehicles")
    page.get_by_label("Brand").fill("Hoop Street")
    page.get_by_label("Price in AUD").fill("0.295")
    page.get_by_label("Minimum age in years").fill("2")
    page.get_by_role("button", name="Add attribute").click()
    page.get_by_label("Name of attribute 1").fill("material")
    page.get_by_role("button", name="Add toy").click()
    price = page.get_by_label("Price in AUD")
    expect(price).to_have_accessible_description("Enter a price like 29.95.")
    expect(page.get_by_label("Value of material")).to_have_accessible_description("Enter a value.")
    price.fill("1,010.3")
    page.get_by_label("Value of material").fill("beech")
    page.get_by_role("button", name="Add toy").dblclick()
    expect(heading(page, name)).to_be_visible()
    toy = shop.api("GET", f"/toys/{page.url.rpartition('/')[2]}").json
    assert toy["price"] == {"amount": 101030, "currency": "AUD"}
    assert (toy["min_age"], toy["attributes"]) == (2, {"material": "beech"})
    assert shop.api("GET", "/toys?q=zebra+wheels").json["total"] == 1
    page.get_by_role("button", name="Withdraw from the shop").click()
    dialog_button(page, "Withdraw").click()
    expect(page.get_by_text(f"{name} withdrawn.").first).to_be_visible()
    assert shop.api("GET", f"/toys/{toy['id']}").status == 404


def test_what_is_being_edited_survives_the_loss_of_the_network(
    page: Page, shop: Shop, staff: str, faults: Faults
) -> None:
    faults.expect("503 GET .*/images")
    toy = new_toy(shop, staff, "Walking duck")
    # GIVEN a toy whose pictures could not be loaded, and whose name has been changed
    fail(page, "/toys/*/images*")
    open_toy(page, toy)
    expect(main(page).get_by_role("button", name="Try again")).to_be_visible()
    name_field(page).fill("Swimming duck")
    page.unroute_all()
    # WHEN the network comes back
    page.evaluate("dispatchEvent(new Event('online'))")
    # THEN the pictures are loaded, and the name is as it was entered
    expect(main(page).get_by_role("button", name="Try again")).to_have_count(0)
    expect(name_field(page)).to_have_value("Swimming duck")


def test_order_of_an_erased_customer_names_nobody(page: Page, shop: Shop, customer: str) -> None:
    token = shop.sign_in(customer)
    order = shop.place(token)
    shop.wait_for_payment(order["id"], token, "succeeded")
    shop.wait_for_emails(order["id"], 1)
    eventually(lambda: shop.order(order["id"], token)["receipt"])
    done = shop.run("forget", customer)
    assert done.returncode == 0, done.stdout + done.stderr
    open_as_staff(page, f"/staff/orders/{order['id']}")
    expect(main(page)).to_contain_text("Erased customer")
    expect(main(page)).to_contain_text("Australia")
    expect(main(page)).not_to_contain_text(customer)
    expect(main(page).locator("a[href^='mailto:']")).to_have_count(0)
    expect(main(page).get_by_role("link", name="All orders of this customer")).to_have_count(0)


def test_pictures_are_uploaded_checked_and_removed(page: Page, shop: Shop, staff: str) -> None:
    toy = new_toy(shop, staff, "Painted box")
    open_toy(page, toy)
    page.get_by_label("Drop pictures here").set_input_files(
        [
            {"name": "box.png", "mimeType": "image/png", "buffer": png(30)},
            {"name": "noise.png", "mimeType": "image/png", "buffer": b"no picture at all"},
            {"name": "manual.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"},
        ]
    )
    expect(page.get_by_text("Only JPEG, PNG, WebP and GIF")).to_be_visible()
    page.get_by_role("button", name="Upload 2 pictures").click()
    text = page.get_by_label("What does box.png show?")
    expect(text).to_be_focused()
    text.fill("A painted box")
    page.get_by_label("What does noise.png show?").fill("Noise")
    page.get_by_role("button", name="Upload 2 pictures").dblclick()
    expect(main(page).get_by_role("img", name="A painted box")).to_be_visible()
    expect(page.get_by_text("It isn’t a picture that we can read.")).to_be_visible()
    assert [image["alt"] for image in stored(shop, toy)["images"]] == ["A painted box"]
    page.get_by_role("button", name="Remove picture: A painted box").click()
    dialog_button(page, "Remove").click()
    expect(main(page).get_by_role("img", name="A painted box")).to_have_count(0)
    assert stored(shop, toy)["images"] == []


def test_conflicting_changes_are_shown_to_choose_from(
    page: Page, shop: Shop, staff: str, faults: Faults
) -> None:
    faults.expect(PRECONDITION)
    toy = new_toy(shop, staff, "Balancing boat")
    open_toy(page, toy)
    name_field(page).fill("Rocking boat")
    page.get_by_label("Price in AUD").fill("7.50")
    # GIVEN a colleague who changes two of the same fields, and another one
    price = {"amount": 600, "currency": "AUD"}
    change(shop, staff, toy, name="Sailing boat", price=price, min_age=5)
    page.get_by_role("button", name="Save changes").click()
    expect(heading(page, "A colleague has also changed this toy")).to_be_visible()
    assert stored(shop, toy)["name"] == "Sailing boat"
    expect(name_field(page)).to_have_value("Rocking boat")
    expect(page.get_by_label("Minimum age in years")).to_have_value("5")
    page.get_by_role("group", name="Price").get_by_role("radio", name="Theirs").check()
    expect(page.get_by_label("Price in AUD")).to_have_value("6.00")
    page.get_by_role("button", name="Save changes").click()
    expect(heading(page, "Rocking boat")).to_be_visible()
    saved = stored(shop, toy)
    assert (saved["name"], saved["price"]["amount"], saved["min_age"]) == ("Rocking boat", 600, 5)


def test_changes_of_other_fields_are_kept_and_saved_together(
    page: Page, shop: Shop, staff: str, faults: Faults
) -> None:
    faults.expect(PRECONDITION)
    toy = new_toy(shop, staff, "Glider")
    open_toy(page, toy)
    page.get_by_label("Brand").fill("Folded")
    change(shop, staff, toy, attributes={"size": "A4"})
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Also changed by your colleague: Size.")).to_be_visible()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Saved.").first).to_be_visible()
    saved = stored(shop, toy)
    assert (saved["brand"], saved["attributes"]) == ("Folded", {"size": "A4"})


def test_unsaved_changes_survive_a_failed_save_and_leaving_asks(
    page: Page, shop: Shop, staff: str, faults: Faults
) -> None:
    toy = new_toy(shop, staff, "Stacking moon")
    open_as_staff(page, "/staff/toys?q=stacking+moon")
    page.get_by_role("link", name="Edit Stacking moon").click()
    expect(name_field(page)).to_have_value("Stacking moon")
    name_field(page).fill("Stacking sun")
    faults.expect("ERR_FAILED PATCH")
    page.route("**/api/toys/*", lambda route: route.abort())
    page.get_by_role("button", name="Save changes").click()
    expect(main(page).get_by_role("alert")).to_contain_text("Please try again")
    expect(name_field(page)).to_have_value("Stacking sun")
    for leave in (page.go_back, page.get_by_role("link", name="Back to toys").click):
        leave()
        dialog_button(page, "Keep editing").click()
        expect(name_field(page)).to_have_value("Stacking sun")
    page.unroute_all()
    page.go_back()
    dialog_button(page, "Leave").click()
    expect(page.get_by_role("link", name="Edit Stacking moon")).to_be_visible()
    assert stored(shop, toy)["name"] == "Stacking moon"


def test_changes_survive_the_end_of_the_session(page: Page, shop: Shop, staff: str) -> None:
    toy = new_toy(shop, staff, "Marble track")
    open_toy(page, toy)
    name_field(page).fill("Marble run")
    # WHEN a colleague signs out in another tab of this browser
    page.evaluate(
        """() => {
            localStorage.removeItem("toyshop.session");
            dispatchEvent(new StorageEvent("storage", { key: "toyshop.session" }));
        }"""
    )
    expect(page.get_by_text("Sign in with your staff account.")).to_be_visible()
    page.get_by_label("Email").fill(STAFF)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    main(page).get_by_role("button", name="Sign in").click()
    expect(name_field(page)).to_have_value("Marble run")
    page.get_by_role("button", name="Save changes").click()
    expect(heading(page, "Marble run")).to_be_visible()
    assert stored(shop, toy)["name"] == "Marble run"


def test_toy_withdrawn_during_editing_can_be_added_again(
    page: Page, shop: Shop, staff: str, faults: Faults
) -> None:
    faults.expect("404 PATCH .*/api/toys/")
    toy = new_toy(shop, staff, "Lost balloon")
    open_toy(page, toy)
    expect(page.get_by_text("No pictures yet.")).to_be_visible()
    name_field(page).fill("Found balloon")
    withdraw(shop, staff, toy)
    page.get_by_role("button", name="Save changes").click()
    page.get_by_role("button", name="Add as a new toy").click()
    page.get_by_role("button", name="Add toy").click()
    expect(heading(page, "Found balloon")).to_be_visible()
    expect(page.get_by_role("button", name="Save changes")).to_be_visible()
    assert shop.api("GET", f"/toys/{page.url.rpartition('/')[2]}").json["name"] == "Found balloon"


def test_toy_withdrawn_while_its_pictures_load_is_explained(
    page: Page, shop: Shop, staff: str, faults: Faults
) -> None:
    faults.expect("404 (GET|PATCH) .*/api/toys/")
    toy = new_toy(shop, staff, "Lost kite")
    pictures = Held(page, "**/api/toys/*/images?*", times=1)
    open_toy(page, toy)
    withdraw(shop, staff, toy)
    pictures.release()
    expect(page.get_by_text("This toy has been withdrawn.")).to_be_visible()
    expect(main(page).get_by_role("button", name="Try again")).to_have_count(0)
    name_field(page).fill("Found kite")
    page.get_by_role("button", name="Save changes").click()
    page.get_by_role("button", name="Add as a new toy").click()
    expect(page.get_by_text("This toy has been withdrawn.")).to_have_count(0)
    page.get_by_role("button", name="Add toy").click()
    expect(page.get_by_text("No pictures yet.")).to_be_visible()
    assert shop.api("GET", f"/toys/{page.url.rpartition('/')[2]}").json["name"] == "Found kite"


def test_failed_page_of_a_list_can_be_retried(page: Page, faults: Faults) -> None:
    open_as_staff(page, "/staff/toys")
    expect(main(page).get_by_role("row").nth(1)).to_be_visible()
    faults.expect("503 GET .*/api/toys")
    page.route("**/api/toys?*", lambda route: route.fulfill(status=503, json={"status": 503}))
    page.get_by_role("button", name="Load more").click()
    expect(main(page).get_by_role("alert")).to_contain_text("Part of the shop isn’t available")
    assert main(page).get_by_role("row").count() == 21
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(main(page).get_by_role("row")).to_have_count(41)
