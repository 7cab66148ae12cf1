"""Accounts: sign-in, sign-up, passwords and sign-out."""

import re
import uuid

from playwright.sync_api import Page, Route, expect

from support.browser import checkout
from support.browser.checkout import ADDRESS, stored
from support.browser.faults import Faults
from support.browser.shopping import heading, main
from support.running_shop import PASSWORD, Shop


def create(page: Page, email: str, password: str = PASSWORD) -> None:
    main(page).get_by_label("Name").fill("Robin Example")
    main(page).get_by_label("Email", exact=True).fill(email)
    main(page).get_by_label("Password", exact=True).fill(password)
    main(page).get_by_role("button", name="Create account").click()


def new_address() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def test_sign_in_returns_to_the_previous_address(page: Page, customer: str) -> None:
    page.goto("/search?q=robot")
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    checkout.enter_credentials(page, customer)
    expect(page).to_have_url(re.compile(r"/search\?q=robot$"))


def test_sign_in_does_not_redirect_to_other_sites(page: Page, customer: str, shop: Shop) -> None:
    page.goto("/account?next=//example.com/")
    checkout.enter_credentials(page, customer)
    expect(page).to_have_url(f"{shop.origin}/account")
    for next_ in (
        "/%5Cexample.com/",
        "/.//example.com/",
        "/%2E%2F/example.com/",
        "/a/..//example.com/",
        "https://example.com/",
        "javascript:alert(1)",
    ):
        page.goto(f"/account?next={next_}")
        expect(heading(page, "Your account")).to_be_visible()
        expect(page).to_have_url(re.compile(f"^{re.escape(shop.origin)}/account"))


def test_wrong_password_is_explained(page: Page, customer: str, faults: Faults) -> None:
    faults.expect("401 POST .*/api/sessions")
    page.goto("/account")
    main(page).get_by_label("Email", exact=True).fill(customer)
    main(page).get_by_label("Password", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Wrong email or password")
    expect(main(page).get_by_label("Email", exact=True)).to_have_value(customer)


def test_password_rules_are_shown_before_submission(page: Page) -> None:
    page.goto("/account/create")
    rules = page.get_by_role("list", name="Your password needs")
    expect(rules).to_contain_text("at least 12 characters")
    create(page, new_address(), "short")
    password = main(page).get_by_label("Password", exact=True)
    expect(password).to_have_accessible_description(re.compile("needs all of the above"))
    expect(password).to_be_focused()


def test_password_of_another_form_meets_no_rule(page: Page) -> None:
    page.goto("/account")
    main(page).get_by_label("Password", exact=True).fill(PASSWORD)
    main(page).get_by_role("button", name="Create an account").click()
    expect(page.get_by_role("list", name="Your password needs")).to_be_visible()
    expect(page.locator(".rules .met")).to_have_count(0)


def test_creating_an_account_signs_in(page: Page, shop: Shop) -> None:
    email = new_address()
    page.goto("/account/create?next=/orders")
    create(page, email)
    expect(page).to_have_url(f"{shop.origin}/orders")
    assert stored(page, "session")["email"] == email


def test_existing_account_offers_to_sign_in(page: Page, customer: str, faults: Faults) -> None:
    faults.expect("409 POST .*/api/users")
    page.goto("/account/create")
    create(page, customer)
    expect(page.get_by_role("alert")).to_contain_text(
        "An account with this email already exists. Sign in?"
    )
    page.get_by_role("alert").get_by_role("button", name="Sign in?").click()
    expect(main(page).get_by_label("Email", exact=True)).to_have_value(customer)


def test_a_new_address_is_confirmed_with_a_code(page: Page, faults: Faults) -> None:
    faults.expect("401 POST .*/api/sessions")
    faults.expect("422 POST .*/api/users/confirmation")
    email = new_address()
    # on AWS nobody can sign in before the address is confirmed
    page.route("**/api/sessions", lambda route: route.fulfill(status=401, json={}), times=1)
    page.goto("/account/create")
    create(page, email)
    expect(page.get_by_role("heading", name="Confirm your email address")).to_be_visible()
    expect(main(page)).to_contain_text(email)

    def answer(route: Route) -> None:
        right = route.request.post_data_json["code"] == "123456"
        error = {"pointer": "/code", "code": "invalid", "detail": "x"}
        route.fulfill(status=204) if right else route.fulfill(status=422, json={"errors": [error]})

    page.route("**/api/users/confirmation", answer)
    code = main(page).get_by_label("Code")
    code.fill("111111")
    page.keyboard.press("Enter")
    expect(code).to_have_accessible_description(re.compile("wrong or has expired"))
    code.fill("123456")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()


def test_a_forgotten_password_is_replaced(page: Page, customer: str) -> None:
    page.route("**/api/users/password-reset", lambda route: route.fulfill(status=202, body=""))
    sent = []

    def reset(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(status=204)

    page.route("**/api/users/password-reset/confirmation", reset)
    page.goto("/account")
    main(page).get_by_label("Email", exact=True).fill(customer)
    page.get_by_role("button", name="Forgot your password?").click()
    expect(main(page).get_by_label("Email", exact=True)).to_have_value(customer)
    page.get_by_role("button", name="Email me a code").click()
    main(page).get_by_label("Code").fill("123456")
    main(page).get_by_label("New password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    assert sent == [{"email": customer, "code": "123456", "password": PASSWORD}]


def test_the_name_is_changed(page: Page, shop: Shop, customer: str) -> None:
    checkout.open_session(page, shop, customer)
    page.goto("/account")
    name = main(page).get_by_label("Name")
    expect(name).to_have_value("Robin Example")
    name.fill(" ")
    page.get_by_role("button", name="Save").click()
    expect(name).to_have_accessible_description("Enter your name.")
    name.fill("Sam Example")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your name is saved.").first).to_be_attached()
    page.reload()
    expect(name).to_have_value("Sam Example")


def test_a_name_survives_the_end_of_the_session(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("401 ")
    checkout.open_session(page, shop, customer)
    page.goto("/account")
    name = main(page).get_by_label("Name")
    expect(name).to_have_value("Robin Example")
    name.fill("Sam Example")
    session = stored(page, "session") | {"access": "expired", "refresh": "expired"}
    checkout.store(page, "session", session)
    page.get_by_role("button", name="Save").click()
    expect(main(page)).to_contain_text("Your session has expired. Please sign in again.")
    checkout.enter_credentials(page, customer)
    expect(name).to_have_value("Sam Example")


def test_sign_out_removes_personal_data_in_all_tabs(page: Page, shop: Shop, customer: str) -> None:
    order = checkout.place(shop, customer)
    checkout.fill_basket(page, shop)
    checkout.open_session(page, shop, customer)
    checkout.store(page, "address", {"email": customer, "address": ADDRESS})
    checkout.store(page, "order", {"key": "k", "email": customer})
    other = page.context.new_page()
    other.goto(f"/orders/{order}")
    expect(other.get_by_role("region", name="Progress")).to_be_visible()
    third = page.context.new_page()
    third.goto("/checkout?step=delivery")
    expect(third.get_by_label("Full name")).to_have_value(ADDRESS["name"])
    page.goto("/account")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{shop.origin}/")
    expect(page.get_by_role("heading", name="Shop by category")).to_be_visible()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(third.get_by_role("heading", name="Your cart is empty.")).to_be_visible()
    for tab in (page, other, third):
        html = tab.content()
        assert not [text for text in (customer, ADDRESS["line1"], ADDRESS["name"]) if text in html]
    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert customer not in kept
    for name in ("session", "basket", "address", "order", "card", "viewed"):
        assert stored(page, name) is None
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_an_unknown_part_of_the_account_is_not_found(page: Page) -> None:
    page.goto("/account/nothing")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
