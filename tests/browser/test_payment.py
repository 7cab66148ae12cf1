"""Payments that are declined, confirmed with a bank, and refunded."""

import re

from playwright.sync_api import Page, expect

from support.browser.shopping import (
    BANK_CONFIRMS,
    DECLINED,
    charges,
    choose_card,
    expect_status,
    heading,
    main,
    order,
    pay_button,
)
from support.running_shop import Shop


def test_declined_card_is_replaced_on_the_same_order(page: Page, shop: Shop, customer: str) -> None:
    order_id = order(page, shop.toys[0], customer, DECLINED)
    # THEN the shopper reads that nothing was charged, and no thanks
    expect(main(page).get_by_text("You haven’t been charged.").first).to_be_visible()
    expect(heading(page, re.compile("^Thank you"))).to_have_count(0)
    # WHEN they pay with another card
    choose_card(page, "4242")
    pay_button(page).click()
    # THEN the same order is paid
    expect_status(page, "Paid")
    assert page.url.endswith(order_id)
    assert sorted(charges(shop, order_id)) == ["declined", "succeeded"]


def test_bank_confirms_a_payment(page: Page, shop: Shop, customer: str) -> None:
    order_id = order(page, shop.toys[0], customer, BANK_CONFIRMS)
    # WHEN the shopper confirms on the bank's page
    with page.context.expect_page() as opened:
        main(page).get_by_role("link", name="Confirm with your bank").click()
    bank = opened.value
    bank.get_by_role("button", name="Confirm").click()
    expect(bank.get_by_text("The payment is confirmed.")).to_be_visible()
    bank.close()
    # THEN the order's page, still open, tells them that it is paid
    expect_status(page, "Paid")
    assert charges(shop, order_id)[-1] == "succeeded"


def test_bank_refuses_a_payment(page: Page, shop: Shop, customer: str) -> None:
    order(page, shop.toys[0], customer, BANK_CONFIRMS)
    with page.context.expect_page() as opened:
        main(page).get_by_role("link", name="Confirm with your bank").click()
    opened.value.get_by_role("button", name="Refuse").click()
    # THEN the shopper may pay with another card
    expect(main(page).get_by_text("You haven’t been charged.").first).to_be_visible()
    expect(pay_button(page)).to_be_visible()


def test_cancelled_order_is_refunded(page: Page, shop: Shop, customer: str) -> None:
    order_id = order(page, shop.toys[0], customer)
    expect_status(page, "Paid")
    # WHEN the shopper thinks twice, then cancels
    cancel = main(page).get_by_role("button", name=re.compile("^Cancel order of"))
    dialog = page.get_by_role("dialog")
    cancel.click()
    dialog.get_by_role("button", name="Keep order").click()
    cancel.click()
    dialog.get_by_role("button", name="Cancel order").click()
    # THEN the order is cancelled and refunded
    expect(page.get_by_text("Order cancelled.").first).to_be_attached()
    expect_status(page, "Cancelled and refunded")
    expect(cancel).to_have_count(0)
    entries = [e["type"] for e in shop.gateway.ledger() if e["order_id"] == order_id]
    assert entries == ["charge", "refund"]
