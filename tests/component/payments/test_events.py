"""The events that a transaction emits, at first and when it is re-emitted."""

import json
from types import ModuleType
from typing import Any

import boto3
import msgspec
import pytest

from chalicelib.payments.domain import transaction_id
from chalicelib.payments.gateway import GatewayUnavailableError
from contracts.events import EVENT_TYPES, ORDER_CANCELLED, ORDER_PLACED
from gateway_simulator.client import ControlClient
from support.moto_aws import StreamOf, TopicSpy
from support.payments import event_of, order_of, outcomes, transaction
from support.sns_notifications import sns


def test_each_outcome_emits_one_event_and_the_receipt_none(app: ModuleType) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    (paid,) = outcomes(app, stream, spy)
    assert paid["type"] == "shop.payment.succeeded.v1"
    assert paid["id"] == f"{paid['data']['transaction_id']}.2.shop.payment.succeeded.v1"
    data = msgspec.convert(paid["data"], EVENT_TYPES[paid["type"]].data)
    assert data.order_id == order.id
    # what the receipt needs
    assert (data.card_last4, data.placed_at) == ("4242", order.placed_at)
    assert data.shipping_address == order.shipping_address
    app.fulfil(sns(json.dumps(paid)), None)
    assert outcomes(app, stream, spy) == []
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert [event["type"] for event in outcomes(app, stream, spy)] == ["shop.payment.refunded.v1"]


def test_reemitted_transaction_emits_each_outcome_unchanged(app: ModuleType, api: Any) -> None:
    # GIVEN a payment with a receipt that was refunded later
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    emitted = outcomes(app, stream, spy)
    app.fulfil(sns(json.dumps(emitted[0])), None)
    emitted += outcomes(app, stream, spy)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    emitted += outcomes(app, stream, spy)
    stored = transaction(api, order)
    assert stored is not None
    # WHEN it is re-emitted
    answer = api.call("POST", f"/transactions/{stored['id']}/events")
    assert (answer.status_code, answer.body) == (202, b"")
    again = outcomes(app, stream, spy)
    # THEN the same events are emitted, and the transaction has not changed
    assert [event | {"traceparent": ""} for event in again] == [
        event | {"traceparent": ""} for event in emitted
    ]
    assert transaction(api, order) == stored
    assert api.call("POST", "/transactions/txn_none/events").status_code == 404


def test_reemitted_transaction_of_an_earlier_release_emits_its_last_outcome(
    app: ModuleType, api: Any
) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of("pm_card_chargeDeclinedInsufficientFunds")
    app.charge(event_of(ORDER_PLACED, order), None)
    (declined,) = outcomes(app, stream, spy)
    # GIVEN a record that was stored without outcomes
    table = boto3.resource("dynamodb").Table("toyshop-local-payments")
    key = {"id": declined["data"]["transaction_id"]}
    table.update_item(Key=key, UpdateExpression="REMOVE outcomes")
    assert outcomes(app, stream, spy) == []
    api.call("POST", f"/transactions/{key['id']}/events")
    (again,) = outcomes(app, stream, spy)
    assert again | {"traceparent": ""} == declined | {"traceparent": ""}


def test_transaction_without_a_trace_emits_an_event_of_a_new_trace(app: ModuleType) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    table = boto3.resource("dynamodb").Table("toyshop-local-payments")
    key = {"id": transaction_id(order.id)}
    table.update_item(Key=key, UpdateExpression="REMOVE traceparent")
    (event,) = outcomes(app, stream, spy)
    assert event["type"] == "shop.payment.succeeded.v1"
    assert len(event["traceparent"]) == 55


def test_pending_payment_emits_nothing(app: ModuleType, api: Any, gateway: ControlClient) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of()
    gateway.add_fault("throttle", path="*/confirm", times=5)
    with pytest.raises(GatewayUnavailableError):
        app.charge(event_of(ORDER_PLACED, order), None)
    pending = transaction(api, order)
    assert pending is not None
    assert pending["status"] == "pending"
    assert outcomes(app, stream, spy) == []
    assert api.call("POST", f"/transactions/{pending['id']}/events").status_code == 202
    assert outcomes(app, stream, spy) == []
