"""Records: conditional writes, what re-emits events, and the trace of a write."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pynamodb.exceptions import DeleteError, PutError, UpdateError

from chassis import context, health
from chassis.records import Record, TableMeta, bind
from support.moto_aws import aws, client_of

__all__ = ["aws"]

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class ThingRecord(Record):
    class Meta(TableMeta):
        table_name = ""


def stored() -> dict[str, Any] | None:
    item = client_of("dynamodb").get_item(
        TableName="things", Key={"id": {"S": "one"}}, ConsistentRead=True
    )
    found: dict[str, Any] | None = item.get("Item")
    return found


def thing(version: int = 1, **more: Any) -> ThingRecord:
    return ThingRecord(id="one", version=version, created_at=NOW, updated_at=NOW, **more)


@pytest.fixture
def table(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client_of("dynamodb").create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    bind(ThingRecord, "things")
    yield
    health.reset()


@pytest.mark.usefixtures("table")
class TestConditionalWrites:
    """A write whose condition fails changes nothing and says so; any other error is raised."""

    def test_put_writes_only_if_its_condition_holds(self) -> None:
        assert thing().put(ThingRecord.id.does_not_exist())
        before = stored()
        assert not thing(2).put(ThingRecord.id.does_not_exist())
        assert not thing(4).put(ThingRecord.version == 3)
        assert stored() == before
        assert thing(2).put(ThingRecord.version == 1)
        assert (stored() or {})["version"] == {"N": "2"}

    def test_remove_deletes_only_if_its_condition_holds(self) -> None:
        thing().put(ThingRecord.id.does_not_exist())
        assert not thing().remove(ThingRecord.version == 2)
        assert stored()
        assert thing().remove(ThingRecord.version == 1)
        assert stored() is None
        assert not thing().remove(ThingRecord.version == 1)

    def test_fill_in_writes_only_to_the_version_that_was_read(self) -> None:
        thing(2).put(ThingRecord.id.does_not_exist())
        assert not thing(1).fill_in({"traceparent": "00-a"})
        assert "traceparent" not in (stored() or {})
        assert thing(2).fill_in({"traceparent": "00-a"})
        assert (stored() or {})["traceparent"] == {"S": "00-a"}
        assert (stored() or {})["version"] == {"N": "2"}

    def test_reemit_counts_and_keeps_the_version_of_what_is_stored(self) -> None:
        assert not ThingRecord(id="one").reemit()
        assert stored() is None
        thing(2, traceparent="00-a").put(ThingRecord.id.does_not_exist())
        with context.entered({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}, budget=5):
            for _ in range(2):
                assert ThingRecord(id="one").reemit()
        item = stored() or {}
        assert (item["version"], item["reemitted"]) == ({"N": "2"}, {"N": "2"})
        assert item["traceparent"]["S"].split("-")[1] == "a" * 32

    def test_any_other_error_is_raised(self) -> None:
        client_of("dynamodb").delete_table(TableName="things")
        with pytest.raises(PutError, match="not found"):
            thing().put(ThingRecord.id.does_not_exist())
        with pytest.raises(DeleteError, match="not found"):
            thing().remove(ThingRecord.version == 1)
        with pytest.raises(UpdateError, match="not found"):
            thing().fill_in({"traceparent": "00-a"})
        with pytest.raises(UpdateError, match="not found"):
            thing().reemit()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, thing(1, reemitted=1), False),
        (thing(1), thing(1), False),
        (thing(1), thing(1, reemitted=1), True),
        (thing(1, reemitted=1), thing(1, reemitted=2), True),
        (thing(1, reemitted=1), thing(2), False),  # a write, which drops the count
        (thing(1), thing(2, reemitted=1), False),
    ],
)
def test_only_a_write_without_a_new_version_reemits(
    before: ThingRecord | None, after: ThingRecord, expected: bool
) -> None:
    assert after.is_reemitted(before) is expected


def test_a_record_without_a_trace_has_none_for_its_event() -> None:
    assert thing(traceparent="00-a").trace == "00-a"
    assert thing().trace is msgspec.UNSET
    assert thing(traceparent="").trace is msgspec.UNSET
