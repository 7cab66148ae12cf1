"""Queries of secondary indexes: in order, page by page, and without reading the whole partition."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.embedded_aws import EmbeddedAws

TABLE = "listed"
DEFINITION: dict[str, Any] = {
    "TableName": TABLE,
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("id", "S"), ("list", "S"), ("at", "N"))
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_list",
            "KeySchema": [
                {"AttributeName": "list", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}
CONDITIONS: dict[str, Callable[[int], bool]] = {
    "#l = :l": lambda _: True,
    "(#l = :l AND #a < :a)": lambda at: at < 9,
    "#l = :l AND #a <= :a": lambda at: at <= 9,
    "#l = :l AND #a > :a": lambda at: at > 9,
    "(#l = :l AND #a >= :a)": lambda at: at >= 9,
    "#l = :l AND #a = :a": lambda at: at == 9,
    "(#l = :l AND #a BETWEEN :a AND :b)": lambda at: 9 <= at <= 13,
    "#a > :a AND #l = :l": lambda at: at > 9,
}
COUNTING = f"""
import json
from ministack.services import dynamodb
from embedded_aws import ordered_items

ordered_items.install()
evaluated, evaluate = [], dynamodb._evaluate_condition
dynamodb._evaluate_condition = lambda *a, **k: evaluated.append(1) or evaluate(*a, **k)
dynamodb._create_table({DEFINITION!r})
for number in range(2000):
    item = dict(id=dict(S=str(number)), list=dict(S="l"), at=dict(N=str(number)))
    dynamodb._put_item(dict(TableName="{TABLE}", Item=item))
query = dict(TableName="{TABLE}", IndexName="by_list", Limit=4, ScanIndexForward=False)
query |= dict(KeyConditionExpression="#l = :l AND #a < :a")
query |= dict(ExpressionAttributeNames={{"#l": "list", "#a": "at"}})
query |= dict(ExpressionAttributeValues={{":l": dict(S="l"), ":a": dict(N="1000")}})
status, _, body = dynamodb._query(query)
found = [item["at"]["N"] for item in json.loads(body)["Items"]]
print(json.dumps([status, found, len(evaluated)]))
"""


@pytest.fixture(scope="module")
def items(aws: EmbeddedAws) -> dict[str, tuple[str, int]]:
    """Lists of which items were added, moved within their list and to another one, and deleted."""
    dynamodb, chance = aws.client("dynamodb"), random.Random(1)
    dynamodb.create_table(**DEFINITION)
    stored: dict[str, tuple[str, int]] = {}
    for step in range(200):
        # AND the index is read now and then, so that it is kept up to date
        if step % 50 == 10:
            list(listed(aws, "#l = :l", "a", forward=True, limit=3))
        key = f"item-{chance.randrange(60)}"
        if chance.random() < 0.2:
            dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": key}})
            stored.pop(key, None)
            continue
        stored[key] = (chance.choice("ab"), chance.randrange(20))
        name, at = stored[key]
        dynamodb.update_item(
            TableName=TABLE,
            Key={"id": {"S": key}},
            UpdateExpression="SET #l = :l, #a = :a",
            ExpressionAttributeNames={"#l": "list", "#a": "at"},
            ExpressionAttributeValues={":l": {"S": name}, ":a": {"N": str(at)}},
        )
    return stored


def listed(
    aws: EmbeddedAws, condition: str, name: str, *, forward: bool, limit: int | None
) -> Iterator[str]:
    """Yield the ids of a list's items, page by page."""
    values = {":l": {"S": name}, ":a": {"N": "9"}, ":b": {"N": "13"}}
    query: dict[str, Any] = {
        "TableName": TABLE,
        "IndexName": "by_list",
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {
            name: value for name, value in {"#l": "list", "#a": "at"}.items() if name in condition
        },
        "ExpressionAttributeValues": {
            name: value for name, value in values.items() if name in condition
        },
        "ScanIndexForward": forward,
        **({"Limit": limit} if limit else {}),
    }
    while True:
        answer = aws.client("dynamodb").query(**query)
        assert limit is None or len(answer["Items"]) <= limit
        yield from (item["id"]["S"] for item in answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_query_returns_the_items_of_a_list_in_order(
    aws: EmbeddedAws, items: dict[str, tuple[str, int]], condition: str
) -> None:
    for name, forward, limit in itertools.product("abc", (True, False), (None, 1, 4, 100)):
        expected = sorted(
            (at, key)
            for key, (place, at) in items.items()
            if place == name and CONDITIONS[condition](at)
        )
        if not forward:
            expected.reverse()
        found = list(listed(aws, condition, name, forward=forward, limit=limit))
        assert found == [key for _, key in expected]


def test_query_evaluates_only_what_it_returns(aws: EmbeddedAws) -> None:
    assert aws.run_inside(COUNTING) == [200, ["999", "998", "997", "996"], 4]


SCANNING = f"""
import json
from ministack.services import dynamodb
from embedded_aws import ordered_items

ordered_items._SCANNED = 50
ordered_items.install()
dynamodb._create_table({DEFINITION!r})
ids = [str(number) for number in range(300)]
for number in ids:
    dynamodb._put_item(dict(TableName="{TABLE}", Item=dict(id=dict(S=number))))
for number in ids[::3]:
    dynamodb._delete_item(dict(TableName="{TABLE}", Key=dict(id=dict(S=number))))
expected = sorted(set(ids) - set(ids[::3]))
compared, follows = [], dynamodb._apply_exclusive_start_key_scan
dynamodb._apply_exclusive_start_key_scan = lambda items, *rest: (
    compared.append(len(items)) or follows(items, *rest)
)
pages = []
for limit in (None, 7, 50, 120):
    scan, found = dict(TableName="{TABLE}", **(dict(Limit=limit) if limit else dict())), []
    while True:
        answer = json.loads(dynamodb._scan(scan)[2])
        found += [item["id"]["S"] for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            break
        scan["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    pages.append([limit, found == expected, max(compared, default=0)])
    compared.clear()
print(json.dumps(pages))
"""


def test_page_of_a_scan_reads_what_follows_its_position(aws: EmbeddedAws) -> None:
    # a page that does not end among these items is read again, from the whole table
    expected = [[None, True, 0], [7, True, 50], [50, True, 50], [120, True, 200]]
    assert aws.run_inside(SCANNING) == expected
