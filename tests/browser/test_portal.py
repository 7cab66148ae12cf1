"""The API portal: its reference is complete, and requests can be tried."""

from playwright.sync_api import Page, expect

from support.browser.faults import Faults
from support.running_shop import PASSWORD, Shop


def try_out(page: Page, summary: str) -> str:
    """Send the request of an operation as its form has it, and return the status."""
    page.get_by_role("button", name=summary, exact=True).click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute", exact=True).click()
    status = page.locator(".live-responses-table .response-col_status").last
    expect(status).to_contain_text("20")
    return status.inner_text().strip()


def sign_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("Email", exact=True).fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_every_operation_of_the_document_is_shown(page: Page, shop: Shop) -> None:
    paths = shop.api("GET", "/openapi.json").json["paths"]
    summaries = [operation["summary"] for path in paths.values() for operation in path.values()]
    page.goto("/docs/")
    for summary in summaries:
        expect(page.get_by_text(summary, exact=True).first).to_be_visible()


def test_requests_are_tried_with_the_session(page: Page, customer: str, faults: Faults) -> None:
    faults.expect("401 POST .*/api/sessions")
    page.goto("/docs/")
    sign_in(page, customer, "Wrong-password-1!")
    expect(page.get_by_role("status")).to_contain_text("email")
    sign_in(page, customer, PASSWORD)
    expect(page.get_by_role("status")).to_have_text("Signed in.")
    assert try_out(page, "GET /users/me Return your profile") == "200"
    expect(page.locator(".live-responses-table")).to_contain_text(customer)
