"""Events: producers emit what the contract says, and consumers accept it.

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
from support.emitted_events import (
    CHANGES,
    MESSAGES,
    FakeGateway,
    all_messages,
    retried_transaction,
    reversed_transaction,
    transaction,
    with_unknown_fields,
)
from support.emitters import TRACE
from support.expectations import consumes, declared_events
from support.moto_aws import client_of, parked
from support.paths import ROOT
from support.payments import archived
from support.sns_notifications import sns


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted((ROOT / "apps").glob("*/service.toml")):
        yield tomllib.loads(path.read_text())


def test_every_event_type_has_a_producer_that_declares_it() -> None:
    assert set(MESSAGES) == set(EVENT_TYPES)
    emitted = {(name, m["name"]) for m in manifests() for name in m["events"]["emits"]}
    assert emitted == {(kind.name, kind.source.lstrip("/")) for kind in EVENT_TYPES.values()}


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_emitted_event_matches_the_schema_of_the_contract(name: str) -> None:
    kind = EVENT_TYPES[name]
    schema = msgspec.json.schema(CloudEvent[kind.data])  # type: ignore[name-defined]
    event = json.loads(MESSAGES[name])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(event)
    # it has no other field than the contract, and every required attribute is checked
    assert set(event["data"]) == {field.encode_name for field in msgspec.structs.fields(kind.data)}
    for attribute in ("id", "source", "type", "subject", "time", "data"):
        less = {key: value for key, value in event.items() if key != attribute}
        assert not jsonschema.Draft202012Validator(schema).is_valid(less), attribute


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_emitted_event_is_a_cloudevent(name: str) -> None:
    event = json.loads(MESSAGES[name])
    assert event["specversion"] == "1.0"
    assert event["type"] == name
    assert event["source"] == EVENT_TYPES[name].source
    assert event["datacontenttype"] == "application/json"
    assert event["traceparent"] == TRACE
    assert event["time"] == "2026-11-24T01:02:03.000400Z"
    assert re.fullmatch(r"[a-z]+_1", event["subject"])
    entity, version, rest = event["id"].split(".", 2)
    assert re.fullmatch(r"[a-z]{3,}_\w+", entity)
    assert (int(version) >= 1, rest) == (True, name)
    # attribute names: lower-case letters and digits (CloudEvents 1.0, "Naming conventions")
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", attribute) for attribute in event)
    assert len(MESSAGES[name].encode()) < 64 * 1024


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_same_change_emits_the_same_bytes(name: str) -> None:
    assert all_messages()[name] == MESSAGES[name]


def test_no_event_contains_a_secret() -> None:
    for message in MESSAGES.values():
        assert "pi_1_secret" not in message
        assert "fingerprint" not in message


@pytest.fixture
def payments(load_app: Callable[..., ModuleType]) -> ModuleType:
    """Return the payments app with a gateway and downstream services that accept everything."""
    module = load_app("payments")
    from chalicelib.payments.bootstrap import build

    module.gateway = FakeGateway()
    module.downstream = FakeDownstream(archiveDocument=archived, sendMessage=lambda _: None)
    module.components = build(module.settings, module.gateway, module.downstream, module.downstream)
    return module


def nothing_parked(service: str, *consumers: str) -> None:
    for consumer in consumers:
        assert parked(f"toyshop-local-{service}-{consumer}-dead-letters") == []


@consumes("payments", "shop.order.placed.v1", "shop.order.cancelled.v1")
@pytest.mark.parametrize("unknown_fields", [False, True], ids=["as emitted", "unknown fields"])
def test_payments_charges_and_refunds_on_order_events(
    payments: ModuleType, unknown_fields: bool
) -> None:
    for name in ("shop.order.placed.v1", "shop.order.cancelled.v1"):
        message = MESSAGES[name]
        payments.charge(sns(with_unknown_fields(message) if unknown_fields else message), None)
    assert payments.gateway.steps == ["create ord_1", "confirm ord_1", "refund ord_1"]
    nothing_parked("payments", "charge")


@consumes("payments", "shop.payment.retried.v1")
@pytest.mark.parametrize("unknown_fields", [False, True], ids=["as emitted", "unknown fields"])
def test_payments_charges_again_on_its_own_event(
    payments: ModuleType, unknown_fields: bool
) -> None:
    client_of("dynamodb").put_item(
        TableName=payments.settings.table_name, Item=retried_transaction().to_dynamodb_dict()
    )
    message = MESSAGES["shop.payment.retried.v1"]
    payments.charge_again(sns(with_unknown_fields(message) if unknown_fields else message), None)
    assert payments.gateway.steps == ["confirm ord_1"]
    nothing_parked("payments", "charge")


@consumes(
    "payments",
    "shop.payment.succeeded.v1",
    "shop.payment.declined.v1",
    "shop.payment.action_required.v1",
    "shop.payment.refunded.v1",
    "shop.payment.cancelled.v1",
)
@pytest.mark.parametrize("unknown_fields", [False, True], ids=["as emitted", "unknown fields"])
@pytest.mark.parametrize(
    ("outcome", "calls"),
    [
        ("succeeded", ["archiveDocument", "sendMessage"]),
        ("declined", ["sendMessage"]),
        ("action_required", ["sendMessage"]),
        ("refunded", ["sendMessage"]),
        ("cancelled", ["sendMessage"]),
    ],
)
def test_payments_fulfills_on_its_own_events(
    payments: ModuleType, outcome: str, calls: list[str], unknown_fields: bool
) -> None:
    client_of("dynamodb").put_item(
        TableName=payments.settings.table_name, Item=transaction(outcome).to_dynamodb_dict()
    )
    message = MESSAGES[f"shop.payment.{outcome}.v1"]
    payments.fulfil(sns(with_unknown_fields(message) if unknown_fields else message), None)
    assert payments.downstream.pop_operations() == calls
    nothing_parked("payments", "fulfil")


@consumes(
    "payments",
    "shop.payment.partially_refunded.v1",
    "shop.payment.refund_failed.v1",
    "shop.payment.disputed.v1",
    "shop.payment.dispute_closed.v1",
)
@pytest.mark.parametrize("unknown_fields", [False, True], ids=["as emitted", "unknown fields"])
@pytest.mark.parametrize("kind", CHANGES)
def test_payments_emails_about_refunds_and_disputes(
    payments: ModuleType, kind: str, unknown_fields: bool
) -> None:
    client_of("dynamodb").put_item(
        TableName=payments.settings.table_name,
        Item=reversed_transaction(CHANGES[kind]).to_dynamodb_dict(),
    )
    message = MESSAGES[kind]
    payments.fulfil(sns(with_unknown_fields(message) if unknown_fields else message), None)
    assert payments.downstream.pop_operations() == ["sendMessage"]
    nothing_parked("payments", "fulfil")


@consumes("toys", "shop.file.ready.v1")
@pytest.mark.parametrize("unknown_fields", [False, True], ids=["as emitted", "unknown fields"])
def test_toys_shows_an_image_on_the_event_of_file_manager(
    load_app: Callable[..., ModuleType], api_of: Any, unknown_fields: bool
) -> None:
    app = load_app("toys")
    api = api_of(app)
    draft = {
        "name": "Kite", "description": "", "category": "outdoor", "brand": "Windy",
        "price": {"amount": 1250, "currency": "AUD"}, "min_age": 6,
    }  # fmt: skip
    toy = api.call("POST", "/toys", draft).json_body
    message = all_messages(toy["id"])["shop.file.ready.v1"]
    app.images(sns(with_unknown_fields(message) if unknown_fields else message), None)
    shown = api.call("GET", f"/toys/{toy['id']}").json_body
    (image,) = shown["images"]
    assert (image["id"], image["url"], image["alt"]) == ("fil_1", "/files/fil_1", "A kite")
    assert (image["width"], image["height"]) == (640, 480)
    assert image["variants"] == [{"url": "/files/fil_1-320.webp", "width": 320}]
    nothing_parked("toys", "images")


def test_every_consumer_in_the_manifests_is_tested() -> None:
    listening = {(m["name"], kind) for m in manifests() for kind in m["events"]["listens"]}
    assert listening == declared_events()
