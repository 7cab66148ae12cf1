"""Records: how models are bound to tables, and what that creates."""

from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from moto import mock_aws

from chassis import aws, health
from chassis.records import Record, TableMeta, bind


class FirstRecord(Record):
    class Meta(TableMeta):
        table_name = ""


class SecondRecord(Record):
    class Meta(TableMeta):
        table_name = ""


@pytest.fixture(autouse=True)
def in_memory_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    aws.session.cache_clear()
    health.reset()
    with mock_aws():
        for name in ("first", "second"):
            boto3.client("dynamodb").create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        yield
    health.reset()
    aws.session.cache_clear()


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Return the sessions and the clients that are created during a test."""
    made: dict[str, list[Any]] = {"sessions": [], "clients": []}
    create_session, create_client = botocore.session.Session, botocore.session.Session.create_client

    def session(*arguments: Any, **keywords: Any) -> Any:
        made["sessions"].append(create_session(*arguments, **keywords))
        return made["sessions"][-1]

    def client(self: Any, *arguments: Any, **keywords: Any) -> Any:
        made["clients"].append((self, arguments[0]))
        return create_client(self, *arguments, **keywords)

    monkeypatch.setattr(create_session, "create_client", client)
    monkeypatch.setattr(botocore.session, "Session", session)
    return made


def test_all_models_share_the_session_of_the_process(created: dict[str, list[Any]]) -> None:
    # GIVEN two models, and a client of another service
    bind(FirstRecord, "first")
    bind(SecondRecord, "second")
    aws.client.cache_clear()
    aws.client("sns")
    # WHEN both tables are read, again and again
    for _ in range(3):
        for model in (FirstRecord, SecondRecord):
            assert list(model.scan()) == []
    # THEN there is one session, and one client for each table
    assert len(created["sessions"]) == 1
    services = [service for session, service in created["clients"]]
    assert services == ["sns", "dynamodb", "dynamodb"]
    assert all(session is created["sessions"][0] for session, _ in created["clients"])
    aws.client.cache_clear()


def test_binding_creates_no_client(created: dict[str, list[Any]]) -> None:
    bind(FirstRecord, "first")
    assert created == {"sessions": [], "clients": []}


def test_a_model_bound_again_uses_the_new_table_and_the_given_session() -> None:
    assert bind(FirstRecord, "old") is FirstRecord
    other = botocore.session.Session()
    bind(FirstRecord, "new", session=lambda: other)
    table = FirstRecord._get_connection()
    assert table.table_name == "new"
    assert table.connection.session is other
    assert table.get_meta_table().table_name == "new"


def test_the_clients_wait_as_long_as_the_meta_class_says() -> None:
    bind(FirstRecord, "first")
    config = FirstRecord._get_connection().connection.client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1.0, 3.0)
    assert config.retries["total_max_attempts"] == 4
