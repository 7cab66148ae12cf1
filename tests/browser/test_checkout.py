"""The steps of the checkout, and interruptions: faults, other tabs, changes of the catalogue."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from support.browser import checkout
from support.browser.checkout import ADDRESS, pay_button, seeded, store, stored
from support.browser.faults import Faults
from support.browser.shopping import Held, heading, main, order_shown
from support.running_shop import Shop

PRICE = "409 POST .*/api/orders"


def test_steps_have_addresses_and_back_keeps_entered_values(
    page: Page, shop: Shop, customer: str
) -> None:
    checkout.fill_basket(page, shop, 2)
    page.goto("/checkout")
    checkout.enter_credentials(page, customer)
    page.get_by_label("Country").select_option("AU")
    for label, text in {
        "Full name": "Robin Example",
        "Street address": "1 Toy Street",
        "Suburb or city": "Sydney",
        "Postcode": "2000",
    }.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Continue to payment").click()
    expect(page).to_have_url(re.compile("step=payment"))
    page.get_by_role("radio", name=re.compile("4444")).check()
    page.go_back()
    expect(page.get_by_label("Street address")).to_have_value("1 Toy Street")
    page.go_forward()
    expect(page.get_by_role("radio", name=re.compile("4444"))).to_be_checked()
    page.reload()
    expect(main(page)).to_contain_text("1 Toy Street")
    pay_button(page).click()
    order_shown(page)
    assert stored(page, "basket") == []
    assert stored(page, "order") is None


def test_address_fields_depend_on_the_country(page: Page, shop: Shop, customer: str) -> None:
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    page.goto("/checkout?step=delivery")
    page.get_by_label("Country").select_option("US")
    expect(page.get_by_label("ZIP code")).to_be_visible()
    page.get_by_label("Country").select_option("JP")
    expect(page.get_by_label("Prefecture")).to_be_visible()
    expect(page.get_by_label("ZIP code")).to_have_count(0)
    page.get_by_role("button", name="Continue to payment").click()
    prefecture = page.get_by_label("Prefecture")
    expect(prefecture).to_have_attribute("aria-invalid", "true")
    expect(prefecture).to_have_accessible_description("Enter your prefecture.")
    expect(page.get_by_label("Full name")).to_be_focused()


def test_address_is_shown_as_it_is_sent(page: Page, shop: Shop, customer: str) -> None:
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    # WHEN a country without postcodes is chosen after one was entered
    store(page, "address", {"email": customer, "address": ADDRESS | {"country": "HK"}})
    page.goto("/checkout?step=payment")
    expect(main(page)).to_contain_text("Hong Kong")
    expect(pay_button(page)).to_be_visible()
    # THEN it is not shown either
    expect(main(page)).not_to_contain_text(ADDRESS["postal_code"])


def test_rejected_address_field_shows_an_error(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("422 POST .*/api/orders")
    checkout.go_to_payment(page, shop, customer)
    store(page, "address", {"email": customer, "address": ADDRESS | {"postal_code": "xyz"}})
    page.reload()
    pay_button(page).click()
    postcode = page.get_by_label("Postcode")
    expect(postcode).to_have_accessible_description("Enter a valid postcode.")
    expect(postcode).to_have_value("xyz")
    expect(postcode).to_be_focused()
    expect(page.get_by_role("alert").first).to_contain_text("Please check")
    assert len(stored(page, "basket")) == 1


def test_double_click_orders_once(page: Page, shop: Shop, customer: str) -> None:
    checkout.go_to_payment(page, shop, customer)
    pay_button(page).dblclick()
    order_shown(page)
    assert len(checkout.orders_of(shop, customer)) == 1


def test_lost_response_is_retried_with_the_same_key_after_a_reload(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("ERR_CONNECTION_RESET POST .*/api/orders")
    keys = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort("connectionreset")

    checkout.go_to_payment(page, shop, customer)
    page.route("**/api/orders", lose, times=1)
    pay_button(page).click()
    expect(heading(page, "We’re not sure your order went through")).to_be_visible()
    page.reload()
    expect(main(page)).to_contain_text(seeded(shop)[0]["name"])
    with page.expect_request("**/api/orders") as sent:
        page.get_by_role("button", name="Try again").click()
    order = order_shown(page)
    assert sent.value.headers["idempotency-key"] == keys[0]
    assert [placed["id"] for placed in checkout.orders_of(shop, customer)] == [order]
    assert stored(page, "basket") == []


def test_change_after_a_lost_response_does_not_order_twice(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("ERR_CONNECTION_RESET POST .*/api/orders")
    faults.expect("422 POST .*/api/orders")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    checkout.go_to_payment(page, shop, customer, 2)
    page.route("**/api/orders", lose, times=1)
    pay_button(page).click()
    page.get_by_role("button", name="Change the order").click()
    page.get_by_role("dialog").get_by_role("button", name="Change the order").click()
    page.wait_for_url(re.compile("/basket"))
    store(page, "basket", stored(page, "basket")[:1])
    page.goto("/checkout?step=payment")
    pay_button(page).click()
    # THEN the customer sees the first attempt's order, whose toys have left the basket
    page.wait_for_url(re.compile("/orders$"))
    assert stored(page, "basket") == []
    assert len(checkout.orders_of(shop, customer)) == 1


def test_two_tabs_place_one_order(page: Page, shop: Shop, customer: str) -> None:
    checkout.go_to_payment(page, shop, customer)
    other = page.context.new_page()
    other.goto("/checkout?step=payment")
    expect(pay_button(other)).to_be_visible()
    held = Held(page, "**/api/orders", times=1)
    pay_button(page).click()
    expect(heading(other, "Your order is being placed…")).to_be_visible()
    held.release()
    order_shown(page)
    expect(heading(other, "You’ve placed an order in another tab.")).to_be_visible()
    assert len(checkout.orders_of(shop, customer)) == 1


def test_expired_session_asks_to_sign_in_and_continues(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("401 ")
    checkout.go_to_payment(page, shop, customer)
    page.get_by_role("radio", name=re.compile("4444")).check()
    session = stored(page, "session")
    store(page, "session", session | {"access": "expired", "refresh": "expired"})
    pay_button(page).click()
    expect(main(page)).to_contain_text("Your session has expired. Please sign in again.")
    assert len(stored(page, "basket")) == 1
    checkout.enter_credentials(page, customer)
    expect(main(page)).to_contain_text("1 Toy Street")
    expect(page.get_by_role("radio", name=re.compile("4444"))).to_be_checked()
    pay_button(page).click()
    order_shown(page)
    assert len(checkout.orders_of(shop, customer)) == 1


def test_entered_values_survive_an_expired_session_and_a_reload(
    page: Page, shop: Shop, customer: str
) -> None:
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    page.goto("/checkout?step=delivery")
    page.get_by_label("Full name").fill("Half an address")
    page.evaluate("localStorage.removeItem('toyshop.session')")
    page.reload()
    expect(main(page)).not_to_contain_text("Half an address")
    checkout.enter_credentials(page, customer)
    expect(page.get_by_label("Full name")).to_have_value("Half an address")


def test_another_customer_does_not_see_the_address(page: Page, shop: Shop, customer: str) -> None:
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    store(page, "address", {"email": "bob@example.com", "address": ADDRESS})
    page.goto("/checkout?step=delivery")
    expect(page.get_by_label("Full name")).to_have_value("")


def test_changed_price_is_shown_and_accepted(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect(PRICE)
    toy = seeded(shop)[0]
    checkout.go_to_payment(page, shop, customer)
    line = stored(page, "basket")[0]
    store(page, "basket", [line | {"price": {"amount": 101, "currency": "AUD"}}])
    page.reload()
    page.get_by_role("button", name="Pay AUD 1.01").click()
    expect(heading(page, "The price changed")).to_be_visible()
    row = page.get_by_role("row", name=toy["name"])
    expect(row).to_contain_text("$1.01")
    expect(row).to_contain_text(f"${toy['price']['amount'] / 100:.2f}")
    assert not checkout.orders_of(shop, customer)
    page.get_by_role("button", name="Accept and pay AUD").click()
    order_shown(page)
    assert checkout.orders_of(shop, customer)[0]["total"] == toy["price"]


def test_changed_price_is_not_accepted_for_a_basket_that_has_changed_since(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect(PRICE)
    checkout.go_to_payment(page, shop, customer)
    line = stored(page, "basket")[0]
    store(page, "basket", [line | {"price": {"amount": 101, "currency": "AUD"}}])
    page.reload()
    page.get_by_role("button", name="Pay AUD 1.01").click()
    expect(heading(page, "The price changed")).to_be_visible()
    # WHEN another tab changes the basket
    other = page.context.new_page()
    other.goto("/account/create")
    lines = stored(other, "basket")
    store(other, "basket", [lines[0] | {"quantity": 3}])
    # THEN the button of this tab has the sum that is charged
    total = 3 * lines[0]["price"]["amount"] / 100
    expect(page.get_by_role("button", name=f"Pay AUD {total:,.2f}")).to_be_visible()
    expect(page.get_by_role("button", name="Accept and pay")).to_have_count(0)


def test_nothing_is_sent_while_the_browser_is_offline(
    page: Page, shop: Shop, customer: str
) -> None:
    checkout.go_to_payment(page, shop, customer)
    page.context.set_offline(True)
    pay_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("You seem to be offline.")
    assert stored(page, "order") is None
    page.context.set_offline(False)
    pay_button(page).click()
    order_shown(page)
    assert len(checkout.orders_of(shop, customer)) == 1


def test_discontinued_toy_is_named_and_can_be_removed(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("422 POST .*/api/orders")
    faults.expect("404 GET .*/api/toys")
    checkout.go_to_payment(page, shop, customer)
    lines = stored(page, "basket")
    gone = {"id": "toy_00000000000000000000000000", "name": "Lost Yo-yo"}
    store(page, "basket", [*lines, lines[0] | gone])
    page.reload()
    pay_button(page).click()
    expect(main(page)).to_contain_text("Lost Yo-yo is no longer available.")
    page.get_by_role("button", name="Continue without it").click()
    pay_button(page).click()
    order_shown(page)


def test_leaving_while_the_order_is_sent_places_it_and_empties_the_basket(
    page: Page, shop: Shop, customer: str
) -> None:
    checkout.go_to_payment(page, shop, customer)
    held = Held(page, "**/api/orders", times=1)
    pay_button(page).click()
    page.get_by_role("link", name="The Toy Shop").click()
    expect(page).to_have_url(re.compile("/$"))
    held.release()
    page.get_by_role("button", name="See your order").click()
    order_shown(page)
    assert stored(page, "basket") == []
    assert len(checkout.orders_of(shop, customer)) == 1


def test_refusal_is_explained_on_the_step_that_the_customer_has_gone_to(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect(PRICE)
    held = hold_order_with_another_price(page, shop, customer)
    page.get_by_role("link", name="Change delivery").click()
    expect(heading(page, "Your order is being placed…")).to_be_visible()
    held.release()
    expect(heading(page, "The price changed")).to_be_visible()
    page.get_by_role("button", name="Accept and pay AUD").click()
    order_shown(page)
    assert len(checkout.orders_of(shop, customer)) == 1


def test_refusal_is_explained_when_the_customer_comes_back(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect(PRICE)
    held = hold_order_with_another_price(page, shop, customer)
    page.get_by_role("link", name="The Toy Shop").first.click()
    expect(page).to_have_url(re.compile("/$"))
    held.release()
    expect(page.get_by_text("Your order wasn’t placed").last).to_be_visible()
    page.get_by_role("button", name="Back to checkout").click()
    expect(heading(page, "The price changed")).to_be_visible()
    assert not checkout.orders_of(shop, customer)


def hold_order_with_another_price(page: Page, shop: Shop, customer: str) -> Held:
    """Pay for a toy whose price has changed, and return the request once it is sent."""
    checkout.go_to_payment(page, shop, customer)
    line = stored(page, "basket")[0]
    store(page, "basket", [line | {"price": {"amount": 101, "currency": "AUD"}}])
    page.reload()
    held = Held(page, "**/api/orders", times=1)
    with page.expect_request("**/api/orders"):
        pay_button(page).click()
    return held


def test_chosen_card_is_forgotten_at_sign_out(page: Page, shop: Shop, customer: str) -> None:
    checkout.go_to_payment(page, shop, customer)
    page.get_by_role("radio", name=re.compile("4444")).check()
    page.get_by_role("link", name="Change contact").click()
    page.get_by_role("button", name="Not you? Sign out").click()
    expect(page).to_have_url(re.compile("/$"))
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    store(page, "address", {"email": customer, "address": ADDRESS})
    page.evaluate("history.pushState({}, '', '/checkout?step=payment')")
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    expect(page.get_by_role("radio", name=re.compile("4242"))).to_be_checked()


def test_basket_changed_in_another_tab_is_shown_before_payment(
    page: Page, shop: Shop, customer: str
) -> None:
    checkout.go_to_payment(page, shop, customer)
    other = page.context.new_page()
    other.goto("/account/create")
    lines = stored(other, "basket")
    store(other, "basket", [lines[0] | {"quantity": 3}])
    expect(main(page)).to_contain_text("Quantity 3")
    pay_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("Your cart has just changed.")
    assert not checkout.orders_of(shop, customer)


def test_corrupt_storage_is_ignored(page: Page, shop: Shop, customer: str) -> None:
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    wrong = {"name": 1, "line1": {}, "country": "?!", "city": ["x"], "region": None}
    body = {"lines": [{"toy_id": "x", "quantity": 1}], "shipping_address": wrong}
    body |= {"payment_method": "pm_x", "expected_total": {"amount": 1, "currency": "AUD"}}
    attempt = {"key": "k", "email": customer, "items": [{"name": {}}, None]}
    for value in ("{", [], {"email": 1}, attempt | {"body": 5}, attempt | {"address": wrong}):
        store(page, "address", value)
        store(page, "order", value)
        page.goto("/checkout?step=delivery")
        expect(page.get_by_label("Full name")).to_have_value("")
        page.goto("/checkout?step=payment")
        expect(heading(page, "Where should we deliver?")).to_be_visible()
    store(page, "order", attempt | {"body": body})
    page.goto("/checkout")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_loading_countries_can_be_retried(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("503 GET .*/api/countries")
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    page.route("**/api/countries", lambda route: route.fulfill(status=503, json={}), times=1)
    page.goto("/checkout?step=delivery")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("Full name")).to_be_visible()


def test_stripe_form_is_used_with_a_publishable_key(
    visit: Callable[..., Page], shop: Shop, customer: str
) -> None:
    page = visit(bypass_csp=True)
    settings = {"bank_page": "", "stripe_publishable_key": "pk_test_1"}
    page.route("**/settings.json", lambda route: route.fulfill(json=settings))
    page.route(
        "https://js.stripe.com/v3/",
        lambda route: route.fulfill(
            content_type="text/javascript",
            body="""
                window.Stripe = (key) => ({
                  elements: (options) => ({
                    create: () => ({
                      mount: (at) => { at.textContent = JSON.stringify({ key, ...options }); },
                    }),
                    submit: async () => ({}),
                    update: () => {},
                  }),
                  createPaymentMethod: async () => ({ paymentMethod: { id: "pm_card_visa" } }),
                });""",
        ),
    )
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    store(page, "address", {"email": customer, "address": ADDRESS})
    page.goto("/checkout?step=payment")
    expect(main(page)).to_contain_text('"key":"pk_test_1"')
    expect(main(page)).to_contain_text('"currency":"aud"')
    pay_button(page).click()
    order_shown(page)


def test_paying_waits_for_the_countries(page: Page, shop: Shop, customer: str) -> None:
    checkout.go_to_payment(page, shop, customer)
    held = Held(page, "**/api/countries")
    page.reload()
    # WHEN the customer pays before they have arrived
    pay_button(page).click()
    busy = main(page).get_by_role("button", name="Placing your order…")
    expect(busy).to_be_visible()
    held.release()
    order_shown(page)
    assert len(checkout.orders_of(shop, customer)) == 1
