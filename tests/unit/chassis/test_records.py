"""Records: how models are bound to tables, and what that creates."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

import chassis.aws
from chassis import health
from chassis.records import Record, TableMeta, bind, read_items
from support.aws_calls import Original, Params, intercept
from support.moto_aws import aws, client_of

__all__ = ["aws"]


class FirstRecord(Record):
    class Meta(TableMeta):
        table_name = ""


class SecondRecord(Record):
    class Meta(TableMeta):
        table_name = ""


@pytest.fixture(autouse=True)
def two_tables(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    health.reset()
    for name in ("first", "second"):
        client_of("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    yield
    health.reset()
    chassis.aws.client.cache_clear()


@pytest.fixture
def made_by_botocore(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the clients that botocore creates during a test."""
    made: list[str] = []
    create_client = botocore.session.Session.create_client

    def client(self: Any, service: str, **keywords: Any) -> Any:
        made.append(service)
        return create_client(self, service, **keywords)

    monkeypatch.setattr(botocore.session.Session, "create_client", client)
    return made


def test_all_models_share_one_client_which_botocore_does_not_create(
    made_by_botocore: list[str],
) -> None:
    for model, table in ((FirstRecord, "first"), (SecondRecord, "second")):
        bind(model, table)
        assert list(model.scan()) == []
    first, second = (model._get_connection().connection for model in (FirstRecord, SecondRecord))
    assert first.client is second.client
    assert made_by_botocore == []


def test_all_models_share_one_client_of_botocore_if_a_profile_is_set(
    made_by_botocore: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[profile mine]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "mine")
    chassis.aws.session.cache_clear()
    for model, table in ((FirstRecord, "first"), (SecondRecord, "second")):
        bind(model, table)
        assert list(model.scan()) == []
    chassis.aws.session.cache_clear()
    assert made_by_botocore == ["dynamodb"]


def test_a_model_bound_again_uses_the_new_table() -> None:
    assert bind(FirstRecord, "old") is FirstRecord
    bind(FirstRecord, "new")
    table = FirstRecord._get_connection()
    assert table.table_name == "new"
    assert table.get_meta_table().table_name == "new"


def test_the_client_waits_and_retries_as_the_meta_class_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bind(FirstRecord, "first")
    made: list[dict[str, Any]] = []
    with monkeypatch.context() as patch:
        patch.setattr(chassis.aws, "client", lambda _, **options: made.append(options))
        assert FirstRecord._get_connection().connection.client is None
    assert made == [{"read_timeout": 3.0, "attempts": 4}]


def test_items_are_read_a_hundred_at_once_and_again_if_dynamodb_left_some_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bind(FirstRecord, "first")
    reads: list[list[str]] = []

    def read(_: Original, service: str, operation: str, params: Params) -> Any:
        assert (service, operation) == ("dynamodb", "BatchGetItem")
        request = params["RequestItems"]["first"]
        assert request["ConsistentRead"] is True
        keys = request["Keys"]
        reads.append([key["id"]["S"] for key in keys])
        # GIVEN that DynamoDB reads only half of what is asked for at first
        done = keys if len(reads) > 1 else keys[:50]
        left = {"first": {"Keys": keys[len(done) :]}} if len(done) < len(keys) else {}
        return {"Responses": {"first": list(done)}, "UnprocessedKeys": left}

    intercept(monkeypatch, read)
    ids = [f"{number:03}" for number in range(120)]
    # WHEN items are read, some of them twice
    found = [item["id"]["S"] for item in read_items(FirstRecord, [*ids, *ids])]
    # THEN each is read once
    assert found == ids
    assert list(map(len, reads)) == [100, 70]
    assert list(read_items(FirstRecord, [])) == []
