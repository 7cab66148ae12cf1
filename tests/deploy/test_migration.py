"""The migrations of docs/migrations.md, each while its stage is in use."""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.deploy.trial import ROOT, SERVICES, Customer, Trial, all_paid_once, ordering
from support.waiting import eventually

PATCHES = ROOT / "docs" / "migrations" / "compact-records"
TOYS_PATCH = ROOT / "docs" / "migrations" / "toys-change-log" / "contract.patch"
MIGRATED = ("orders", "payments", "file_manager")
TABLE = "toyshop-trial-orders"


@pytest.fixture
def stage(trial: Trial) -> Iterator[Trial]:
    with restored(trial, *MIGRATED):
        for patch in sorted(PATCHES.glob("*.patch"), reverse=True):
            apply(trial, patch, "-R")
        trial.shop("deploy", "--stage", "trial")
        yield trial


@contextmanager
def restored(trial: Trial, *services: str) -> Iterator[None]:
    """Delete the stage in the end, and restore the files of services."""
    folders = [trial.apps / service for service in services]
    before = {
        path: path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }
    try:
        yield
    finally:
        for path, content in before.items():
            path.write_bytes(content)
        for path in (path for folder in folders for path in [*folder.rglob("*.py")]):
            if path not in before:
                path.unlink()
        trial.shop("delete", "--stage", "trial")


class EventSubscriber:
    """Receives the events of the stage's orders like any subscriber."""

    def __init__(self, trial: Trial) -> None:
        self._sqs = trial.cloud.client("sqs")
        self._url = self._sqs.create_queue(QueueName=f"subscriber-{uuid.uuid4()}")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        trial.cloud.client("sns").subscribe(
            TopicArn=trial.published("orders/topic-arn"),
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )

    def kinds(self) -> dict[str, set[str]]:
        """Return the types of the events received so far, by order."""
        kinds: dict[str, set[str]] = {}
        while batch := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                event = json.loads(message["Body"])
                kinds.setdefault(event["subject"], set()).add(event["type"])
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return kinds


def apply(trial: Trial, patch: Path, *options: str) -> None:
    """Apply a patch of the migration to the apps, or undo it."""
    subprocess.run(
        ["git", "apply", *options, str(patch)],
        cwd=trial.apps.parent,
        # git must not patch a repository that contains the tests' directory
        env={"GIT_CEILING_DIRECTORIES": str(trial.apps.parent.parent), "PATH": "/usr/bin:/bin"},
        check=True,
    )


def release(trial: Trial, patch: str) -> None:
    """Apply a patch of the migration, and deploy the services that it changes."""
    apply(trial, PATCHES / patch)
    changed = [name for name in MIGRATED if f"apps/{name}/" in (PATCHES / patch).read_text()]
    trial.shop("deploy", "--stage", "trial", *changed)


def backfill(trial: Trial, *options: str) -> tuple[int, int]:
    """Backfill the stage's orders; return the numbers of incomplete and of completed records."""
    output = trial.shop("backfill", "--stage", "trial", "orders", *options)
    found = re.fullmatch(r"\d+ records read, (\d+) incomplete(?:, (\d+) filled in)?\.\n", output)
    assert found, output
    return int(found[1]), int(found[2] or 0)


def others(trial: Trial) -> dict[str, Any]:
    """Return when each stack of the other services was last changed."""
    return {
        name: stack.get("LastUpdatedTime", stack["CreationTime"])
        for name, stack in trial.stacks().items()
        if not name.startswith(tuple(f"toyshop-trial-{one.replace('_', '-')}" for one in MIGRATED))
    }


def listed(customer: Customer, cursor: str | None = None) -> list[str]:
    """Return the ids of the orders that a user sees, newest first, page by page."""
    found: list[str] = []
    path = "/orders?limit=3"
    while True:
        answer = customer.api("GET", path + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status == 200, answer.body
        found += [order["id"] for order in answer.json["items"]]
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return found


def indexes(trial: Trial, table: str = TABLE) -> set[str]:
    found = trial.cloud.client("dynamodb").describe_table(TableName=table)["Table"]
    return {index["IndexName"] for index in found.get("GlobalSecondaryIndexes", [])}


def test_table_is_migrated_while_orders_are_placed(stage: Trial) -> None:
    # GIVEN existing orders, a list read halfway, and a customer who keeps placing orders
    staff = Customer.of(stage)
    customer, subscriber = staff.shopper(), EventSubscriber(stage)
    old = [customer.order() for _ in range(7)]
    users = (customer, staff)
    first = [user.api("GET", "/orders?limit=3").json for user in users]
    unchanged = others(stage)

    def following() -> list[list[str]]:
        return [listed(user, page["next_cursor"]) for user, page in zip(users, first, strict=True)]

    with ordering(customer) as placed:
        # WHEN the index is added and backfilled
        release(stage, "1-expand.patch")
        assert backfill(stage, "--dry-run")[0] >= len(old)
        incomplete, filled = backfill(stage)
        assert incomplete >= len(old)
        assert filled == incomplete
        assert backfill(stage) == (0, 0)
        # AND lists read it; the release is rolled back, and made again
        release(stage, "2-read.patch")
        stage.shop("rollback", "--stage", "trial", "orders")
        during = [
            listed(user, page["next_cursor"]) for user, page in zip(users, first, strict=True)
        ]
        stage.shop("deploy", "--stage", "trial", "orders")
        rest = following()
        # AND the old one is removed
        release(stage, "3-contract.patch")
    # THEN the lists continue without a gap, also in the release that was rolled back
    for user, page, *others_of_it in zip(users, first, during, rest, strict=True):
        for found in others_of_it:
            assert [order["id"] for order in page["items"]] + found == old[::-1]
        assert listed(user) == [*placed.orders[::-1], *old[::-1]]
    assert indexes(stage) == {"by_customer", "by_month"}
    # AND every order was paid once, is unchanged, and its event was emitted once
    all_paid_once(stage, customer, placed)
    for order in (*old, *placed.orders):
        assert customer.api("GET", f"/orders/{order}").headers["ETag"] == '"1"'
    kinds = subscriber.kinds()
    assert set(kinds) == {*old, *placed.orders}
    assert set.union(*kinds.values()) == {"shop.order.placed.v1"}
    # AND no other service has changed
    assert others(stage) == unchanged
    assert len(unchanged) == 2 * (len(SERVICES) - len(MIGRATED))


def test_search_of_toys_is_migrated_while_toys_are_written(trial: Trial) -> None:
    table = "toyshop-trial-toys"
    with restored(trial, "toys"):
        # GIVEN a toy that the release before the change log writes again, beside the next one
        apply(trial, TOYS_PATCH, "-R")
        trial.shop("deploy", "--stage", "trial")
        staff, dynamodb = Customer.of(trial), trial.cloud.client("dynamodb")
        key = {"id": {"S": staff.toy}}
        item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
        assert item.pop("sequence")
        assert (item["listing"], indexes(trial, table)) == ({"S": "toy"}, {"by_listing"})
        changes = {"name": {"S": "Zeppelin"}, "version": {"N": "2"}}
        dynamodb.put_item(TableName=table, Item={**item, **changes})

        def found(text: str) -> list[str]:
            answer = staff.api("GET", f"/toys?q={text}")
            assert answer.status == 200, answer.body
            return [toy["id"] for toy in answer.json["items"]]

        # THEN the search finds it as it is now
        eventually(lambda: found("zeppelin") == [staff.toy])
        # WHEN the index that only that release reads is removed
        apply(trial, TOYS_PATCH)
        trial.shop("deploy", "--stage", "trial", "toys")
        assert indexes(trial, table) == set()
        # THEN every write is still visible to the next search
        assert found("zeppelin") == [staff.toy]
        path, version = f"/toys/{staff.toy}", {"If-Match": '"2"'}
        assert staff.api("PATCH", path, {"name": "Airship"}, **version).status == 200
        assert (found("zeppelin"), found("airship")) == ([], [staff.toy])


def test_service_without_a_backfill_is_refused(trial: Trial) -> None:
    output = trial.shop("backfill", "--stage", "trial", "toys", fails=True)
    assert output.startswith("toys has no function backfill. docs/migrations.md describes how")
