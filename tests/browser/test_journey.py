"""The journey of an order, drawn from the traces of a running shop."""

import re
from functools import partial
from typing import Any

from playwright.sync_api import Page, Request, Route, expect

from support.browser.checkout import go_to_payment, pay_button, store
from support.browser.faults import Faults
from support.browser.shopping import STAFF, heading, main, open_as_staff, order_shown
from support.running_shop import Shop
from support.waiting import eventually

PATIENCE = 20
"""Seconds until the last hop of an order is in its trace."""

KEY = "c0ffee00-cafe-4000-abcd-efabcdef0001"
"""An idempotency key; one in a thousand looks like a card number, and is no trace id then."""


def journey_of(shop: Shop, order_id: str, emails: int) -> Any:
    """Return the journey of an order once a number of emails is in its traces."""
    staff = shop.sign_in(STAFF)

    def check() -> Any:
        found = shop.api("GET", f"/orders/{order_id}/journey", token=staff).json
        return found if len(found["emails"]) == emails else None

    return eventually(check, PATIENCE)


def test_decline_and_second_payment_of_an_order_are_drawn(
    page: Page, shop: Shop, customer: str
) -> None:
    token = shop.sign_in(customer)
    order = shop.place(token, "pm_card_chargeDeclined")
    shop.wait_for_payment(order["id"], token, "declined")
    again = {"payment_method": "pm_card_visa"}
    answer = shop.api(
        "POST", f"/orders/{order['id']}/payment", again, token, {"Idempotency-Key": "journey"}
    )
    assert answer.status == 202, answer.body
    shop.wait_for_payment(order["id"], token, "succeeded")
    journey = journey_of(shop, order["id"], emails=2)
    hops = journey["hops"]
    # THEN each hop but the requests of the customer and the gateway was caused by another one
    roots = [hop["name"] for hop in hops if hop["parent_id"] is None]
    assert roots[0] == "POST /orders"
    assert sorted(set(roots)) == [
        "POST /orders",
        "POST /orders/{order_id}/payment",
        "POST /webhooks/payments",
    ]
    declined = [hop for hop in hops if hop["peer"] == "payment gateway" and hop["status"] == 402]
    assert [hop["outcome"] for hop in declined] == ["failed"]
    events = {hop["event"] for hop in hops if hop["kind"] == "event"}
    assert {
        "shop.order.placed.v1",
        "shop.payment.declined.v1",
        "shop.payment.succeeded.v1",
    } <= events
    assert {message["channel"] for message in journey["messages"]} >= {"http", "stream", "topic"}
    assert [email["template"] for email in journey["emails"]] == [
        "payment_declined",
        "payment_succeeded",
    ]

    open_as_staff(page, f"/staff/orders/{order['id']}")
    page.get_by_role("link", name="Journey through the services").click()
    expect(heading(page, "Journey of the order")).to_be_visible()
    drawing = page.get_by_role("region", name="Over time")
    expect(drawing.get_by_role("img")).to_have_accessible_name(
        re.compile(f"^Sequence diagram of {len(hops)} steps")
    )
    drawn = drawing.get_by_text(re.compile(r"^\d+ payment\.declined$"))
    expect(drawn.first).to_be_visible()
    rows = main(page).get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(len(hops) + 1)
    expect(rows.filter(has_text="Handle payment.succeeded")).to_contain_text("OK")
    expect(rows.filter(has_text="HTTP 402")).to_contain_text("Failed")
    sent = re.compile(rf"Email: card declined\s+{customer}\s*Sent")
    expect(main(page)).to_contain_text(sent)
    text = main(page).get_by_text(f"See your order: {shop.origin}/orders/{order['id']}")
    expect(text.last).to_be_hidden()
    page.get_by_text(f"Thank you! Your order {order['id']} is paid").click()
    expect(text.last).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download (PDF)").click()
    assert download.value.suggested_filename.endswith(".pdf")
    page.get_by_role("link", name="Back to the order").click()
    expect(page.get_by_role("link", name="Journey through the services")).to_be_visible()


def test_all_attempts_to_place_an_order_are_in_its_trace(
    page: Page, shop: Shop, customer: str, faults: Faults
) -> None:
    faults.expect("ERR_CONNECTION_RESET POST .*/api/orders")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if "/api/" in request.url else None)
    go_to_payment(page, shop, customer)
    store(page, "order", {"key": KEY, "email": customer, "body": None, "items": [], "lost": []})
    page.reload()

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    # WHEN an order is placed again after its response was lost and the page was reloaded
    page.route("**/api/orders", lose, times=1)
    pay_button(page).click()
    expect(heading(page, "We’re not sure your order went through")).to_be_visible()
    page.reload()
    main(page).get_by_role("button", name="Try again").click()
    order_id = order_shown(page)
    # THEN every request of the page has a trace context, and the attempts have one trace id
    contexts = [request.headers.get("traceparent", "") for request in sent]
    valid = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00")
    assert [context for context in contexts if not valid.fullmatch(context)] == []
    digits = KEY.replace("-", "")
    attempts = [context for context in contexts if context[3:35] == digits]
    assert len(attempts) == len(set(attempts)) == 2
    # AND the order's trace leads from both of them to the charge and the email
    journey = journey_of(shop, order_id, emails=1)
    trace_id = f"1-{digits[:8]}-{digits[8:]}"
    hops = [hop for hop in journey["hops"] if hop["trace_id"] == trace_id]
    roots = [(hop["name"], hop["status"]) for hop in hops if hop["parent_id"] is None]
    assert roots == [("POST /orders", 201), ("POST /orders", 200)]
    assert journey["emails"][0]["hop"] in {hop["id"] for hop in hops}
    assert {"payment gateway", "Amazon SES"} <= {hop["peer"] for hop in hops}
    others = [hop for hop in journey["hops"] if hop not in hops and hop["parent_id"] is None]
    assert {hop["name"] for hop in others} <= {"POST /webhooks/payments"}


def fulfill(body: Any, route: Route) -> None:
    route.fulfill(json=body)


def test_order_without_a_trace_says_why(page: Page, shop: Shop, customer: str) -> None:
    order = shop.place(shop.sign_in(customer))
    for missing, text in (
        ("not_recorded", "No trace of this order has been recorded."),
        ("expired", "Traces are kept for 30 days."),
        ("unavailable", "Traces can’t be read right now."),
    ):
        empty = {"order_id": order["id"], "started_at": None, "duration": 0, "hops": []} | {
            "messages": [], "emails": [], "receipt": False, "complete": True, "missing": missing
        }  # fmt: skip
        page.route("**/api/orders/*/journey", partial(fulfill, empty))
        if missing == "not_recorded":
            open_as_staff(page, f"/journey/{order['id']}")
        else:
            page.reload()
        expect(main(page)).to_contain_text(text)
        page.unroute("**/api/orders/*/journey")


def test_unknown_order_has_no_journey(page: Page, faults: Faults) -> None:
    faults.expect("404 GET .*/api/orders/ord_0000/journey")
    open_as_staff(page, "/staff/orders")
    page.goto("/journey/ord_0000")
    expect(heading(page, "Page not found")).to_be_visible()
