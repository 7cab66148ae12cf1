"""A restore brings back what is missing, keeps what is newer, and refuses bad backups."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shopctl.aws.clients import Cloud
from shopctl.aws.target import Target
from shopctl.operating.backup import create, restore
from shopctl.operating.backup.restore import Counts, Options
from shopctl.project import services, stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from support.embedded_aws import EmbeddedAws, _table

Item = dict[str, Any]


def target(aws: EmbeddedAws, service: str) -> Target:
    layout = Layout.find()
    stage = msgspec.structs.replace(
        stages.load(layout.stages, "local"), aws=aws.cloud.endpoint, origin="http://shop.example"
    )
    cloud = Cloud("local", aws.cloud.endpoint, stage.region)
    return Target(layout, stage, cloud, tuple(services.load(layout.apps, [service])))


class Table:
    """A service's table on the embedded AWS, empty at the beginning."""

    def __init__(self, aws: EmbeddedAws, name: str) -> None:
        self.client, self.name = aws.client("dynamodb"), f"toyshop-local-{name}"
        if self.name not in self.client.list_tables()["TableNames"]:
            _table(aws, self.name)
        for key in self.items():
            self.delete(key)

    def put(self, key: str, version: int = 1, **more: str) -> None:
        item: Item = {"id": {"S": key}, "version": {"N": str(version)}}
        item |= {name: {"S": value} for name, value in more.items()}
        self.client.put_item(TableName=self.name, Item=item)

    def delete(self, key: str) -> None:
        self.client.delete_item(TableName=self.name, Key={"id": {"S": key}})

    def items(self) -> dict[str, Item]:
        pages = self.client.get_paginator("scan").paginate(TableName=self.name)
        return {item["id"]["S"]: item for page in pages for item in page["Items"]}


@pytest.fixture
def orders(aws: EmbeddedAws) -> Table:
    return Table(aws, "orders")


def restored(to: Target, directory: Path, **options: Any) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    restore.restore(to, directory, Options(**options), counts.__setitem__)
    return counts


def test_missing_and_older_items_are_restored_and_newer_ones_kept(
    aws: EmbeddedAws, orders: Table, tmp_path: Path
) -> None:
    to = target(aws, "orders")
    for key in ("equal", "lost", "newer", "older"):
        orders.put(key, version=2, state="saved")
    assert create.back_up(to, tmp_path / "b").tables[0].count == 4
    orders.delete("lost")
    orders.put("newer", version=3, state="changed")
    orders.put("older", version=1, state="stale")
    orders.put("placed later")
    # a dry run counts and changes nothing
    before = orders.items()
    assert restored(to, tmp_path / "b", dry_run=True) == {orders.name: Counts(2, 2)}
    assert orders.items() == before
    # WHEN it is restored
    assert restored(to, tmp_path / "b") == {orders.name: Counts(2, 2)}
    states = {key: item.get("state", {}).get("S") for key, item in orders.items().items()}
    assert states == {
        "equal": "saved",
        "lost": "saved",
        "newer": "changed",
        "older": "saved",
        "placed later": None,
    }
    # and again: nothing is written, so that no event is emitted either
    assert restored(to, tmp_path / "b") == {orders.name: Counts(0, 4)}


def test_exact_restore_makes_the_table_what_it_was(
    aws: EmbeddedAws, orders: Table, tmp_path: Path
) -> None:
    to = target(aws, "orders")
    for key in ("equal", "newer"):
        orders.put(key, state="saved")
    before = orders.items()
    create.back_up(to, tmp_path / "b")
    orders.put("newer", version=3, state="wrong")
    orders.put("placed later")
    assert restored(to, tmp_path / "b", exact=True) == {orders.name: Counts(1, 1, 1)}
    assert orders.items() == before


def test_item_that_changes_during_an_exact_restore_is_left_and_counted(
    aws: EmbeddedAws, orders: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = target(aws, "orders")
    orders.put("busy", state="saved")
    create.back_up(to, tmp_path / "b")
    orders.put("busy", version=2, state="read")
    read = restore.storage.items

    def change_after_reading(at: Target, table: str) -> list[Item]:
        found = list(read(at, table))
        orders.put("busy", version=3, state="meanwhile")
        return found

    monkeypatch.setattr(restore.storage, "items", change_after_reading)
    assert restored(to, tmp_path / "b", exact=True) == {orders.name: Counts(changed_meanwhile=1)}
    assert orders.items()["busy"]["state"] == {"S": "meanwhile"}


def test_interrupted_restore_is_continued(
    aws: EmbeddedAws, orders: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = target(aws, "orders")
    for number in range(40):
        orders.put(f"order {number}")
    before = orders.items()
    create.back_up(to, tmp_path / "b")
    for key in before:
        orders.delete(key)
    # GIVEN a restore that ends after some items
    put, calls = restore._Table._put, []

    def put_some(*arguments: Any) -> str:
        calls.append(arguments)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return put(*arguments)

    monkeypatch.setattr(restore._Table, "_put", put_some)
    with pytest.raises(KeyboardInterrupt):
        restored(to, tmp_path / "b")
    monkeypatch.undo()
    assert 0 < len(orders.items()) < 40
    # WHEN it is run again THEN it writes the rest
    done = len(orders.items())
    assert restored(to, tmp_path / "b") == {orders.name: Counts(40 - done, done)}
    assert orders.items() == before


def test_bad_backup_changes_nothing(aws: EmbeddedAws, orders: Table, tmp_path: Path) -> None:
    to = target(aws, "orders")
    orders.put("one", state="saved")
    create.back_up(to, tmp_path / "b")
    file = tmp_path / "b/table-orders.jsonl"
    file.write_text(file.read_text().replace("saved", "forged"))
    orders.put("one", version=0, state="present")
    with pytest.raises(ShopProblem, match="damaged"):
        restored(to, tmp_path / "b", exact=True)
    assert orders.items()["one"]["state"] == {"S": "present"}


@pytest.mark.parametrize("exact", [False, True])
def test_backup_of_another_service_or_stage_is_refused(
    aws: EmbeddedAws, orders: Table, tmp_path: Path, exact: bool
) -> None:
    to = target(aws, "orders")
    orders.put("one")
    create.back_up(to, tmp_path / "b")
    with pytest.raises(ShopProblem, match=r"is of orders, not of payments") as problem:
        restored(target(aws, "payments"), tmp_path / "b", exact=exact)
    assert "restore --stage local orders" in problem.value.remedy
    with pytest.raises(ShopProblem, match=r"of the stage local .*, not of nosuch"):
        restored(to, tmp_path / "b", exact=exact, from_stage="nosuch")
    manifest = tmp_path / "b/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"stage": "prod"}))
    with pytest.raises(ShopProblem, match="of the stage prod"):
        restored(to, tmp_path / "b", exact=exact)
    with pytest.raises(ShopProblem, match=r"of the stage prod .* not of staging"):
        restored(to, tmp_path / "b", exact=exact, from_stage="staging")
    assert restored(to, tmp_path / "b", from_stage="prod")


@pytest.mark.parametrize("dry_run", [False, True])
def test_backup_without_the_tables_of_the_service_is_refused(
    aws: EmbeddedAws, orders: Table, tmp_path: Path, dry_run: bool
) -> None:
    to = target(aws, "orders")
    create.back_up(to, tmp_path / "b")
    manifest = tmp_path / "b/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"tables": []}))
    with pytest.raises(ShopProblem, match="lacks the table orders of orders"):
        restored(to, tmp_path / "b", dry_run=dry_run)


def test_table_that_is_newer_than_the_backup_is_left_and_named(
    aws: EmbeddedAws, orders: Table, tmp_path: Path
) -> None:
    to = target(aws, "orders")
    orders.put("one")
    create.back_up(to, tmp_path / "b")
    (service,) = to.services
    owns = msgspec.structs.replace(service.manifest.owns, tables=("orders", "orders-notes"))
    manifest = msgspec.structs.replace(service.manifest, owns=owns)
    later = replace(to, services=(replace(service, manifest=manifest),))
    said: list[str] = []
    restore.restore(later, tmp_path / "b", Options(), say=said.append)
    assert said == ["The backup has no table orders-notes: it is left as it is."]


def test_service_without_data_is_refused(aws: EmbeddedAws, tmp_path: Path) -> None:
    with pytest.raises(ShopProblem, match="no table and no bucket"):
        create.back_up(target(aws, "storefront_api"), tmp_path / "b")


def test_missing_table_is_reported_and_leaves_no_backup(aws: EmbeddedAws, tmp_path: Path) -> None:
    with pytest.raises(ShopProblem, match="no table toyshop-local-notifications"):
        create.back_up(target(aws, "notifications"), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_toys_are_restored_so_that_the_change_log_learns_of_them(
    aws: EmbeddedAws, tmp_path: Path
) -> None:
    to, toys = target(aws, "toys"), Table(aws, "toys")
    aws.client("s3").create_bucket(Bucket="toyshop-local-toys-snapshots")
    toys.put("toy_1", sequence="7", name="Kite")
    toys.put("changes", sequence="7")
    toys.put("change#000000000007", toy_id="toy_1")
    manifest = create.back_up(to, tmp_path / "b")
    assert [table.count for table in manifest.tables] == [1]
    assert manifest.buckets == ()
    toys.delete("toy_1")
    toys.put("changes", version=2, sequence="8")
    restored(to, tmp_path / "b", exact=True)
    # the log goes on where it was, and the toy is in it with its next number
    items = toys.items()
    assert set(items) == {"toy_1", "changes", "change#000000000007"}
    assert items["changes"]["sequence"] == {"S": "8"}
    assert items["toy_1"] == {"id": {"S": "toy_1"}, "version": {"N": "1"}, "name": {"S": "Kite"}}


def test_objects_are_restored_with_their_headers_and_none_is_deleted(
    aws: EmbeddedAws, tmp_path: Path
) -> None:
    to, s3 = target(aws, "file_manager"), aws.client("s3")
    Table(aws, "file-manager")
    public, private = (f"toyshop-local-file-manager-{name}" for name in ("public", "private"))
    for bucket in (public, private):
        s3.create_bucket(Bucket=bucket)
    rule = {"ID": "abandoned", "Status": "Enabled", "Filter": {"Prefix": "incoming/"}}
    s3.put_bucket_lifecycle_configuration(
        Bucket=private, LifecycleConfiguration={"Rules": [rule | {"Expiration": {"Days": 1}}]}
    )
    s3.put_object(
        Bucket=private,
        Key="receipts/1.pdf",
        Body=b"receipt",
        ContentType="application/pdf",
        Metadata={"order": "1"},
    )
    s3.put_object(Bucket=private, Key="incoming/upload", Body=b"half")
    s3.put_object(Bucket=public, Key="images/1.webp", Body=b"image")
    manifest = create.back_up(to, tmp_path / "b")
    assert {bucket.name: bucket.count for bucket in manifest.buckets} == {
        "file-manager-public": 1,
        "file-manager-private": 1,
    }
    s3.delete_object(Bucket=private, Key="receipts/1.pdf")
    s3.put_object(Bucket=public, Key="images/1.webp", Body=b"changed")
    s3.put_object(Bucket=public, Key="images/2.webp", Body=b"later")
    counts = restored(to, tmp_path / "b")
    assert (counts[private], counts[public]) == (Counts(1, 0), Counts(0, 1))
    receipt = s3.get_object(Bucket=private, Key="receipts/1.pdf")
    assert (receipt["Body"].read(), receipt["ContentType"]) == (b"receipt", "application/pdf")
    assert receipt["Metadata"] == {"order": "1"}
    # with --exact, changed objects are replaced too
    restored(to, tmp_path / "b", exact=True)
    contents = {
        one["Key"]: s3.get_object(Bucket=public, Key=one["Key"])["Body"].read()
        for one in s3.list_objects_v2(Bucket=public)["Contents"]
    }
    assert contents == {"images/1.webp": b"image", "images/2.webp": b"later"}


class PointInTime:
    """DynamoDB as far as it restores a table to a point in time, on the embedded AWS's tables."""

    class exceptions:  # noqa: N801 - as botocore names it
        """The exceptions of the client."""

        class ResourceNotFoundException(Exception):
            """There is no such table."""

    def __init__(self, dynamodb: Any, source: str) -> None:
        self.calls: list[str] = []
        self.error: BaseException | None = None
        self._dynamodb, self._source, self._statuses = dynamodb, source, iter(["CREATING"])

    def describe_table(self, TableName: str) -> Any:  # noqa: N803
        if f"restore {TableName}" not in self.calls:
            raise self.exceptions.ResourceNotFoundException
        return {"Table": {"TableStatus": next(self._statuses, "ACTIVE")}}

    def restore_table_to_point_in_time(self, **arguments: Any) -> None:
        assert arguments["SourceTableName"] == self._source
        self.calls.append(f"restore {arguments['TargetTableName']}")

    def get_paginator(self, name: str) -> Any:
        pages = self._dynamodb.get_paginator(name)

        class Pages:
            def paginate(_, **arguments: Any) -> Any:  # noqa: N805
                self.calls.append(f"scan {arguments['TableName']}")
                if self.error:
                    raise self.error
                return pages.paginate(**arguments | {"TableName": self._source})

        return Pages()

    def delete_table(self, TableName: str) -> None:  # noqa: N803
        self.calls.append(f"delete {TableName}")


AT = datetime(2026, 11, 30, 7, 0, 0, 5, tzinfo=UTC)
TEMPORARY = "toyshop-local-orders-at-20261130T070000Z"


@pytest.fixture
def on_aws(
    aws: EmbeddedAws, orders: Table, monkeypatch: pytest.MonkeyPatch
) -> tuple[Target, PointInTime]:
    """Return the service orders of a stage on AWS, and its DynamoDB."""
    orders.put("one")
    to = target(aws, "orders")
    dynamodb = PointInTime(orders.client, orders.name)
    cloud = replace(to.cloud)
    monkeypatch.setattr(Cloud, "is_local", property(lambda _: False))
    monkeypatch.setattr(Cloud, "poll_seconds", property(lambda _: 0.0))
    monkeypatch.setattr(cloud, "account", lambda: "1")
    clients: Callable[..., Any] = lambda *_: dynamodb  # noqa: E731
    monkeypatch.setattr(cloud, "client", clients)
    return replace(to, cloud=cloud), dynamodb


def test_embedded_aws_has_no_point_in_time(aws: EmbeddedAws, tmp_path: Path) -> None:
    with pytest.raises(ShopProblem, match="no point-in-time recovery"):
        create.back_up(target(aws, "orders"), tmp_path / "b", AT)


def test_point_in_time_is_read_from_a_temporary_table(
    on_aws: tuple[Target, PointInTime], tmp_path: Path
) -> None:
    to, dynamodb = on_aws
    said: list[str] = []
    manifest = create.back_up(to, tmp_path / "b", AT, said.append)
    assert dynamodb.calls == [f"restore {TEMPORARY}", f"scan {TEMPORARY}", f"delete {TEMPORARY}"]
    assert TEMPORARY in said[0]
    assert manifest.moment == "2026-11-30T07:00:00Z"


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError("disk full"), "could not be backed up: disk full."),
        (ShopProblem("There is no table x.", "Deploy it."), "could not be backed up: There is no"),
        (KeyboardInterrupt(), ""),
    ],
)
def test_remaining_temporary_table_is_named(
    on_aws: tuple[Target, PointInTime], tmp_path: Path, error: BaseException, what: str
) -> None:
    # GIVEN a temporary table that cannot be read, or an operator who gives up
    to, dynamodb = on_aws
    dynamodb.error = error
    said: list[str] = []
    # WHEN the backup fails
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ShopProblem
    with pytest.raises(expected) as failed:
        create.back_up(to, tmp_path / "b", AT, said.append)
    # THEN the operator learns how to continue with the table, and how to delete it
    text = said[-1]
    if isinstance(failed.value, ShopProblem):
        assert what in failed.value.what
        text = failed.value.remedy
    assert f"The temporary table {TEMPORARY} may remain" in text
    assert "--at 2026-11-30T07:00:00Z" in text
    region = to.stage.region
    assert f"aws dynamodb delete-table --region {region} --table-name {TEMPORARY}" in text
    assert list(tmp_path.iterdir()) == []
    # AND a run with that time continues with it
    dynamodb.error = None
    create.back_up(to, tmp_path / "b", datetime.fromisoformat("2026-11-30T07:00:00Z"))
    assert dynamodb.calls.count(f"restore {TEMPORARY}") == 1
    assert dynamodb.calls[-1] == f"delete {TEMPORARY}"


@pytest.mark.parametrize(("service", "connects"), [("notifications", ""), ("orders", "deploy")])
def test_deleted_table_is_created_as_its_template_defines_it(
    aws: EmbeddedAws, tmp_path: Path, service: str, connects: str
) -> None:
    # GIVEN a backup of a table that is then deleted
    table = Table(aws, service)
    table.put("1")
    to = target(aws, service)
    create.back_up(to, tmp_path / "backup")
    table.client.delete_table(TableName=table.name)
    # WHEN it is restored, at first on trial
    said: list[str] = []
    tried = Options(dry_run=True)
    restore.restore(to, tmp_path / "backup", tried, say=said.append)
    assert said == [f"{table.name} does not exist and would be created."]
    assert table.name not in table.client.list_tables()["TableNames"]
    counted: dict[str, Counts] = {}
    restore.restore(to, tmp_path / "backup", Options(), counted.__setitem__, said.append)
    # THEN its items are back, and the operator learns what its new stream needs
    assert [*table.items()] == ["1"]
    assert counted[table.name] == Counts(written=1)
    assert said[1].startswith(f"{table.name} did not exist and was created.")
    described = table.client.describe_table(TableName=table.name)["Table"]
    indexes = {index["IndexName"] for index in described.get("GlobalSecondaryIndexes", [])}
    if connects:
        assert said[1].endswith(f"./shop deploy --stage local {service} connects its new stream.")
        assert indexes == {"by_customer", "by_month"}
        published = aws.client("ssm").get_parameter(Name=f"/toyshop/local/{service}/stream-arn")
        assert published["Parameter"]["Value"] == described["LatestStreamArn"]
    else:
        assert said[1].endswith("created.")
        assert not indexes
