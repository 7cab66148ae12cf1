"""A customer's orders: their progress, and actions on them."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from support.browser import checkout
from support.browser.checkout import pay_button, seeded, store, stored
from support.browser.faults import Faults
from support.browser.shopping import main
from support.running_shop import Shop

DECLINES = re.compile("0002")
THANKS = "Thank you! We’ve received your order."


def place(page: Page, shop: Shop, email: str, method: str = "pm_card_visa") -> str:
    """Place an order with the API, sign its customer in, and return its id."""
    order = checkout.place(shop, email, method)
    checkout.open_session(page, shop, email)
    return order


def test_new_order_shows_thanks_once_and_its_progress(
    page: Page, shop: Shop, customer: str
) -> None:
    checkout.go_to_payment(page, shop, customer)
    pay_button(page).click()
    expect(page.get_by_text(THANKS)).to_be_visible()
    expect(page.get_by_role("button", name="Receipt (PDF)")).to_be_visible()
    steps = page.get_by_role("region", name="Progress").get_by_role("listitem")
    expect(steps).to_have_text(
        [re.compile("Placed.*done"), re.compile("Paid.*done"), re.compile("Receipt.*done")]
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="Receipt (PDF)").click()
    assert download.value.suggested_filename.endswith(".pdf")
    page.reload()
    expect(page.get_by_role("button", name="Receipt (PDF)")).to_be_visible()
    expect(page.get_by_text(THANKS)).to_have_count(0)


def test_declined_card_is_replaced_by_another_one_on_the_same_order(
    page: Page, shop: Shop, customer: str
) -> None:
    checkout.go_to_payment(page, shop, customer)
    page.get_by_role("radio", name=DECLINES).check()
    pay_button(page).click()
    expect(page.get_by_text("Card declined. You haven’t been charged.")).to_be_visible()
    expect(page.get_by_text(THANKS)).to_have_count(0)
    address = page.url
    pay_button(page).dblclick()
    expect(page.get_by_role("button", name="Receipt (PDF)")).to_be_visible()
    assert page.url == address
    assert len(checkout.orders_of(shop, customer)) == 1


def test_paying_an_order_that_another_tab_has_cancelled_is_explained(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("409 POST .*/payment")
    order = place(page, shop, customer, "pm_card_chargeDeclined")
    page.goto(f"/orders/{order}")
    expect(pay_button(page)).to_be_visible()
    token = stored(page, "session")["access"]
    shop.api("POST", f"/orders/{order}/cancellation", token=token)
    pay_button(page).click()
    expect(page.get_by_text("This order can no longer be paid.").last).to_be_visible()
    expect(pay_button(page)).to_have_count(0)


def test_a_payment_is_confirmed_with_the_bank(page: Page, shop: Shop, customer: str) -> None:
    order = place(page, shop, customer, "pm_card_authenticationRequired")
    page.goto(f"/orders/{order}")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Confirm with your bank").click()
    bank = opened.value
    bank.get_by_role("button", name="Confirm", exact=True).click()
    # Chromium may hang if a page is closed while it loads
    expect(bank.get_by_text("The payment is confirmed.")).to_be_visible()
    bank.close()
    expect(page.get_by_role("button", name="Receipt (PDF)")).to_be_visible()
    expect(page.get_by_role("link", name="Confirm with your bank")).to_have_count(0)


def test_a_payment_that_is_refused_at_the_bank_can_be_paid_with_another_card(
    page: Page, shop: Shop, customer: str
) -> None:
    order = place(page, shop, customer, "pm_card_authenticationRequired")
    page.goto(f"/orders/{order}")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Confirm with your bank").click()
    bank = opened.value
    bank.get_by_role("button", name="Refuse").click()
    expect(bank.get_by_text("The payment is refused.")).to_be_visible()
    bank.close()
    expect(main(page)).to_contain_text("You didn’t confirm the payment with your bank.")
    pay_button(page).click()
    expect(page.get_by_role("button", name="Receipt (PDF)")).to_be_visible()


def test_stripe_confirms_with_a_publishable_key(
    visit: Callable[..., Page], shop: Shop, customer: str
) -> None:
    page = visit(bypass_csp=True)
    settings = {"bank_page": "", "stripe_publishable_key": "pk_test_1"}
    page.route("**/settings.json", lambda route: route.fulfill(json=settings))
    script = """window.Stripe = () => ({
        elements: () => ({ create: () => ({ mount() {} }), update() {} }),
        handleNextAction: async ({ clientSecret }) => { window.confirmed = clientSecret; },
    });"""
    page.route(
        "https://js.stripe.com/v3/",
        lambda route: route.fulfill(content_type="text/javascript", body=script),
    )
    order = place(page, shop, customer, "pm_card_authenticationRequired")
    shop.wait_for_payment(order, shop.sign_in(customer), "action_required")
    page.goto(f"/orders/{order}")
    page.get_by_role("button", name="Confirm with your bank").click()
    page.wait_for_function("window.confirmed?.includes('_secret_')")


def test_cancellation_is_confirmed_and_refunds(page: Page, shop: Shop, customer: str) -> None:
    order = place(page, shop, customer)
    shop.wait_for_payment(order, shop.sign_in(customer), "succeeded")
    page.goto(f"/orders/{order}")
    cancel = page.get_by_role("button", name=re.compile("Cancel order placed"))
    cancel.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(cancel).to_be_focused()
    cancel.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel order").click()
    expect(page.get_by_text("Order cancelled.").first).to_be_attached()
    expect(main(page)).to_contain_text("Cancelled and refunded")
    expect(cancel).to_have_count(0)
    assert shop.ledger_of(order) == [("charge", "succeeded"), ("refund", "succeeded")]


def test_order_again_fills_the_basket(page: Page, shop: Shop, customer: str) -> None:
    order = place(page, shop, customer)
    page.goto(f"/orders/{order}")
    page.get_by_role("button", name="Order again").click()
    expect(page.get_by_text("1 toy is in your cart.").first).to_be_attached()
    assert [line["id"] for line in stored(page, "basket")] == [seeded(shop)[0]["id"]]


def test_order_again_says_what_a_full_cart_could_not_take(
    page: Page, shop: Shop, customer: str
) -> None:
    order = place(page, shop, customer)
    checkout.fill_basket(page, shop)
    again = page.get_by_role("button", name="Order again")
    full = "Your cart is full. Check out before you add more."
    line = stored(page, "basket")[0]
    # WHEN it has as many different toys as it can have
    store(page, "basket", [line | {"id": f"toy_{number}"} for number in range(100)])
    page.goto(f"/orders/{order}")
    again.click()
    expect(page.get_by_text(full).last).to_be_visible()
    expect(page.get_by_role("button", name="View cart")).to_have_count(0)
    assert len(stored(page, "basket")) == 100
    # OR as many of the same toy
    store(page, "basket", [line | {"quantity": 10_000}])
    page.reload()
    again.click()
    expect(page.get_by_text(full).last).to_be_visible()
    expect(page.get_by_text("is in your cart.")).to_have_count(0)


def test_order_of_another_customer_is_not_found(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("404 GET .*/orders/")
    foreign = checkout.place(shop, "bob@example.com")
    checkout.open_session(page, shop, customer)
    for order in (foreign, "ord_unknown", "%22%3E%3Cimg%20src=x%3E"):
        page.goto(f"/orders/{order}")
        expect(page.get_by_role("heading", name="Page not found")).to_be_visible()


def test_sign_in_returns_to_the_order(page: Page, shop: Shop, customer: str) -> None:
    order = checkout.place(shop, customer)
    page.goto(f"/orders/{order}")
    checkout.enter_credentials(page, customer)
    expect(page.get_by_role("region", name="Progress")).to_be_visible()
    expect(page).to_have_url(re.compile(order))


def test_an_order_is_shown_while_its_payment_is_not_known(
    page: Page, shop: Shop, customer: str
) -> None:
    order = place(page, shop, customer)
    placed = shop.order(order, shop.sign_in(customer))
    payment = dict.fromkeys(placed["payment"]) | {"status": "unknown"}
    page.route(
        f"**/api/orders/{order}",
        lambda route: route.fulfill(json=placed | {"payment": payment, "receipt": False}),
        times=2,
    )
    page.goto(f"/orders/{order}")
    expect(main(page)).to_contain_text("We can’t check your payment right now.")
    expect(page.get_by_role("button", name="Receipt (PDF)")).to_be_visible()


def test_more_orders_are_loaded(page: Page, shop: Shop, customer: str) -> None:
    for _ in range(11):
        checkout.place(shop, customer)
    checkout.open_session(page, shop, customer)
    page.goto("/orders")
    rows = main(page).get_by_role("listitem")
    expect(rows).to_have_count(10)
    page.get_by_role("button", name="Load more orders").click()
    expect(rows).to_have_count(11)
    expect(rows.nth(10).get_by_role("link")).to_be_focused()
    rows.nth(10).get_by_role("link").click()
    page.wait_for_url(re.compile("/orders/ord_"))
    expect(page.get_by_role("heading", level=1, name="Order placed")).to_be_focused()
    page.go_back()
    expect(rows).to_have_count(11)


def test_failed_list_can_be_retried(page: Page, shop: Shop, customer: str, faults: Faults) -> None:
    faults.expect("503 GET .*/api/orders")

    def fail(route: Route) -> None:
        route.fulfill(status=503, json={"type": "/problems.html#unavailable", "detail": "x"})

    checkout.open_session(page, shop, customer)
    page.route("**/api/orders?*", fail, times=1)
    page.goto("/orders")
    expect(page.get_by_role("alert")).to_contain_text("Part of the shop isn’t available")
    page.get_by_role("button", name="Try again").click()
    expect(main(page)).to_contain_text("You haven’t placed an order yet.")
