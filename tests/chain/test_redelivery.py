"""Every hop delivers at least once: what comes twice changes nothing, what fails comes again."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.images import announce, new_toy, png, upload
from support.running_shop import ACCOUNT, Shop, eventually, http

TOPICS = ("orders", "payments", "file-manager")


class Tap:
    """A queue that hears all events of the shop, as any subscriber would."""

    def __init__(self, shop: Shop) -> None:
        self._sqs, self._sns = shop.client("sqs"), shop.client("sns")
        self._url = self._sqs.create_queue(QueueName=f"tap-{uuid.uuid4()}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        sns_may = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn["Attributes"]["QueueArn"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [sns_may]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        self._subscriptions = [
            self._sns.subscribe(
                TopicArn=topic_arn(service),
                Protocol="sqs",
                Endpoint=arn["Attributes"]["QueueArn"],
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
            for service in TOPICS
        ]
        self._events: list[tuple[str, dict[str, Any]]] = []

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._sns.unsubscribe(SubscriptionArn=subscription)
        self._sqs.delete_queue(QueueUrl=self._url)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the topic and the event of all that was heard so far."""
        while batch := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                envelope = json.loads(message["Body"])
                self._events.append((envelope["TopicArn"], json.loads(envelope["Message"])))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._events

    def publish_again(self, topic: str, event: dict[str, Any]) -> None:
        self._sns.publish(
            TopicArn=topic,
            Message=json.dumps(event),
            MessageAttributes={"type": {"DataType": "String", "StringValue": event["type"]}},
        )


def topic_arn(service: str) -> str:
    return f"arn:aws:sns:us-east-1:{ACCOUNT}:toyshop-local-{service}-events"


@pytest.fixture
def tap(shop: Shop) -> Iterator[Tap]:
    tap = Tap(shop)
    yield tap
    tap.close()


def test_redelivering_every_event_changes_nothing(
    shop: Shop, alice: str, staff: str, tap: Tap
) -> None:
    # GIVEN one order of each outcome, all events of which were heard, and a picture
    stories = {
        "succeeded": shop.place(alice)["id"],
        "declined": shop.place(alice, "pm_card_chargeDeclined")["id"],
        "action_required": shop.place(alice, "pm_card_authenticationRequired")["id"],
        "refunded": shop.place(alice)["id"],
    }
    shop.paid(stories["refunded"], alice, "succeeded")
    shop.api("POST", f"/orders/{stories['refunded']}/cancellation", token=alice)
    for status, order_id in stories.items():
        shop.paid(order_id, alice, status)
        shop.mailed(order_id, 2 if status == "refunded" else 1)
    orders = set(stories.values())

    def heard() -> list[tuple[str, dict[str, Any]]]:
        return [(topic, event) for topic, event in tap.events() if event["subject"] in orders]

    # 4 placed, 1 changed, 1 cancelled; 4 outcomes and 1 refund
    events = eventually(lambda: heard() if len(heard()) >= 11 else None)
    assert len(events) == 11
    assert len({event["id"] for _, event in events}) == 11
    before = {
        "transactions": shop.items("payments"),
        "messages": shop.items("notifications"),
        "files": shop.items("file-manager"),
        "ledger": shop.json_of("ledger"),
        "mails": shop.json_of("mail"),
    }
    # WHEN each is delivered twice again, in the wrong order
    for topic, event in events[::-1] * 2:
        tap.publish_again(topic, event)
    again = eventually(lambda: heard() if len(heard()) >= 33 else None)
    assert len(again) == 33
    quiet(shop)
    # THEN nothing has changed
    assert {
        "transactions": shop.items("payments"),
        "messages": shop.items("notifications"),
        "files": shop.items("file-manager"),
        "ledger": shop.json_of("ledger"),
        "mails": shop.json_of("mail"),
    } == before


def test_a_picture_that_was_removed_does_not_come_back(shop: Shop, staff: str, tap: Tap) -> None:
    # GIVEN a toy whose picture was shown and removed again
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
        return [heard for heard in tap.events() if heard[1]["subject"] == image_id]

    ((topic, event),) = eventually(ready)
    assert event["type"] == "shop.file.ready.v1"
    # WHEN the news of it comes again
    tap.publish_again(topic, event)
    eventually(lambda: len(ready()) == 2)
    quiet(shop)
    # THEN the toy is as it was
    shown = shop.api("GET", path).json
    assert (shown["images"], shown["version"]) == ([], version)


def quiet(shop: Shop) -> None:
    """Wait until the embedded AWS has nothing under way."""
    looks = 0

    def check() -> bool:
        nonlocal looks
        busy = any(http("GET", f"{shop.aws}/_toyshop/activity").json.values())
        looks = 0 if busy else looks + 1
        return looks >= 5

    eventually(check)


@contextmanager
def switched_off(shop: Shop, function: str) -> Iterator[None]:
    """Throttle a function to nothing, the way one does on AWS."""
    functions = shop.client("lambda")
    name = f"toyshop-local-{function}"
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        functions.delete_function_concurrency(FunctionName=name)


def test_a_neighbour_that_was_down_is_caught_up_with(shop: Shop, alice: str) -> None:
    # GIVEN notifications down while an order is paid
    with switched_off(shop, "notifications-api-handler"):
        order = shop.place(alice)
        shop.paid(order["id"], alice, "succeeded")
        eventually(lambda: shop.order(order["id"], alice)["receipt"])
        health = shop.api("GET", "/health?deep=1")
        assert health.status == 503
        assert health.json["services"]["notifications"] == "down"
        assert health.json["services"]["payments"] == "ok"
        assert shop.mails_of(order["id"]) == []
    # WHEN it is back, THEN the e-mail is sent, once
    shop.mailed(order["id"], 1, seconds=90)
    quiet(shop)
    shop.mailed(order["id"], 1)
    assert shop.api("GET", "/health?deep=1").status == 200


def test_the_shop_sells_while_payments_is_down(shop: Shop, alice: str) -> None:
    with (
        switched_off(shop, "payments-api-handler"),
        switched_off(shop, "payments-charge"),
    ):
        order = shop.place(alice)
        shown = shop.order(order["id"], alice)
        assert shown["payment"]["status"] == "unknown"
        assert shown["receipt"] is False
        assert shop.money_of(order["id"]) == []
    shop.paid(order["id"], alice, "succeeded", seconds=90)
    assert shop.money_of(order["id"]) == [("charge", "succeeded")]
