"""Drift made on purpose, seen, mended, and the money counted afterwards."""

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import stripe
from chain.test_redelivery import quiet, topic_arn

from support.running_shop import ACCOUNT, Shop, eventually

Found = dict[str, list[str]]


def reconcile(shop: Shop, *arguments: str) -> tuple[dict[str, Any], Found]:
    """Run the command on all that ever was ordered; return its answer, and kinds by order."""
    result = shop.run("reconcile", "--json", "--grace", "0", *arguments)
    assert result.returncode in (0, 1), result.stderr
    answer = json.loads(result.stdout)
    found: Found = {}
    for each in answer["broken"]:
        found.setdefault(each["order_id"], []).append(each["kind"])
    mended = set(answer["mended"])
    assert result.returncode == int(any(order_id not in mended for order_id in found))
    return answer, found


def lose(shop: Shop, service: str, item_id: str) -> None:
    """Delete an item behind its service's back."""
    table = f"toyshop-local-{service}"
    shop.client("dynamodb").delete_item(TableName=table, Key={"id": {"S": item_id}})


def change(shop: Shop, transaction_id: str, **values: str | None) -> None:
    """Change attributes of a transaction behind payments' back; ``None`` takes one away."""
    dynamodb = shop.client("dynamodb")
    for name, value in values.items():
        update: dict[str, Any] = {"UpdateExpression": f"REMOVE #{name}"}
        if value is not None:
            update["UpdateExpression"] = f"SET #{name} = :value"
            update["ExpressionAttributeValues"] = {":value": {"S": value}}
        dynamodb.update_item(
            TableName="toyshop-local-payments",
            Key={"id": {"S": transaction_id}},
            ExpressionAttributeNames={f"#{name}": name},
            **update,
        )


def gateway_of(shop: Shop) -> stripe.StripeClient:
    base: Any = {"api": f"http://127.0.0.1:{shop.gateway_port}"}
    return stripe.StripeClient("sk_test_x", base_addresses=base)


def bought(shop: Shop, token: str, method: str = "pm_card_visa") -> dict[str, Any]:
    """Place an order and wait until it is paid, receipted and mailed."""
    order = shop.place(token, method)
    shop.paid(order["id"], token, "succeeded" if method == "pm_card_visa" else "declined")
    shop.mailed(order["id"], 1)
    if method == "pm_card_visa":
        eventually(lambda: shop.order(order["id"], token)["receipt"])
    shown: dict[str, Any] = shop.order(order["id"], token)
    return shown


def own_item(shop: Shop, service: str, needle: str) -> str:
    """Return the id of the one item of a table that has a text in it."""
    (item_id,) = (key for key, item in shop.items(service).items() if needle in json.dumps(item))
    return item_id


@contextmanager
def unsubscribed(shop: Shop, function: str, topic: str) -> Iterator[None]:
    """Take a function off its topic: what is published meanwhile is lost to it."""
    sns, arn = shop.client("sns"), topic_arn(topic)
    (subscription,) = (
        each
        for each in sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        if each["Endpoint"].endswith(f":toyshop-local-{function}")
    )
    known = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    try:
        yield
        quiet(shop)
    finally:
        sns.subscribe(
            TopicArn=arn,
            Protocol="lambda",
            Endpoint=subscription["Endpoint"],
            Attributes={"FilterPolicy": known["Attributes"]["FilterPolicy"]},
        )


def of(orders: Iterable[str], found: Found) -> Found:
    """Return what was found of some orders; other tests of this shop have broken others."""
    return {order_id: kinds for order_id, kinds in found.items() if order_id in set(orders)}


def test_a_shop_that_was_left_alone_keeps_its_promises(shop: Shop, alice: str) -> None:
    orders = [bought(shop, alice)["id"], bought(shop, alice, "pm_card_chargeDeclined")["id"]]
    quiet(shop)
    answer, found = reconcile(shop)
    assert of(orders, found) == {}
    assert answer["examined"] >= 2
    # an order of a moment ago is not judged yet
    result = shop.run("reconcile", "--order", orders[0])
    assert result.returncode == 0, result.stderr
    assert "1 orders examined, 1 of them still under way: 0 broken" in result.stdout


def test_what_is_lost_is_named_and_mended_and_nothing_is_charged_or_sent_twice(
    shop: Shop, alice: str
) -> None:
    names = ("transaction", "receipt", "record of the receipt")
    orders = {name: bought(shop, alice) for name in names}
    orders["decline"] = bought(shop, alice, "pm_card_chargeDeclined")
    ids = {name: order["id"] for name, order in orders.items()}
    # GIVEN items that are gone from three tables
    lose(shop, "payments", orders["transaction"]["payment"]["transaction_id"])
    lose(shop, "payments", orders["decline"]["payment"]["transaction_id"])
    lose(shop, "file-manager", own_item(shop, "file-manager", ids["receipt"]))
    change(shop, orders["record of the receipt"]["payment"]["transaction_id"], receipt_file_id=None)
    # AND events that nobody heard: of an order, and of a payment
    with unsubscribed(shop, "payments-charge", "orders"):
        ids["order"] = shop.place(alice)["id"]
    with unsubscribed(shop, "payments-fulfil", "payments"):
        ids["payment"] = shop.place(alice)["id"]
        shop.paid(ids["payment"], alice, "succeeded")
    # WHEN it is looked at, THEN each is named
    _, found = reconcile(shop)
    assert of(ids.values(), found) == {
        ids["transaction"]: ["no_transaction"],
        ids["decline"]: ["no_transaction"],
        ids["receipt"]: ["receipt_missing"],
        ids["record of the receipt"]: ["receipt_unrecorded"],
        ids["order"]: ["no_transaction"],
        ids["payment"]: ["receipt_missing", "mail_missing"],
    }
    # WHEN it is mended, THEN all is whole
    answer, _ = reconcile(shop, "--fix")
    assert set(ids.values()) <= set(answer["mended"])
    assert of(ids.values(), reconcile(shop)[1]) == {}
    # AND money and mails are as if nothing had been
    quiet(shop)
    for name, order_id in ids.items():
        taken = "declined" if name == "decline" else "succeeded"
        assert shop.money_of(order_id) == [("charge", taken)]
        shop.mailed(order_id, 1)


def test_a_cancellation_that_nobody_heard_is_refunded(shop: Shop, alice: str) -> None:
    paid, waiting = bought(shop, alice)["id"], shop.place(alice, "pm_card_authenticationRequired")
    shop.paid(waiting["id"], alice, "action_required")
    with unsubscribed(shop, "payments-charge", "orders"):
        for order_id in (paid, waiting["id"]):
            shop.api("POST", f"/orders/{order_id}/cancellation", token=alice)
        # and one that payments never knew at all
        unknown = shop.place(alice)["id"]
        shop.api("POST", f"/orders/{unknown}/cancellation", token=alice)
    ids = [paid, waiting["id"], unknown]
    _, found = reconcile(shop)
    assert of(ids, found) == {
        paid: ["charge_standing"],
        waiting["id"]: ["charge_possible"],
        unknown: ["no_transaction"],
    }
    answer, _ = reconcile(shop, "--fix")
    assert set(ids) <= set(answer["mended"])
    shop.mailed(paid, 2)
    assert shop.money_of(paid) == [("charge", "succeeded"), ("refund", "succeeded")]
    assert shop.money_of(waiting["id"]) == [("charge", "failed")]
    assert shop.money_of(unknown) == []
    assert shop.order(unknown, alice)["payment"]["status"] == "cancelled"


def test_news_of_the_gateway_that_never_came_are_caught_up_with(shop: Shop, alice: str) -> None:
    # GIVEN a payment that the shopper's bank has confirmed, and whose record does not say so
    order = shop.place(alice, "pm_card_authenticationRequired")
    shown = shop.paid(order["id"], alice, "action_required")
    intent = shown["payment"]["action"]["client_secret"].split("_secret_")[0]
    with unsubscribed(shop, "payments-fulfil", "payments"):
        shop.gateway.authenticate(intent, "succeeded")
        shop.paid(order["id"], alice, "succeeded")
    transaction = shown["payment"]["transaction_id"]
    change(shop, transaction, status="action_required", outcomes=None)
    _, found = reconcile(shop)
    assert of([order["id"]], found) == {order["id"]: ["news_missed"]}
    # WHEN it is mended, THEN it is paid, and told of as any other
    reconcile(shop, "--fix")
    shop.paid(order["id"], alice, "succeeded")
    shop.mailed(order["id"], 2)
    assert shop.money_of(order["id"]) == [("charge", "succeeded")]


def test_what_telling_again_cannot_mend_needs_a_person(shop: Shop, alice: str) -> None:
    twice, given_back, not_given_back = (bought(shop, alice) for _ in range(3))
    nobody = f"ord_{uuid.uuid4().hex}"
    ids = [order["id"] for order in (twice, given_back, not_given_back)] + [nobody]
    # GIVEN money that was taken and given back behind our back
    gateway = gateway_of(shop)
    second, stray = (charged(gateway, order_id) for order_id in (twice["id"], nobody))
    refund(gateway, intent_of(shop, given_back))
    change(shop, not_given_back["payment"]["transaction_id"], status="refunded")
    # the gateway counts in whole seconds, and a walk looks at those that are over
    time.sleep(1)
    # WHEN all is to be mended
    answer, found = reconcile(shop, "--fix")
    # THEN that is not: it is named, and left alone
    assert of(ids, found) == {
        twice["id"]: ["charged_twice"],
        given_back["id"]: ["refund_unrecorded"],
        not_given_back["id"]: ["refund_missing", "called_off"],
        nobody: ["charge_unrecorded"],
    }
    assert {each["remedy"] for each in answer["broken"] if each["order_id"] in ids} == {"person"}
    assert not set(answer["told_again"]) & set(ids)
    result = shop.run("reconcile", "--grace", "0", "--order", twice["id"])
    assert result.returncode == 1
    assert f"{twice['id']}  charged_twice: {second} took AUD 12.00 besides" in result.stdout
    assert "a person must look at it" in result.stdout
    # WHEN a person has looked at it, THEN it is whole
    for intent in (second, stray):
        refund(gateway, intent)
    change(shop, not_given_back["payment"]["transaction_id"], status="succeeded")
    shop.api("POST", f"/orders/{given_back['id']}/cancellation", token=alice)
    shop.paid(given_back["id"], alice, "refunded")
    shop.mailed(given_back["id"], 2)
    assert of(ids, reconcile(shop)[1]) == {}


def charged(gateway: stripe.StripeClient, order_id: str) -> str:
    intent = gateway.v1.payment_intents.create(
        {
            "amount": 1200,
            "currency": "aud",
            "metadata": {"order_id": order_id},
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "confirm": True,
        }
    )
    return intent.id


def refund(gateway: stripe.StripeClient, intent_id: str) -> None:
    gateway.v1.refunds.create({"payment_intent": intent_id})


def intent_of(shop: Shop, order: dict[str, Any]) -> str:
    found: str = shop.items("payments")[order["payment"]["transaction_id"]]["intent_id"]["S"]
    return found


def test_telling_of_everything_again_changes_nothing(shop: Shop, alice: str) -> None:
    paid, cancelled = bought(shop, alice)["id"], bought(shop, alice)["id"]
    declined = bought(shop, alice, "pm_card_chargeDeclined")["id"]
    shop.api("POST", f"/orders/{cancelled}/cancellation", token=alice)
    shop.paid(cancelled, alice, "refunded")
    shop.mailed(cancelled, 2)
    quiet(shop)
    ids = (paid, cancelled, declined)
    before = shop.json_of("ledger"), shop.json_of("mail")
    shown = [shop.order(order_id, alice) for order_id in ids]
    # WHEN every order and transaction of this day is told of again
    name = "toyshop-local-storefront-api-reconcile"
    since = shown[0]["placed_at"]
    for detail in ({"reemit": True, "since": since}, {"reemit": True, "orders": list(ids)}):
        answer = invoked(shop, name, detail)
        assert set(ids) <= set(answer["told_again"])
    # AND one of them by an operator
    told = shop.run("replay", "--from-table", "--order", paid, "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {"dry_run": False, "told_again": 1}
    quiet(shop)
    # THEN nobody is charged, refunded or written to, and nothing has a new version
    assert (shop.json_of("ledger"), shop.json_of("mail")) == before
    assert [shop.order(order_id, alice) for order_id in ids] == shown


def invoked(shop: Shop, name: str, detail: dict[str, Any]) -> dict[str, Any]:
    envelope = {
        "version": "0", "id": "1", "source": "aws.events", "detail-type": "Scheduled Event",
        "account": ACCOUNT, "region": "us-east-1", "time": "2026-11-24T00:00:00Z",
        "resources": [], "detail": detail,
    }  # fmt: skip
    answer = shop.client("lambda").invoke(FunctionName=name, Payload=json.dumps(envelope))
    payload: dict[str, Any] = json.load(answer["Payload"])
    assert "FunctionError" not in answer, payload
    return payload


def test_the_schedule_walks_by_itself_and_measures_the_drift(shop: Shop, alice: str) -> None:
    assert shop.client("events").list_rule_names_by_target(
        TargetArn=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:toyshop-local-storefront-api-reconcile"
    )["RuleNames"]
    bought(shop, alice)
    name = "toyshop-local-storefront-api-reconcile"
    report = invoked(shop, name, {})
    assert report["examined"] >= 1
    assert report["cursor"] is None
    logged = eventually(
        lambda: [line for line in shop.run("logs", "storefront_api").stdout.splitlines()
                 if '"Drift"' in line]
    )  # fmt: skip
    assert f'"Drift":{len({each["order_id"] for each in report["broken"]})}' in logged[-1]
