"""The calls that the functions made, compared with their policies in both directions.

The embedded AWS has recorded every decision about a role since the shop was opened. A call that
no policy allows fails here, and so does an allowed action that no function has used, unless it
is one of the exceptions.
"""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import pytest

from support.function_policies import as_list
from support.gateway_account import create_charge, stripe_client
from support.iam_roles import POLICIES
from support.images import announce, new_toy, png, upload
from support.running_shop import (
    ACCOUNT,
    ADDRESS,
    PASSWORD,
    Shop,
    invoke_with_schedule_event,
    switched_off,
)
from support.shop_events import Tap, topic_arn
from support.waiting import eventually

# it compares the decisions of the whole run
pytestmark = pytest.mark.run_last


class Use(NamedTuple):
    """An action on a resource; either may be a pattern."""

    action: str
    resource: str


# Allowed, although no function calls it, and the reason.
EXCEPTIONS = {
    Use("logs:*", "*"): "Lambda writes a function's log in its name",
    Use("xray:Put*", "*"): "the X-Ray daemon sends a function's spans in its name",
    Use("dynamodb:*", "*/stream/*"): "Lambda reads a stream in the function's name",
    Use("sqs:ReceiveMessage", "*"): "Lambda reads a queue in the function's name",
    Use("sqs:DeleteMessage", "*"): "Lambda takes off the queue what a function has handled",
    Use("sqs:GetQueueAttributes", "*"): "Lambda looks how long a queue is",
    Use("sqs:SendMessage", "*-retry"): "Lambda hands over what a function has failed at",
    Use("sqs:SendMessage", "*-reconcile-dead-letters"): "the same of a function on a schedule",
    Use("sqs:SendMessage", "*-expiry-dead-letters"): "the same of another one",
    Use("sqs:SendMessage", "*-snapshot-dead-letters"): "the same of another one",
    Use("sqs:SendMessage", "*-log-dead-letters"): "the same of a function on a stream",
    Use("s3:ListBucket", "*-private"): "without it, S3 answers 403 for a missing object",
    Use("s3:ListBucket", "*-snapshots"): "the same",
    Use("s3:DeleteObjectVersion", "*"): "the embedded AWS checks s3:DeleteObject for one version",
    Use("ses:SendRawEmail", "*"): "SES requires it for raw content, the embedded AWS does not",
}


def granted(role: str) -> set[Use]:
    """Return the pairs of action and resource that a role's policy allows."""
    return {
        Use(action, resource)
        for statement in POLICIES[role]["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def matches(used: Use, pattern: Use) -> bool:
    return all(map(fnmatchcase, used, pattern))


def is_exception(use: Use) -> bool:
    return any(matches(use, exception) for exception in EXCEPTIONS)


@pytest.fixture
def used(shop: Shop) -> dict[str, set[Use]]:
    """Return the allowed calls of each function, by role."""
    found: dict[str, set[Use]] = {role: set() for role in POLICIES}
    for decision in decisions(shop):
        if decision["allowed"]:
            found[decision["role"]].add(Use(decision["action"], decision["resource"]))
    return found


def decisions(shop: Shop) -> list[dict[str, Any]]:
    """Return the decisions about functions, whose sessions have the name of the role."""
    lines = (shop.home / "iam-decisions.jsonl").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if entry["session"] == entry["role"]]


class Queues:
    """Sends messages to the shop's queues without the shop."""

    def __init__(self, shop: Shop) -> None:
        self._sqs, self._base = shop.client("sqs"), f"{shop.aws}/{ACCOUNT}/toyshop-local-"

    def send(self, name: str, message: Any) -> None:
        self._sqs.send_message(QueueUrl=self._base + name, MessageBody=json.dumps(message))

    def empty(self, name: str) -> None:
        self._sqs.purge_queue(QueueUrl=self._base + name)


@pytest.fixture
def queues(shop: Shop) -> Queues:
    return Queues(shop)


@contextmanager
def event_about(tap: Tap, kind: str, subject: str) -> Iterator[list[dict[str, Any]]]:
    """Fill a list at the end of the block with the event of a type about a subject."""
    events: list[dict[str, Any]] = []
    yield events

    def there() -> list[dict[str, Any]]:
        return [
            event
            for _, event in tap.events()
            if (event["type"], event["subject"]) == (kind, subject)
        ]

    events.extend(eventually(there))


def wait_for_call(shop: Shop, function: str, action: str, resource: str) -> None:
    """Wait until a function has been allowed an action on a resource."""
    role, use = f"toyshop-local-{function}", Use(action, resource)

    def seen() -> bool:
        return any(
            entry["role"] == role
            and entry["allowed"]
            and matches(Use(entry["action"], entry["resource"]), use)
            for entry in decisions(shop)
        )

    eventually(seen)


def test_remaining_operations_of_users_and_staff(shop: Shop, alice: str, staff: str) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    body = {"email": email, "password": "Toyshop-2026!", "name": "Carol"}
    assert shop.api("POST", "/users", body).status == 201
    assert shop.api("GET", "/countries").status == 200
    # a second page, whose cursor is signed
    for path, token in (("/toys", None), ("/orders", alice)):
        shop.place(alice)
        cursor = shop.api("GET", f"{path}?limit=1", token=token).json["next_cursor"]
        assert shop.api("GET", f"{path}?limit=1&cursor={cursor}", token=token).status == 200
    order = shop.place(alice)
    moved = {"shipping_address": ADDRESS | {"line1": "2 Toy Street"}}
    etag = {"If-Match": f'"{order["version"]}"', "Content-Type": "application/merge-patch+json"}
    assert shop.api("PATCH", f"/orders/{order['id']}", moved, alice, etag).status == 200
    path = f"/orders/{order['id']}/journey"
    eventually(lambda: shop.api("GET", path, token=staff).json["emails"])
    toy = new_toy(shop, staff, "Replaced Robot")
    keep = ("name", "description", "category", "brand", "price", "min_age", "attributes")
    draft = {name: toy[name] for name in keep}
    etag = {"If-Match": f'"{toy["version"]}"'}
    assert shop.api("PUT", f"/toys/{toy['id']}", draft, staff, etag).status == 200
    eventually(lambda: shop.api("GET", "/health?deep=1").status == 200)


def test_reconciliation_and_reemission(shop: Shop, alice: str) -> None:
    order = shop.place(alice)
    shop.wait_for_payment(order["id"], alice, "succeeded")
    shop.wait_for_emails(order["id"], 1)
    # GIVEN a charge of an unknown order, which takes a call of its own
    create_charge(stripe_client(shop), "ord_none")
    # the gateway records whole seconds, and an audit covers only past ones
    time.sleep(1)
    name = "toyshop-local-storefront-api-reconcile"
    report = invoke_with_schedule_event(shop, name, {"fix": False, "grace_seconds": 0})
    assert "ord_none" in {found["order_id"] for found in report["violations"]}
    reemitted = invoke_with_schedule_event(shop, name, {"reemit": True, "orders": [order["id"]]})
    assert reemitted["reemitted"] == [order["id"]]
    # WHEN the order is lost
    key = {"id": {"S": order["id"]}}
    shop.client("dynamodb").delete_item(TableName="toyshop-local-orders", Key=key)
    period = {"fix": True, "grace_seconds": 0, "since": "2026-11-01T00:00:00Z"}
    report = invoke_with_schedule_event(shop, name, period)
    # THEN it is restored
    assert order["id"] in report["reemitted"]
    assert shop.order(order["id"], alice)["status"] == "placed"


def test_customer_who_is_forgotten(shop: Shop) -> None:
    # GIVEN a customer with a receipt and an unpaid order, and a bucket that keeps versions
    account = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD, "name": "Gone"}
    assert shop.api("POST", "/users", account).status == 201
    token = shop.sign_in(account["email"])
    bucket = "toyshop-local-file-manager-private"
    shop.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    paid, declined = shop.place(token), shop.place(token, "pm_card_chargeDeclined")
    shop.wait_for_payment(declined["id"], token, "declined")
    for order in (paid, declined):
        shop.wait_for_emails(order["id"], 1)
    eventually(lambda: shop.order(paid["id"], token)["receipt"])
    # WHEN the data are erased
    done = shop.run("forget", account["email"], "--cancel-unpaid")
    assert done.returncode == 0, done.stdout + done.stderr
    # THEN the earlier version of the receipt is gone
    versions = shop.client("s3").list_object_versions(Bucket=bucket, Prefix="documents/")
    ids = [version["Key"] for version in versions["Versions"]]
    assert len(ids) == len(set(ids))
    shop.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
    )


def test_search_index_of_toys(shop: Shop, staff: str) -> None:
    # GIVEN a snapshot, which the schedule may have saved, and a toy that a release without the
    # change log writes
    function, functions = "toyshop-local-toys-save-snapshot", shop.client("lambda")
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]
    changed = {"Variables": variables["Variables"] | {"SNAPSHOT_CHANGES": "1"}}
    invoke_with_schedule_event(shop, function, {})
    toy = new_toy(shop, staff, "Bypassing Robot")
    table, dynamodb = "toyshop-local-toys", shop.client("dynamodb")
    item = dynamodb.get_item(TableName=table, Key={"id": {"S": toy["id"]}})["Item"]
    del item["sequence"]
    dynamodb.put_item(TableName=table, Item={**item, "name": {"S": "Circumvented"}})
    # WHEN it is found
    eventually(lambda: shop.api("GET", "/toys?q=circumvented").json["items"])
    # THEN the next snapshot is due
    functions.update_function_configuration(FunctionName=function, Environment=changed)
    assert invoke_with_schedule_event(shop, function, {}) is True
    functions.update_function_configuration(FunctionName=function, Environment=variables)


def test_backfill_of_older_orders(shop: Shop, alice: str) -> None:
    order = shop.place(alice)
    table, key = "toyshop-local-orders", {"id": {"S": order["id"]}}
    dynamodb = shop.client("dynamodb")
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="REMOVE #month",
        ExpressionAttributeNames={"#month": "month"},
    )
    filled = shop.run("backfill", "--stage", "local", "orders")
    assert filled.returncode == 0, filled.stderr
    assert "month" in dynamodb.get_item(TableName=table, Key=key)["Item"]


def test_charge_by_the_retry_queue(shop: Shop, alice: str, tap: Tap, queues: Queues) -> None:
    # GIVEN an order while the charge function is off
    with switched_off(shop, "payments-charge"):
        order = shop.place(alice)
        with event_about(tap, "shop.order.placed.v1", order["id"]) as events:
            pass
        # WHEN its event is in the retry queue and the gateway fails at first
        shop.gateway.add_fault("error_500", path="*/payment_intents", times=20)
        queues.send("payments-charge-retry", events[0])
        wait_for_call(shop, "payments-charge-retry", "sqs:ChangeMessageVisibility", "*")
        shop.gateway.clear_faults()
        # THEN it is charged
        shop.wait_for_payment(order["id"], alice, "succeeded")


def test_paying_again(shop: Shop, alice: str) -> None:
    order = shop.place(alice, "pm_card_chargeDeclined")
    shop.wait_for_payment(order["id"], alice, "declined")
    path, key = f"/orders/{order['id']}/payment", {"Idempotency-Key": "again"}
    body = {"payment_method": "pm_card_visa"}
    assert shop.api("POST", path, body, alice, key).status == 202
    shop.wait_for_payment(order["id"], alice, "succeeded")


def test_order_that_waits_for_the_bank_for_too_long(shop: Shop, alice: str) -> None:
    order = shop.place(alice, "pm_card_authenticationRequired")
    shop.wait_for_payment(order["id"], alice, "action_required")
    function = "toyshop-local-storefront-api-cancel-expired"
    functions = shop.client("lambda")
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]
    changed = {"Variables": variables["Variables"] | {"ACTION_TIMEOUT_HOURS": "0"}}
    functions.update_function_configuration(FunctionName=function, Environment=changed)
    assert invoke_with_schedule_event(shop, function, {})["cancelled"] >= 1
    functions.update_function_configuration(FunctionName=function, Environment=variables)
    shop.wait_for_payment(order["id"], alice, "cancelled")


def test_receipt_by_the_retry_queue(shop: Shop, alice: str, tap: Tap, queues: Queues) -> None:
    with switched_off(shop, "payments-fulfil"):
        order = shop.place(alice)
        shop.wait_for_payment(order["id"], alice, "succeeded")
        with switched_off(shop, "notifications-api-handler"):
            with event_about(tap, "shop.payment.succeeded.v1", order["id"]) as events:
                pass
            queues.send("payments-fulfil-retry", events[0])
            wait_for_call(shop, "payments-fulfil-retry", "sqs:ChangeMessageVisibility", "*")
        shop.wait_for_emails(order["id"], 1)


def test_image_by_the_retry_queue(shop: Shop, staff: str, tap: Tap, queues: Queues) -> None:
    content = png()
    with switched_off(shop, "toys-images"):
        # GIVEN an image of a toy, and an image of a toy that is deleted
        toy, withdrawn = (new_toy(shop, staff, f"Robot {n}") for n in ("Shown", "Withdrawn"))
        tickets = [announce(shop, staff, each["id"], len(content)) for each in (toy, withdrawn)]
        etag = {"If-Match": f'"{withdrawn["version"]}"'}
        gone = shop.api("DELETE", f"/toys/{withdrawn['id']}", None, staff, etag)
        assert gone.status == 204
        # and an interrupted check that had published the image
        public = {"Bucket": "toyshop-local-file-manager-public", "ContentType": "image/png"}
        key = f"files/{tickets[0]['image']['id']}"
        shop.client("s3").put_object(Key=key, Body=content, **public)
        assert shop.api("GET", f"/toys/{toy['id']}/images", token=staff).status == 200
        for ticket in tickets:
            upload(ticket, content, "image/png")
            with event_about(tap, "shop.file.ready.v1", ticket["image"]["id"]) as events:
                pass
            # WHEN their events are in the retry queue while file_manager is down
            with switched_off(shop, "file-manager-api-handler"):
                queues.send("toys-images-retry", events[0])
                if ticket is tickets[1]:
                    wait_for_call(shop, "toys-images-retry", "sqs:ChangeMessageVisibility", "*")
        # THEN the first is shown and the second is deleted
        eventually(lambda: shop.api("GET", f"/toys/{toy['id']}").json["images"])
        wait_for_call(shop, "toys-images-retry", "execute-api:Invoke", "*/DELETE/files/*")
        lost = tickets[1]["image"]["id"]
        eventually(lambda: lost not in shop.items("file-manager"))
    # and also when the event comes from the topic
    wait_for_call(shop, "toys-images", "execute-api:Invoke", "*/DELETE/files/*")


@pytest.mark.parametrize(
    ("function", "topic", "kind", "retry"),
    [
        ("payments-charge", "orders", "shop.order.placed.v1", "payments-charge-retry"),
        ("payments-charge-again", "payments", "shop.payment.retried.v1", "payments-charge-retry"),
        ("payments-fulfil", "payments", "shop.payment.succeeded.v1", "payments-fulfil-retry"),
        ("toys-images", "file-manager", "shop.file.ready.v1", "toys-images-retry"),
    ],
)
def test_invalid_message_is_parked(
    shop: Shop, queues: Queues, function: str, topic: str, kind: str, retry: str
) -> None:
    shop.client("sns").publish(
        TopicArn=topic_arn(topic),
        Message="{}",
        MessageAttributes={"type": {"DataType": "String", "StringValue": kind}},
    )
    queues.send(retry, {})
    for consumer in (function, retry):
        wait_for_call(shop, consumer, "sqs:SendMessage", "*-dead-letters")


@pytest.mark.parametrize(
    ("service", "item"),
    [
        ("orders", {}),
        # with a trace, without which the stream's filter drops it
        ("payments", {"status": {"S": "succeeded"}, "traceparent": {"S": "00-invalid"}}),
        ("file-manager", {"kind": {"S": "image"}, "status": {"S": "rejected"}}),
    ],
)
def test_record_that_is_not_an_event_is_parked(
    shop: Shop, service: str, item: dict[str, Any]
) -> None:
    table, key = f"toyshop-local-{service}", {"id": {"S": "broken"}}
    dynamodb = shop.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=key | item)
    wait_for_call(shop, f"{service}-on-dynamodb-record", "sqs:SendMessage", "*-relay-dead-letters")
    dynamodb.delete_item(TableName=table, Key=key)


def test_upload_that_cannot_be_checked_is_retried(shop: Shop, queues: Queues) -> None:
    # GIVEN an invalid item of a file
    file_id = "fil_" + "0" * 26
    dynamodb, key = shop.client("dynamodb"), {"id": {"S": file_id}}
    dynamodb.put_item(TableName="toyshop-local-file-manager", Item=key)
    # WHEN the event of its upload and an invalid message arrive
    record = {"s3": {"object": {"key": f"incoming/{file_id}"}}}
    queues.send("file-manager-uploads", {"Records": [record]})
    queues.send("file-manager-uploads", "poison")
    # THEN the first is delayed for a retry and the second is parked
    wait_for_call(shop, "file-manager-on-s3-event", "sqs:ChangeMessageVisibility", "*")
    wait_for_call(shop, "file-manager-on-s3-event", "sqs:SendMessage", "*-uploads-dead-letters")
    queues.empty("file-manager-uploads")
    dynamodb.delete_item(TableName="toyshop-local-file-manager", Key=key)


def test_no_function_was_denied_a_call(shop: Shop) -> None:
    refused = [entry for entry in decisions(shop) if not entry["allowed"]]
    assert refused == []


@pytest.mark.parametrize("role", sorted(POLICIES))
def test_every_call_is_allowed_by_the_policy_of_its_function(
    used: dict[str, set[Use]], role: str
) -> None:
    # by the policy of the role, not only by the policy of the resource
    beyond = {
        use for use in used[role] if not any(matches(use, pattern) for pattern in granted(role))
    }
    assert beyond == set()


@pytest.mark.parametrize("role", sorted(POLICIES))
def test_every_allowed_action_is_used(used: dict[str, set[Use]], role: str) -> None:
    unused = {
        pattern
        for pattern in granted(role)
        if not is_exception(pattern) and not any(matches(use, pattern) for use in used[role])
    }
    assert unused == set()


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda use: use.action)
def test_every_exception_is_an_allowed_action(exception: Use) -> None:
    assert any(matches(use, exception) for role in POLICIES for use in granted(role))
