"""Orders from placement to payment, receipt and email, through all six services."""

import io
import threading
import time
import uuid
from typing import Any
from urllib.parse import urljoin

import pytest
from pypdf import PdfReader

from support.http import Answer, http
from support.running_shop import PASSWORD, Shop
from support.waiting import eventually


def test_order_is_paid_archived_and_emailed_once(shop: Shop, alice: str) -> None:
    placed = shop.place(alice)
    assert placed["payment"]["status"] == "pending"
    order = shop.wait_for_payment(placed["id"], alice, "succeeded")
    assert order["total"] == shop.toys[0]["price"]
    assert order["payment"]["transaction_id"].startswith("txn_")

    order = eventually(lambda: (o := shop.order(order["id"], alice))["receipt"] and o)
    receipt = shop.api("GET", f"/orders/{order['id']}/receipt", token=alice)
    assert receipt.status == 303
    pdf = http("GET", receipt.headers["Location"])
    assert (pdf.status, pdf.headers["Content-Type"]) == (200, "application/pdf")
    text = PdfReader(io.BytesIO(pdf.body)).pages[0].extract_text()
    assert order["id"] in text

    (mail,) = shop.wait_for_emails(order["id"], 1)
    assert mail["to"] == "alice@example.com"
    assert order["id"] in mail["html"]
    assert shop.ledger_of(order["id"]) == [("charge", "succeeded")]


def test_receipt_is_read_by_its_link_and_by_the_page_of_the_shop_only(
    shop: Shop, alice: str
) -> None:
    # GIVEN the link to a receipt
    order_id = shop.place(alice)["id"]
    eventually(lambda: shop.order(order_id, alice)["receipt"])
    link = shop.api("GET", f"/orders/{order_id}/receipt", token=alice).headers["Location"]
    # WHEN pages of several origins read it
    origins = [shop.origin, f"http://127.0.0.1:{shop.aws_port}", "https://evil.example"]
    answers = [http("GET", link, headers={"Origin": origin}) for origin in origins]
    # THEN only the shop's page can
    assert [answer.status for answer in answers] == [200, 403, 403]
    allowed = [answer.headers["Access-Control-Allow-Origin"] for answer in answers]
    assert allowed == [shop.origin, None, None]
    # and without the signature nobody reads or lists anything
    document = link.partition("?")[0]
    for url in (document, document.rpartition("/documents/")[0]):
        denied = http("GET", url)
        assert (denied.status, b"<Code>AccessDenied</Code>" in denied.body) == (403, True)
    # and the page's own requests through the edge are answered
    body = {"email": "alice@example.com", "password": PASSWORD}
    sent = {"Origin": shop.origin, "Sec-Fetch-Site": "same-origin"}
    assert shop.api("POST", "/sessions", body, headers=sent).status == 200


def test_declined_order_is_not_charged_and_the_customer_emailed(shop: Shop, alice: str) -> None:
    order = shop.place(alice, "pm_card_chargeDeclinedInsufficientFunds")
    declined = shop.wait_for_payment(order["id"], alice, "declined")
    assert declined["payment"]["decline_code"] == "insufficient_funds"
    assert declined["receipt"] is False
    shop.wait_for_emails(order["id"], 1)
    assert shop.ledger_of(order["id"]) == [("charge", "declined")]
    assert shop.api("GET", f"/orders/{order['id']}/receipt", token=alice).status == 404


def test_declined_order_is_paid_again_and_charged_once(shop: Shop, alice: str) -> None:
    order = shop.place(alice, "pm_card_chargeDeclined")
    shop.wait_for_payment(order["id"], alice, "declined")
    # WHEN the customer sends another card, twice
    path, body = f"/orders/{order['id']}/payment", {"payment_method": "pm_card_visa"}
    for _ in range(2):
        answer = shop.api("POST", path, body, alice, {"Idempotency-Key": "again"})
        assert (answer.status, answer.json["id"]) == (202, order["id"])
    # THEN the same order is paid, and both outcomes are emailed
    shop.wait_for_payment(order["id"], alice, "succeeded")
    shop.wait_for_emails(order["id"], 2)
    assert shop.ledger_of(order["id"]) == [("charge", "declined"), ("charge", "succeeded")]
    refused = shop.api("POST", path, body, alice, {"Idempotency-Key": "once-more"})
    assert refused.status == 409


def test_order_is_paid_after_the_bank_confirms(shop: Shop, alice: str, staff: str) -> None:
    # GIVEN an order whose card asks for authentication
    order = shop.place(alice, "pm_card_authenticationRequired")
    waiting = shop.wait_for_payment(order["id"], alice, "action_required")
    secret = waiting["payment"]["action"]["client_secret"]
    assert shop.order(order["id"], staff)["payment"]["action"] is None  # only the owner sees it
    shop.wait_for_emails(order["id"], 1)
    # WHEN the shopper confirms on the bank's page, to which the shop's page leads
    bank = http("GET", f"{shop.origin}/settings.json").json["bank_page"] + secret
    assert b"Confirm" in http("GET", bank, headers={"Sec-Fetch-Site": "same-site"}).body
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": bank.split("/bank/")[0]}
    assert http("POST", bank, b"outcome=succeeded", form).status == 200
    # THEN the order is paid, archived and emailed
    shop.wait_for_payment(order["id"], alice, "succeeded")
    shop.wait_for_emails(order["id"], 2)
    assert shop.ledger_of(order["id"]) == [("charge", "succeeded")]


def test_staff_find_the_orders_of_an_email_address(shop: Shop, alice: str, staff: str) -> None:
    order = shop.place(alice)
    found = shop.api("GET", "/orders?email=alice@example.com&limit=1", token=staff)
    assert [one["id"] for one in found.json["items"]] == [order["id"]]
    assert shop.api("GET", "/orders?email=nobody@example.com", token=staff).json["items"] == []
    assert shop.api("GET", "/orders?email=alice@example.com", token=alice).status == 403


def test_cancelled_order_is_refunded_once(shop: Shop, alice: str) -> None:
    order = shop.place(alice)
    shop.wait_for_payment(order["id"], alice, "succeeded")
    for _ in range(2):
        answer = shop.api("POST", f"/orders/{order['id']}/cancellation", token=alice)
        assert answer.status == 202
        assert answer.json["status"] == "cancelled"
    refunded = shop.wait_for_payment(order["id"], alice, "refunded")
    assert refunded["status"] == "cancelled"
    shop.wait_for_emails(order["id"], 2)
    assert shop.ledger_of(order["id"]) == [("charge", "succeeded"), ("refund", "succeeded")]


def test_order_cancelled_during_its_charge_keeps_no_money(shop: Shop, alice: str) -> None:
    # GIVEN a gateway so slow that the cancellation overtakes the charge
    shop.gateway.add_fault("slow", path="*/payment_intents", seconds=2, times=1)
    order = shop.place(alice)
    shop.api("POST", f"/orders/{order['id']}/cancellation", token=alice)

    # THEN the shop keeps no money, whichever came first
    def settled() -> Any:
        payment = shop.order(order["id"], alice)["payment"]
        return payment["status"] in ("cancelled", "refunded") and payment

    eventually(settled)
    shop.gateway.clear_faults()
    time.sleep(1)
    money = shop.ledger_of(order["id"])
    charges = [entry for entry in money if entry == ("charge", "succeeded")]
    refunds = [entry for entry in money if entry == ("refund", "succeeded")]
    assert len(charges) == len(refunds) <= 1


def test_ten_concurrent_posts_with_one_key_place_one_order(shop: Shop, alice: str) -> None:
    key, answers = str(uuid.uuid4()), []
    body = shop.order_body()

    def post() -> None:
        # the edge forwards eight writes at a time; a client that it refuses repeats its request
        while (answer := post_once()).status == 503:
            time.sleep(int(answer.headers["Retry-After"]))
        answers.append(answer)

    def post_once() -> Answer:
        return shop.api("POST", "/orders", body, alice, {"Idempotency-Key": key})

    threads = [threading.Thread(target=post) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    ids = {answer.json["id"] for answer in answers}
    assert len(ids) == 1
    (order_id,) = ids
    shop.wait_for_payment(order_id, alice, "succeeded")
    assert shop.ledger_of(order_id) == [("charge", "succeeded")]
    shop.wait_for_emails(order_id, 1)
    # another body with the same key is rejected
    other = shop.api(
        "POST", "/orders", shop.order_body(quantity=2), alice, {"Idempotency-Key": key}
    )
    assert other.status == 422


def test_order_to_a_country_without_postal_codes_is_placed(shop: Shop, alice: str) -> None:
    countries = {
        country["code"]: country for country in shop.api("GET", "/countries").json["items"]
    }
    fields = {field["name"] for field in countries["HK"]["fields"]}
    assert fields == {"city", "region"}
    address = {"name": "李小龍", "line1": "1 Nathan Road", "region": "Kowloon", "country": "HK"}

    def post(address: dict[str, str]) -> Answer:
        body = shop.order_body() | {"shipping_address": address}
        return shop.api("POST", "/orders", body, alice, {"Idempotency-Key": str(uuid.uuid4())})

    answer = post(address)
    assert (answer.status, answer.json["shipping_address"]["postal_code"]) == (201, "")
    refused = post(address | {"country": "KP"})
    assert refused.status == 422
    assert refused.json["errors"][0]["detail"] == "We do not ship to North Korea"


def test_order_keeps_the_price_at_the_time_of_placement(shop: Shop, alice: str, staff: str) -> None:
    draft = {
        "name": "Tin Robot of the Chain Test",
        "description": "Winds up.",
        "category": "robots",
        "brand": "Chain",
        "price": {"amount": 1999, "currency": "AUD"},
        "min_age": 3,
        "attributes": {},
    }
    created = shop.api("POST", "/toys", draft, staff)
    assert created.status == 201
    toy = created.json
    body = shop.order_body() | {"lines": [{"toy_id": toy["id"], "quantity": 3}]}
    answer = shop.api("POST", "/orders", body, alice, {"Idempotency-Key": str(uuid.uuid4())})
    assert answer.json["total"] == {"amount": 5997, "currency": "AUD"}
    changed = shop.api(
        "PATCH",
        f"/toys/{toy['id']}",
        {"price": {"amount": 1, "currency": "AUD"}},
        staff,
        {"If-Match": created.headers["ETag"], "Content-Type": "application/merge-patch+json"},
    )
    assert changed.status == 200
    withdrawn = shop.api(
        "DELETE", f"/toys/{toy['id']}", None, staff, {"If-Match": changed.headers["ETag"]}
    )
    assert withdrawn.status == 204
    assert shop.order(answer.json["id"], alice)["total"] == {"amount": 5997, "currency": "AUD"}
    # a toy that was deleted before the order is reported
    again = shop.api("POST", "/orders", body, alice, {"Idempotency-Key": str(uuid.uuid4())})
    assert again.status == 422
    assert again.json["errors"][0]["pointer"] == "/lines/0/toy_id"


def test_order_is_placed_at_the_expected_total_only(shop: Shop, alice: str, staff: str) -> None:
    # GIVEN a toy whose price rises after the customer has seen it
    draft = {
        "name": "Price of the Chain Test",
        "description": "Rises.",
        "category": "robots",
        "brand": "Chain",
        "price": {"amount": 1000, "currency": "AUD"},
        "min_age": 3,
        "attributes": {},
    }
    created = shop.api("POST", "/toys", draft, staff)
    path = f"/toys/{created.json['id']}"
    seen, raised = draft["price"], {"amount": 99_900, "currency": "AUD"}
    sent = {"If-Match": created.headers["ETag"]}
    assert shop.api("PATCH", path, {"price": raised}, staff, sent).status == 200
    line = {"toy_id": created.json["id"], "quantity": 1}
    body = shop.order_body() | {"lines": [line], "expected_total": seen}
    key = new_key()
    # WHEN the customer orders at the old price
    answer = shop.api("POST", "/orders", body, alice, key)
    # THEN the answer has the current lines and total, and its type is a page of the shop
    assert (answer.status, answer.json["total"]) == (409, raised)
    assert [line["unit_price"] for line in answer.json["lines"]] == [raised]
    page = http("GET", urljoin(f"{shop.origin}/api/orders", answer.json["type"]))
    assert page.status == 200
    assert b'id="price-changed"' in page.body
    # AND the same key is free for the current total, once
    for status in (201, 200):
        placed = shop.api("POST", "/orders", body | {"expected_total": raised}, alice, key)
        assert (placed.status, placed.json["total"]) == (status, raised)
    paid = shop.wait_for_payment(placed.json["id"], alice, "succeeded")
    assert paid["total"] == raised
    # AND what the gateway cannot charge, or too many in equal lines, is refused at once
    sent = {"If-Match": '"2"'}
    shop.api("PATCH", path, {"price": {"amount": 49, "currency": "AUD"}}, staff, sent)
    for lines, pointer in (
        ([line], "/lines"),
        ([line | {"quantity": 10_000}] * 2, "/lines/1/quantity"),
    ):
        refused = shop.api(
            "POST", "/orders", shop.order_body() | {"lines": lines}, alice, new_key()
        )
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, pointer)


def new_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_order_of_another_customer_is_404(shop: Shop, alice: str, bob: str) -> None:
    order = shop.place(alice)
    path = f"/orders/{order['id']}"

    def attempts(token: str) -> list[Answer]:
        return [
            shop.api("GET", path, token=token),
            shop.api(
                "PATCH", path, {"nonsense": 1}, token
            ),  # 404 comes before the missing If-Match and the invalid body
            shop.api("POST", f"{path}/cancellation", token=token),
            shop.api("GET", f"{path}/receipt", token=token),
        ]

    for answer in attempts(bob):
        assert answer.status == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert shop.order(order["id"], alice)["status"] == "placed"
    listed = shop.api("GET", "/orders?limit=100", token=bob).json["items"]
    assert order["id"] not in [other["id"] for other in listed]


def test_list_of_orders_has_their_payments(shop: Shop, alice: str, staff: str) -> None:
    order = shop.place(alice)
    shop.wait_for_payment(order["id"], alice, "succeeded")
    mine = shop.api("GET", "/orders?limit=5", token=alice).json["items"]
    assert mine[0]["id"] == order["id"]
    assert mine[0]["payment"]["status"] == "succeeded"
    everyones = shop.api("GET", "/orders?limit=5", token=staff).json["items"]
    assert everyones[0]["id"] == order["id"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/toys/toy_none", "/toys/a%2Fb", "/toys/%27%22", "/orders/x/y/z"]
)
def test_unknown_path_is_a_problem_answer(shop: Shop, path: str) -> None:
    answer = shop.api("GET", path)
    assert answer.status in (401, 404)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == answer.status


def test_refunds_and_disputes_in_the_dashboard_are_shown_and_emailed(
    shop: Shop, alice: str
) -> None:
    order = shop.place(alice)
    shop.wait_for_payment(order["id"], alice, "succeeded")
    (intent_id,) = [
        item["intent_id"]["S"]
        for item in shop.items("payments").values()
        if item["order_id"]["S"] == order["id"]
    ]
    total, currency = order["total"]["amount"], order["total"]["currency"]

    def shown(amount: int, disputed: bool) -> Any:
        def check() -> Any:
            payment = shop.order(order["id"], alice)["payment"]
            expected = ({"amount": amount, "currency": currency}, disputed)
            return (
                payment if (payment["refunded_amount"], payment["disputed"]) == expected else None
            )

        return eventually(check)

    # WHEN a part is refunded, and the customer's bank disputes the rest, which the shop wins
    shop.gateway.refund(intent_id, 100)
    shown(100, disputed=False)
    dispute = shop.gateway.open_dispute(intent_id, total - 100)
    shown(100, disputed=True)
    shop.gateway.close_dispute(dispute["id"], "won")
    shown(100, disputed=False)
    # THEN each is emailed once, in the order of what happened, with its amount
    mails = [
        mail["subject"].replace(order["id"], "").strip()
        for mail in shop.wait_for_emails(order["id"], 4)
    ]
    assert mails[1:] == [
        "Your refund for order",
        "Your bank disputes order",
        "Your bank's decision about order",
    ]
    assert f"{currency} 1.00 of the" in shop.emails_about(order["id"])[1]["text"]
