"""DynamoDB's units are computed by the rules of its developer guide."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.world.tables import Item
from support.world.usage import counted, index_write_units, item_size, read_units, write_units
from support.world.world import World

TABLE = "toyshop-local-orders"


def of_size(size: int, **values: Any) -> Item:
    """Return an item of a size in bytes."""
    item: Item = {"id": {"S": "x"}, **values, "fill": {"S": ""}}
    item["fill"]["S"] = "x" * (size - item_size(item))
    assert item_size(item) == size
    return item


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "abc"}, 3),
        ({"S": "é玩"}, 5),  # UTF-8
        ({"N": "0"}, 2),
        ({"N": "123"}, 3),  # a byte for two digits, and one more
        ({"N": "-123"}, 4),
        ({"N": "1000"}, 2),  # without trailing zeros
        ({"B": b"1234"}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": [{"S": "a"}, {"N": "1"}]}, 3 + 2 + 3),
        ({"M": {"k": {"S": "ab"}}}, 3 + 1 + 1 + 2),
    ],
)
def test_size_of_a_value(value: dict[str, Any], size: int) -> None:
    assert item_size({"name": value}) == len("name") + size


def test_write_takes_the_larger_of_the_items_before_and_after_it() -> None:
    assert write_units(None, of_size(1024)) == 1
    assert write_units(None, of_size(1025)) == 2
    assert write_units(of_size(3000), of_size(100)) == 3
    assert write_units(of_size(2500), None) == 3


def test_read_rounds_the_sum_up_and_costs_half_without_consistency() -> None:
    assert read_units([], consistent=True) == 1
    assert read_units([of_size(4096)], consistent=True) == 1
    assert read_units([of_size(4097)], consistent=False) == 1
    assert read_units([of_size(1000)] * 5, consistent=False) == 1


def test_index_is_written_only_where_an_entry_changes() -> None:
    keys, shown = ("owner", "at"), {"id", "owner", "at", "status"}
    entry = {"owner": {"S": "a"}, "at": {"S": "1"}, "status": {"S": "new"}}
    item = of_size(1500, **entry)
    assert index_write_units(None, item, keys, None) == 2
    assert index_write_units(None, item, keys, shown) == 1
    assert index_write_units(item, item | {"other": {"S": "x"}}, keys, shown) == 0
    assert index_write_units(item, item | {"status": {"S": "old"}}, keys, shown) == 1
    # another key: the entry is deleted and inserted
    assert index_write_units(item, item | {"owner": {"S": "b"}}, keys, shown) == 2
    # an item without a key is not in the index
    assert index_write_units(None, of_size(1500), keys, None) == 0


def test_failed_condition_and_transaction_and_batch_are_counted() -> None:
    with World() as world, counted(world) as usage:
        put = {"TableName": TABLE, "Item": of_size(2000)}
        world.cloud.call("dynamodb", "PutItem", put)
        condition = {
            "ConditionExpression": "attribute_not_exists (#0)",
            "ExpressionAttributeNames": {"#0": "id"},
        }
        with pytest.raises(ClientError):
            world.cloud.call("dynamodb", "PutItem", put | condition)
        assert usage.write_units == {"orders": 4}
        transaction = {
            "TransactItems": [{"Put": put}, {"Put": put | {"Item": {"id": {"S": "y"}}}}],
            "ClientRequestToken": "1",
        }
        world.cloud.call("dynamodb", "TransactWriteItems", transaction)
        assert usage.write_units == {"orders": 4 + 2 * (2 + 1)}
        keys = [{"id": {"S": key}} for key in ("x", "y", "none")]
        request = {"RequestItems": {TABLE: {"Keys": keys, "ConsistentRead": True}}}
        world.cloud.call("dynamodb", "BatchGetItem", request)
        assert usage.read_units == {"orders": 3}
