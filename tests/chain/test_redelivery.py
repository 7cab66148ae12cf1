"""At-least-once delivery: repeated events change nothing, failed deliveries are repeated."""

from typing import Any

from support.images import announce, new_toy, png, upload
from support.running_shop import Shop, switched_off, wait_until_idle
from support.shop_events import Tap
from support.waiting import eventually


def test_redelivering_every_event_changes_nothing(
    shop: Shop, alice: str, staff: str, tap: Tap
) -> None:
    # GIVEN one order of each outcome, with all of its events
    stories = {
        "succeeded": shop.place(alice)["id"],
        "declined": shop.place(alice, "pm_card_chargeDeclined")["id"],
        "action_required": shop.place(alice, "pm_card_authenticationRequired")["id"],
        "refunded": shop.place(alice)["id"],
    }
    shop.wait_for_payment(stories["refunded"], alice, "succeeded")
    shop.api("POST", f"/orders/{stories['refunded']}/cancellation", token=alice)
    for status, order_id in stories.items():
        shop.wait_for_payment(order_id, alice, status)
        shop.wait_for_emails(order_id, 2 if status == "refunded" else 1)
    orders = set(stories.values())

    def received() -> list[tuple[str, dict[str, Any]]]:
        return [(topic, event) for topic, event in tap.events() if event["subject"] in orders]

    # 4 placed, 1 changed, 1 cancelled; 4 outcomes and 1 refund
    events = eventually(lambda: received() if len(received()) >= 11 else None)
    assert len(events) == 11
    assert len({event["id"] for _, event in events}) == 11
    before = {
        "transactions": shop.items("payments"),
        "messages": shop.items("notifications"),
        "files": shop.items("file-manager"),
        "ledger": shop.run_json("ledger"),
        "mails": shop.run_json("mail"),
    }
    # WHEN each event is delivered two more times, in reverse order
    for topic, event in events[::-1] * 2:
        tap.publish_again(topic, event)
    again = eventually(lambda: received() if len(received()) >= 33 else None)
    assert len(again) == 33
    wait_until_idle(shop)
    # THEN nothing has changed
    assert {
        "transactions": shop.items("payments"),
        "messages": shop.items("notifications"),
        "files": shop.items("file-manager"),
        "ledger": shop.run_json("ledger"),
        "mails": shop.run_json("mail"),
    } == before


def test_redelivered_event_does_not_restore_a_removed_image(
    shop: Shop, staff: str, tap: Tap
) -> None:
    # GIVEN a toy whose image was shown and removed
    toy = new_toy(shop, staff, "Robot with a Past")
    content = png()
    ticket = announce(shop, staff, toy["id"], len(content))
    upload(ticket, content, "image/png")
    path = f"/toys/{toy['id']}"
    image_id = ticket["image"]["id"]
    eventually(lambda: shop.api("GET", path).json["images"])
    shop.api("DELETE", f"{path}/images/{image_id}", token=staff)
    version = shop.api("GET", path).json["version"]

    def ready() -> Any:
        return [received for received in tap.events() if received[1]["subject"] == image_id]

    ((topic, event),) = eventually(ready)
    assert event["type"] == "shop.file.ready.v1"
    # WHEN its event is delivered again
    tap.publish_again(topic, event)
    eventually(lambda: len(ready()) == 2)
    wait_until_idle(shop)
    # THEN the toy is unchanged
    shown = shop.api("GET", path).json
    assert (shown["images"], shown["version"]) == ([], version)


def test_email_is_sent_once_after_notifications_was_down(shop: Shop, alice: str) -> None:
    # GIVEN notifications down while an order is paid
    with switched_off(shop, "notifications-api-handler"):
        order = shop.place(alice)
        shop.wait_for_payment(order["id"], alice, "succeeded")
        eventually(lambda: shop.order(order["id"], alice)["receipt"])
        health = shop.api("GET", "/health?deep=1")
        assert health.status == 503
        assert health.json["services"]["notifications"] == "down"
        assert health.json["services"]["payments"] == "ok"
        assert shop.emails_about(order["id"]) == []
    # WHEN it is back, THEN the email is sent once
    shop.wait_for_emails(order["id"], 1, seconds=90)
    wait_until_idle(shop)
    shop.wait_for_emails(order["id"], 1)
    assert shop.api("GET", "/health?deep=1").status == 200


def test_order_placed_while_payments_is_down_is_paid_later(shop: Shop, alice: str) -> None:
    with (
        switched_off(shop, "payments-api-handler"),
        switched_off(shop, "payments-charge"),
    ):
        order = shop.place(alice)
        shown = shop.order(order["id"], alice)
        assert shown["payment"]["status"] == "unknown"
        assert shown["receipt"] is False
        assert shop.ledger_of(order["id"]) == []
    shop.wait_for_payment(order["id"], alice, "succeeded", seconds=90)
    assert shop.ledger_of(order["id"]) == [("charge", "succeeded")]
