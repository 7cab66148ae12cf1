"""What a team would write instead does what is compared: one test for all of ``peers/``."""

import copy
import importlib.util
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import boto3
import pytest
from moto import mock_aws

from support.paths import ROOT

BENCHMARKS = ROOT / "benchmarks"
PEERS = sorted(path.parent for path in BENCHMARKS.glob("peers/*/app.py"))
Call = Callable[..., tuple[int, Any]]


def load(name: str, path: Path) -> ModuleType:
    """Return a module of a file; every call makes a new one."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # pydantic looks the module of a model up
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


compare = load("benchmarks_compare", BENCHMARKS / "compare.py")
cold_start = compare.cold_start
ORDER = cold_start.ORDER


class Context:
    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = "peer"


ENVIRONMENT = {
    "TABLE": "peers",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "1",
    "AWS_SECRET_ACCESS_KEY": "1",
}


@pytest.fixture(params=PEERS, ids=lambda path: path.name, scope="module")
def call(request: pytest.FixtureRequest) -> Iterator[Call]:
    """A function that calls a peer with method, resource and so on, and returns its answer."""
    with mock.patch.dict(os.environ, ENVIRONMENT), mock_aws():
        table = boto3.resource("dynamodb").create_table(
            TableName="peers",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        table.put_item(Item=compare.STORED_TOY)
        app = load(f"peer_{request.param.name}", request.param / "app.py")

        def call(*event: Any) -> tuple[int, Any]:
            answer = app.lambda_handler(cold_start.request(*event), Context())
            return answer["statusCode"], json.loads(answer["body"])

        yield call


def changed(**members: Any) -> Any:
    """Return the body of a new order with other members."""
    return {**copy.deepcopy(ORDER), "idempotency_key": str(uuid.uuid4()), **members}


def test_there_are_four_peers_and_each_is_pinned() -> None:
    assert [path.name for path in PEERS] == ["boto3", "chalice", "fastapi", "powertools"]
    locked = (ROOT / "requirements/bench.txt").read_text().splitlines()
    for peer in PEERS:
        for name in (peer / "requirements.txt").read_text().split():
            assert any(line.startswith(f"{name}==") for line in locked), name


def test_toy_is_answered(call: Call) -> None:
    toy_id = compare.STORED_TOY["id"]
    assert call("GET", "/toys/{toy_id}", {"toy_id": toy_id}) == (200, compare.STORED_TOY)


def test_unknown_toy_is_not_found(call: Call) -> None:
    status, _ = call("GET", "/toys/{toy_id}", {"toy_id": "toy_unknown"})
    assert status == 404


def test_order_is_placed_with_computed_totals(call: Call) -> None:
    lines = [
        {**ORDER["lines"][0], "quantity": 3},
        {**ORDER["lines"][0], "toy_id": "toy_2", "unit_price": {"amount": 99, "currency": "AUD"}},
    ]
    status, order = call("POST", "/orders", None, changed(lines=lines))
    assert status == 201
    assert [line["total"]["amount"] for line in order["lines"]] == [3750, 198]
    assert order["total"] == {"amount": 3948, "currency": "AUD"}
    assert order["shipping_address"] == ORDER["shipping_address"]
    assert (order["status"], order["version"]) == ("placed", 1)
    assert order["id"].startswith("ord_")
    assert order["placed_at"]


def test_replay_is_answered_with_the_stored_order(call: Call) -> None:
    body = changed()
    status, order = call("POST", "/orders", None, body)
    assert status == 201
    assert call("POST", "/orders", None, body) == (200, order)
    # AND another key or customer places another order
    for other in ({"idempotency_key": str(uuid.uuid4())}, {"customer_id": "cus_2"}):
        status, another = call("POST", "/orders", None, {**body, **other})
        assert status == 201
        assert another["id"] != order["id"]


def test_key_of_another_order_is_refused(call: Call) -> None:
    body = changed()
    call("POST", "/orders", None, body)
    status, _ = call("POST", "/orders", None, {**body, "fingerprint": "1" * 64})
    assert status == 422


LINE = ORDER["lines"][0]


@pytest.mark.parametrize(
    "members",
    [
        {"customer_id": ""},
        {"customer_id": 1},
        {"fingerprint": "x"},
        {"contact": {"email": "nobody", "name": "A"}},
        {"contact": {"email": "a@example.com"}},
        {"lines": []},
        {"lines": [LINE] * 51},
        {"lines": [{**LINE, "quantity": 0}]},
        {"lines": [{**LINE, "quantity": "1"}]},
        {"lines": [{**LINE, "quantity": True}]},
        {"lines": [{**LINE, "unit_price": {"amount": -1, "currency": "AUD"}}]},
        {"lines": [LINE, {**LINE, "unit_price": {"amount": 1, "currency": "EUR"}}]},
        {"shipping_address": None},
        {"shipping_address": {**ORDER["shipping_address"], "planet": "Mars"}},
        {"unknown": 1},
    ],
    ids=str,
)
def test_invalid_order_is_refused(call: Call, members: dict[str, Any]) -> None:
    status, _ = call("POST", "/orders", None, changed(**members))
    assert status == 422
