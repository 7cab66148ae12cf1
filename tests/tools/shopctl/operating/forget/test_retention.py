"""What expires by itself is listed with its time."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from shopctl.aws.target import Target
from shopctl.operating.forget import queues as forget_queues
from shopctl.operating.forget import retention
from shopctl.project.layout import Layout
from support.moto_aws import client_of


@pytest.fixture(autouse=True)
def without_retry_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forget_queues, "waiting", lambda _: {"toyshop-local-x-retry": 2})


@pytest.fixture
def tables(target: Target) -> list[str]:
    """Create the tables of all services, one with point-in-time recovery."""
    names = [
        f"toyshop-local-{name}"
        for service in target.services
        for name in service.manifest.owns.tables
    ]
    for name in names:
        client_of("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
    client_of("dynamodb").update_continuous_backups(
        TableName="toyshop-local-orders",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    return names


def days_until(text: str) -> float:
    return (datetime.fromisoformat(text) - datetime.now(UTC)) / timedelta(days=1)


def test_everything_that_expires_is_listed_with_its_time(target: Target, tables: list[str]) -> None:
    logs = client_of("logs")
    for name, days in (
        ("/aws/lambda/toyshop-local-orders-api-handler", 30),
        ("/toyshop/local/erasures", 365),
        ("/aws/lambda/toyshop-local-toys-images", None),
        ("/aws/lambda/toyshop-prod-orders-api-handler", 30),
        ("/aws/lambda/another-shop", 30),
    ):
        logs.create_log_group(logGroupName=name)
        if days:
            logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    found = {(each["kind"], each["name"]): each["until"] for each in retention.remaining(target)}
    groups = {name: until for (kind, name), until in found.items() if kind == "log group"}
    assert sorted(groups) == [
        "/aws/lambda/toyshop-local-orders-api-handler",
        "/aws/lambda/toyshop-local-toys-images",
        "/toyshop/local/erasures",
    ]
    assert groups["/aws/lambda/toyshop-local-toys-images"] is None
    assert days_until(groups["/toyshop/local/erasures"]) == pytest.approx(365, abs=0.1)
    assert sorted(name for kind, name in found if kind == "stream") == sorted(tables)
    assert days_until(found["stream", tables[0]]) == pytest.approx(1, abs=0.1)
    (recovery,) = [each for each in found if each[0] == "point-in-time recovery"]
    assert recovery[1] == "toyshop-local-orders"
    assert days_until(found[recovery]) == pytest.approx(35, abs=0.1)
    assert days_until(found["retry queue", "toyshop-local-x-retry"]) == pytest.approx(14, abs=0.1)


def test_temporary_tables_of_backups_are_listed(target: Target, tables: list[str]) -> None:
    temporary = "toyshop-local-orders-at-20261130T070000Z"
    for name in (temporary, "toyshop-prod-orders-at-20261130T070000Z"):
        client_of("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
    found = [each for each in retention.remaining(target) if each["kind"] == "temporary table"]
    assert found == [{"kind": "temporary table", "name": temporary, "until": None}]


def test_backup_of_a_game_day_is_listed_until_it_is_deleted(
    target: Target, tables: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = dataclasses.replace(target, layout=Layout(target.layout.root, tmp_path))
    backup = tmp_path / "gameday-backup"

    def found(of: Target) -> list[tuple[str, str | None]]:
        remaining = retention.remaining(of)
        return [(each["name"], each["until"]) for each in remaining if each["kind"] == "backup"]

    assert found(local) == []
    backup.mkdir()
    assert found(local) == [(str(backup), None)]
    deployed = msgspec.structs.replace(local.stage, name="prod")
    monkeypatch.setattr(retention, "_tables", lambda *_: [])
    assert found(dataclasses.replace(local, stage=deployed)) == []
