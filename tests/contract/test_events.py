"""Events: what a producer emits is what the contract says, and what its consumers take.

The producer's side is its real ``events_of`` behind the real relay; the bytes that it publishes go
to the real consumer.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import jsonschema
import msgspec
import pytest

from contracts.events import EVENT_TYPES, CloudEvent
from support.downstream import FakeDownstream
from support.emitted_events import MESSAGES, TRACE, FakeGateway, all_messages, sns, transaction
from support.moto_aws import client_of, parked
from support.paths import ROOT


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted((ROOT / "apps").glob("*/service.toml")):
        yield tomllib.loads(path.read_text())


def test_every_type_of_the_contract_has_a_producer_that_says_so() -> None:
    assert set(MESSAGES) == set(EVENT_TYPES)
    emitted = {(name, m["name"]) for m in manifests() for name in m["events"]["emits"]}
    assert emitted == {(kind.name, kind.source.lstrip("/")) for kind in EVENT_TYPES.values()}


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_what_is_emitted_fulfils_the_contracts_schema(name: str) -> None:
    kind = EVENT_TYPES[name]
    schema = msgspec.json.schema(CloudEvent[kind.data])  # type: ignore[name-defined]
    event = json.loads(MESSAGES[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(event)
    # nothing travels that the contract does not know, and whatever is required is missed
    assert set(event["data"]) == {field.encode_name for field in msgspec.structs.fields(kind.data)}
    for attribute in ("id", "source", "type", "subject", "time", "data"):
        less = {key: value for key, value in event.items() if key != attribute}
        assert not jsonschema.Draft202012Validator(schema).is_valid(less), attribute


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_an_event_is_a_cloudevent_on_the_wire(name: str) -> None:
    event = json.loads(MESSAGES[name])
    assert event["specversion"] == "1.0"
    assert event["type"] == name
    assert event["source"] == EVENT_TYPES[name].source
    assert event["datacontenttype"] == "application/json"
    assert event["traceparent"] == TRACE
    assert event["time"] == "2026-11-24T01:02:03.000400Z"
    assert event["subject"] in ("ord_1", "fil_1")
    entity, version, rest = event["id"].split(".", 2)
    assert re.fullmatch(r"(ord|txn|fil)_\w+", entity)
    assert (int(version) >= 1, rest) == (True, name)
    # attribute names: lower-case letters and digits (CloudEvents 1.0, "Naming conventions")
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", attribute) for attribute in event)
    assert len(MESSAGES[name].encode()) < 64 * 1024


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_the_same_change_is_the_same_event(name: str) -> None:
    assert all_messages()[name] == MESSAGES[name]


def test_no_event_tells_a_secret() -> None:
    for message in MESSAGES.values():
        assert "pi_1_secret" not in message
        assert "fingerprint" not in message


def with_news(message: str) -> str:
    """Return an event as a later release may emit it: with a field more, at every depth."""

    def richer(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: richer(item) for name, item in value.items()} | {"news": {"a": [1]}}
        return [richer(item) for item in value] if isinstance(value, list) else value

    return json.dumps(richer(json.loads(message)))


@pytest.fixture
def payments(load_app: Callable[..., ModuleType]) -> ModuleType:
    """Return the payments app between a gateway and neighbours that agree to everything."""
    module = load_app("payments")
    from chalicelib.payments.bootstrap import build

    module.gateway = FakeGateway()
    module.neighbour = FakeDownstream(archiveDocument=lambda _: None, sendMessage=lambda _: None)
    module.components = build(module.settings, module.gateway, module.neighbour, module.neighbour)
    return module


def nothing_parked(service: str, *consumers: str) -> None:
    for consumer in consumers:
        assert parked(f"toyshop-local-{service}-{consumer}-dead-letters") == []


@pytest.mark.parametrize("news", [False, True], ids=["as emitted", "with news"])
def test_payments_charges_and_refunds_by_the_orders_events(
    payments: ModuleType, news: bool
) -> None:
    for name in ("shop.order.placed.v1", "shop.order.cancelled.v1"):
        message = MESSAGES[name]
        payments.charge(sns(with_news(message) if news else message), None)
    assert payments.gateway.steps == ["create ord_1", "confirm ord_1", "refund ord_1"]
    nothing_parked("payments", "charge")


@pytest.mark.parametrize("news", [False, True], ids=["as emitted", "with news"])
@pytest.mark.parametrize(
    ("outcome", "calls"),
    [
        ("succeeded", ["archiveDocument", "sendMessage"]),
        ("declined", ["sendMessage"]),
        ("action_required", ["sendMessage"]),
        ("refunded", ["sendMessage"]),
    ],
)
def test_payments_fulfils_by_its_own_events(
    payments: ModuleType, outcome: str, calls: list[str], news: bool
) -> None:
    client_of("dynamodb").put_item(
        TableName=payments.settings.table_name, Item=transaction(outcome).to_dynamodb_dict()
    )
    message = MESSAGES[f"shop.payment.{outcome}.v1"]
    payments.fulfil(sns(with_news(message) if news else message), None)
    assert payments.neighbour.pop_operations() == calls
    nothing_parked("payments", "fulfil")


@pytest.mark.parametrize("news", [False, True], ids=["as emitted", "with news"])
def test_toys_shows_a_picture_by_file_managers_event(
    load_app: Callable[..., ModuleType], api_of: Any, news: bool
) -> None:
    app = load_app("toys")
    api = api_of(app)
    draft = {
        "name": "Kite", "description": "", "category": "outdoor", "brand": "Windy",
        "price": {"amount": 1250, "currency": "AUD"}, "min_age": 6,
    }  # fmt: skip
    toy = api.call("POST", "/toys", draft).json_body
    message = all_messages(toy["id"])["shop.file.ready.v1"]
    app.images(sns(with_news(message) if news else message), None)
    shown = api.call("GET", f"/toys/{toy['id']}").json_body
    assert shown["images"] == [{"id": "fil_1", "url": "/files/fil_1", "alt": "A kite"}]
    nothing_parked("toys", "images")


CONSUMED_HERE = {
    "payments": {
        "shop.order.placed.v1",
        "shop.order.cancelled.v1",
        "shop.payment.succeeded.v1",
        "shop.payment.declined.v1",
        "shop.payment.action_required.v1",
        "shop.payment.refunded.v1",
    },
    "toys": {"shop.file.ready.v1"},
}


def test_every_consumer_of_the_manifests_is_tested_here() -> None:
    listening = {m["name"]: set(m["events"]["listens"]) for m in manifests()}
    assert {name: types for name, types in listening.items() if types} == CONSUMED_HERE
