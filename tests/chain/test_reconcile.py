"""Violations caused on purpose are found and repaired, and the ledger is correct afterwards."""

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from support.gateway_account import create_charge, create_refund, stripe_client
from support.running_shop import ACCOUNT, Shop, invoke_with_schedule_event, wait_until_idle
from support.shop_events import topic_arn
from support.waiting import eventually

Found = dict[str, list[str]]


def reconcile(shop: Shop, *arguments: str) -> tuple[dict[str, Any], Found]:
    """Run the command on all orders; return its answer, and the kinds of violations by order."""
    result = shop.run("reconcile", "--json", "--grace", "0", *arguments)
    assert result.returncode in (0, 1), result.stderr
    answer = json.loads(result.stdout)
    found: Found = {}
    for each in answer["violations"]:
        found.setdefault(each["order_id"], []).append(each["kind"])
    repaired = set(answer["repaired"])
    assert result.returncode == int(any(order_id not in repaired for order_id in found))
    return answer, found


def delete_item(shop: Shop, service: str, item_id: str) -> None:
    """Delete an item without its service."""
    table = f"toyshop-local-{service}"
    shop.client("dynamodb").delete_item(TableName=table, Key={"id": {"S": item_id}})


def change(shop: Shop, transaction_id: str, **values: str | None) -> None:
    """Change attributes of a transaction in the table; ``None`` removes one."""
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


def bought(shop: Shop, token: str, method: str = "pm_card_visa") -> dict[str, Any]:
    """Place an order and wait for its payment, receipt and email."""
    order = shop.place(token, method)
    shop.wait_for_payment(
        order["id"], token, "succeeded" if method == "pm_card_visa" else "declined"
    )
    shop.wait_for_emails(order["id"], 1)
    if method == "pm_card_visa":
        eventually(lambda: shop.order(order["id"], token)["receipt"])
    shown: dict[str, Any] = shop.order(order["id"], token)
    return shown


def own_item(shop: Shop, service: str, needle: str) -> str:
    """Return the id of the only item of a table that contains a text."""
    (item_id,) = (key for key, item in shop.items(service).items() if needle in json.dumps(item))
    return item_id


@contextmanager
def unsubscribed(shop: Shop, function: str, topic: str) -> Iterator[None]:
    """Unsubscribe a function from its topic, so that it misses what is published meanwhile."""
    sns, arn = shop.client("sns"), topic_arn(topic)
    (subscription,) = (
        each
        for each in sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
        if each["Endpoint"].endswith(f":toyshop-local-{function}")
    )
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    try:
        yield
        wait_until_idle(shop)
    finally:
        sns.subscribe(
            TopicArn=arn,
            Protocol="lambda",
            Endpoint=subscription["Endpoint"],
            Attributes={"FilterPolicy": attributes["Attributes"]["FilterPolicy"]},
        )


def of(orders: Iterable[str], found: Found) -> Found:
    """Return the violations of some orders; other tests of this shop leave others."""
    return {order_id: kinds for order_id, kinds in found.items() if order_id in set(orders)}


def test_undisturbed_orders_have_no_violation(shop: Shop, alice: str) -> None:
    orders = [bought(shop, alice)["id"], bought(shop, alice, "pm_card_chargeDeclined")["id"]]
    wait_until_idle(shop)
    answer, found = reconcile(shop)
    assert of(orders, found) == {}
    assert answer["examined"] >= 2
    # a recent order is not checked yet
    result = shop.run("reconcile", "--order", orders[0])
    assert result.returncode == 0, result.stderr
    assert "1 orders examined, 1 still in progress, 0 with violations" in result.stdout


def test_lost_records_and_events_are_repaired_without_a_second_charge_or_email(
    shop: Shop, alice: str
) -> None:
    names = ("transaction", "receipt", "record of the receipt")
    orders = {name: bought(shop, alice) for name in names}
    orders["decline"] = bought(shop, alice, "pm_card_chargeDeclined")
    ids = {name: order["id"] for name, order in orders.items()}
    # GIVEN items deleted from three tables
    delete_item(shop, "payments", orders["transaction"]["payment"]["transaction_id"])
    delete_item(shop, "payments", orders["decline"]["payment"]["transaction_id"])
    delete_item(shop, "file-manager", own_item(shop, "file-manager", ids["receipt"]))
    change(shop, orders["record of the receipt"]["payment"]["transaction_id"], receipt_file_id=None)
    # AND lost events: of an order, and of a payment
    with unsubscribed(shop, "payments-charge", "orders"):
        ids["order"] = shop.place(alice)["id"]
    with unsubscribed(shop, "payments-fulfil", "payments"):
        ids["payment"] = shop.place(alice)["id"]
        shop.wait_for_payment(ids["payment"], alice, "succeeded")
    # WHEN all orders are examined, THEN each is reported
    _, found = reconcile(shop)
    assert of(ids.values(), found) == {
        ids["transaction"]: ["transaction_missing"],
        ids["decline"]: ["transaction_missing"],
        ids["receipt"]: ["receipt_missing"],
        ids["record of the receipt"]: ["receipt_unrecorded"],
        ids["order"]: ["transaction_missing"],
        ids["payment"]: ["receipt_missing", "email_missing"],
    }
    # WHEN they are repaired, THEN no violation is left
    answer, _ = reconcile(shop, "--fix")
    assert set(ids.values()) <= set(answer["repaired"])
    assert of(ids.values(), reconcile(shop)[1]) == {}
    # AND each order was charged and emailed once
    wait_until_idle(shop)
    for name, order_id in ids.items():
        taken = "declined" if name == "decline" else "succeeded"
        assert shop.ledger_of(order_id) == [("charge", taken)]
        shop.wait_for_emails(order_id, 1)


def test_lost_cancellation_event_is_repaired_with_a_refund(shop: Shop, alice: str) -> None:
    paid, waiting = bought(shop, alice)["id"], shop.place(alice, "pm_card_authenticationRequired")
    shop.wait_for_payment(waiting["id"], alice, "action_required")
    with unsubscribed(shop, "payments-charge", "orders"):
        for order_id in (paid, waiting["id"]):
            shop.api("POST", f"/orders/{order_id}/cancellation", token=alice)
        # and one that payments has never received
        unknown = shop.place(alice)["id"]
        shop.api("POST", f"/orders/{unknown}/cancellation", token=alice)
    ids = [paid, waiting["id"], unknown]
    _, found = reconcile(shop)
    assert of(ids, found) == {
        paid: ["refund_not_started"],
        waiting["id"]: ["charge_possible"],
        unknown: ["transaction_missing"],
    }
    answer, _ = reconcile(shop, "--fix")
    assert set(ids) <= set(answer["repaired"])
    shop.wait_for_emails(paid, 2)
    assert shop.ledger_of(paid) == [("charge", "succeeded"), ("refund", "succeeded")]
    assert shop.ledger_of(waiting["id"]) == [("charge", "failed")]
    assert shop.ledger_of(unknown) == []
    assert shop.order(unknown, alice)["payment"]["status"] == "cancelled"


def test_lost_webhook_is_repaired_from_the_gateway(shop: Shop, alice: str) -> None:
    # GIVEN a payment confirmed by the shopper's bank, but not in our record
    order = shop.place(alice, "pm_card_authenticationRequired")
    shown = shop.wait_for_payment(order["id"], alice, "action_required")
    intent = shown["payment"]["action"]["client_secret"].split("_secret_")[0]
    with unsubscribed(shop, "payments-fulfil", "payments"):
        shop.gateway.authenticate(intent, "succeeded")
        shop.wait_for_payment(order["id"], alice, "succeeded")
    transaction = shown["payment"]["transaction_id"]
    change(shop, transaction, status="action_required", outcomes=None)
    _, found = reconcile(shop)
    assert of([order["id"]], found) == {order["id"]: ["webhook_missed"]}
    # WHEN it is repaired, THEN it is paid, and the customer is emailed
    reconcile(shop, "--fix")
    shop.wait_for_payment(order["id"], alice, "succeeded")
    shop.wait_for_emails(order["id"], 2)
    assert shop.ledger_of(order["id"]) == [("charge", "succeeded")]


def test_violation_that_reemitting_cannot_repair_needs_an_operator(shop: Shop, alice: str) -> None:
    twice, refunded, not_refunded = (bought(shop, alice) for _ in range(3))
    nobody = f"ord_{uuid.uuid4().hex}"
    ids = [order["id"] for order in (twice, refunded, not_refunded)] + [nobody]
    # GIVEN charges and refunds made outside the shop
    gateway = stripe_client(shop)
    second, stray = (create_charge(gateway, order_id) for order_id in (twice["id"], nobody))
    create_refund(gateway, intent_of(shop, refunded))
    shop.wait_for_payment(refunded["id"], alice, "refunded")
    transaction_id = not_refunded["payment"]["transaction_id"]
    change(shop, transaction_id, status="refunded", reversals="{}")
    # the gateway records whole seconds, and an audit covers only past ones
    time.sleep(1)
    # WHEN a repair is requested
    answer, found = reconcile(shop, "--fix")
    # THEN each is reported, and nothing is re-emitted
    assert of(ids, found) == {
        twice["id"]: ["charged_twice"],
        refunded["id"]: ["order_not_cancelled"],
        not_refunded["id"]: ["refund_missing", "order_not_cancelled"],
        nobody: ["charge_unrecorded"],
    }
    assert {each["remedy"] for each in answer["violations"] if each["order_id"] in ids} == {
        "manual"
    }
    assert not set(answer["reemitted"]) & set(ids)
    result = shop.run("reconcile", "--grace", "0", "--order", twice["id"])
    assert result.returncode == 1
    assert f"{twice['id']}  charged_twice: {second} charged another AUD 12.00" in result.stdout
    assert "needs an operator" in result.stdout
    # WHEN an operator has fixed them, THEN no violation is left
    for intent in (second, stray):
        create_refund(gateway, intent)
    change(shop, not_refunded["payment"]["transaction_id"], status="succeeded")
    shop.api("POST", f"/orders/{refunded['id']}/cancellation", token=alice)
    shop.wait_for_payment(refunded["id"], alice, "refunded")
    shop.wait_for_emails(refunded["id"], 2)
    assert of(ids, reconcile(shop)[1]) == {}


def intent_of(shop: Shop, order: dict[str, Any]) -> str:
    found: str = shop.items("payments")[order["payment"]["transaction_id"]]["intent_id"]["S"]
    return found


def test_reemitting_everything_changes_nothing(shop: Shop, alice: str) -> None:
    paid, cancelled = bought(shop, alice)["id"], bought(shop, alice)["id"]
    declined = bought(shop, alice, "pm_card_chargeDeclined")["id"]
    shop.api("POST", f"/orders/{cancelled}/cancellation", token=alice)
    shop.wait_for_payment(cancelled, alice, "refunded")
    for order_id, emails in ((paid, 1), (cancelled, 2), (declined, 1)):
        shop.wait_for_emails(order_id, emails)
    wait_until_idle(shop)
    ids = (paid, cancelled, declined)
    before = shop.run_json("ledger"), shop.run_json("mail")
    shown = [shop.order(order_id, alice) for order_id in ids]
    # WHEN every order and transaction of this day is re-emitted
    name = "toyshop-local-storefront-api-reconcile"
    since = shown[0]["placed_at"]
    for detail in ({"reemit": True, "since": since}, {"reemit": True, "orders": list(ids)}):
        answer = invoke_with_schedule_event(shop, name, detail)
        assert set(ids) <= set(answer["reemitted"])
    # AND one of them by an operator
    replayed = shop.run("replay", "--from-table", "--order", paid, "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout) == {"dry_run": False, "reemitted": 1}
    wait_until_idle(shop)
    # THEN nobody is charged, refunded or emailed, and no version has changed
    assert (shop.run_json("ledger"), shop.run_json("mail")) == before
    assert [shop.order(order_id, alice) for order_id in ids] == shown


def test_scheduled_run_emits_the_metric(shop: Shop, alice: str) -> None:
    assert shop.client("events").list_rule_names_by_target(
        TargetArn=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:toyshop-local-storefront-api-reconcile"
    )["RuleNames"]
    bought(shop, alice)
    name = "toyshop-local-storefront-api-reconcile"
    report = invoke_with_schedule_event(shop, name, {})
    assert report["examined"] >= 1
    assert report["cursor"] is None

    def recorded() -> Any:
        result = shop.run("metrics", "toyshop.invariant.violations", "--json")
        return result.returncode == 0 and json.loads(result.stdout)

    (summary,) = eventually(recorded)
    assert summary["last"] == len({each["order_id"] for each in report["violations"]})
