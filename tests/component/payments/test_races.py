"""Payments whose record another delivery changes between a read and the write that follows it."""

import json
from types import ModuleType
from typing import Any

import pytest

from chalicelib.payments.gateway import GatewayUnavailableError, StripeGateway
from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from contracts.orders import Order
from gateway_simulator.client import ControlClient
from support.moto_aws import StreamOf, TopicSpy
from support.payments import (
    event_of,
    intent_of,
    money_moved,
    order_of,
    outcomes,
    paid_event,
    signed,
    transaction,
    webhook_event,
)
from support.races import BeforeWrite
from support.sns_notifications import sns

CHARGED = ("charge", "succeeded", 2500)
REFUNDED = ("refund", "succeeded", 2500)


@pytest.fixture
def order() -> Order:
    return order_of()


def place(app: ModuleType, order: Order) -> None:
    app.charge(event_of(ORDER_PLACED, order), None)


def cancel(app: ModuleType, order: Order) -> None:
    app.charge(event_of(ORDER_CANCELLED, order), None)


def confirm(app: ModuleType, order: Order) -> None:
    """Confirm an order's intent at the gateway, like a delivery that crashes before its record."""
    gateway = StripeGateway("sk_test_x", app.settings.stripe_api_base)
    gateway.confirm(intent_of(order), order.id, order.payment_method, 1)


def receive(api: Any, kind: str, order: Order) -> None:
    payload = webhook_event(f"payment_intent.{kind}", order, intent_of(order))
    assert api.call("POST", "/webhooks", signed(payload)).status_code == 204


def stored(api: Any, order: Order) -> dict[str, Any]:
    found = transaction(api, order)
    assert found is not None
    return found


def test_cancellation_during_the_creation_of_the_intent_prevents_the_charge(
    app: ModuleType, api: Any, gateway: ControlClient, order: Order, before_write: BeforeWrite
) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    before_write(lambda: cancel(app, order))
    place(app, order)
    # THEN the record of the cancellation stays, and nothing is charged, even by a redelivery
    place(app, order)
    assert (stored(api, order)["status"], stored(api, order)["version"]) == ("cancelled", 1)
    assert money_moved(gateway, order) == []
    assert [event["type"] for event in outcomes(app, stream, spy)] == ["shop.payment.cancelled.v1"]


def test_cancellation_before_the_charge_is_recorded_refunds_it(
    app: ModuleType, api: Any, gateway: ControlClient, order: Order, before_write: BeforeWrite
) -> None:
    # WHEN the order is cancelled before the result of its confirmation is recorded
    before_write(lambda: cancel(app, order), write=2)
    place(app, order)
    # THEN the charge is refunded, and the late result does not overwrite that
    assert stored(api, order)["status"] == "refunded"
    assert money_moved(gateway, order) == [CHARGED, REFUNDED]


def test_order_charged_while_it_is_cancelled_is_refunded(
    app: ModuleType, api: Any, gateway: ControlClient, order: Order, before_write: BeforeWrite
) -> None:
    # WHEN the charge completes after the cancellation has found no payment
    before_write(lambda: place(app, order))
    cancel(app, order)
    assert stored(api, order)["status"] == "refunded"
    assert money_moved(gateway, order) == [CHARGED, REFUNDED]


def test_intent_recorded_while_the_order_is_cancelled_is_cancelled(
    app: ModuleType, api: Any, gateway: ControlClient, order: Order, before_write: BeforeWrite
) -> None:
    def place_in_vain() -> None:
        gateway.add_fault("throttle", path="*/confirm", times=1)
        with pytest.raises(GatewayUnavailableError):
            place(app, order)

    # WHEN the charge has recorded its intent after the cancellation has found no payment
    before_write(place_in_vain)
    cancel(app, order)
    # THEN its retry charges nothing
    place(app, order)
    assert stored(api, order)["status"] == "cancelled"
    assert money_moved(gateway, order) == []


def test_receipt_recorded_while_a_refund_is_recorded_is_kept(
    app: ModuleType, api: Any, gateway: ControlClient, order: Order, before_write: BeforeWrite
) -> None:
    paid = paid_event(app, order)
    before_write(lambda: app.fulfil(paid, None))
    cancel(app, order)
    found = stored(api, order)
    assert (found["status"], found["version"]) == ("refunded", 4)
    assert found["receipt_file_id"] == app.file_manager.calls[0].path["file_id"]
    assert money_moved(gateway, order) == [CHARGED, REFUNDED]


def test_refund_recorded_while_a_receipt_is_recorded_is_kept(
    app: ModuleType, api: Any, order: Order, before_write: BeforeWrite
) -> None:
    paid = paid_event(app, order)
    before_write(lambda: cancel(app, order))
    app.fulfil(paid, None)
    found = stored(api, order)
    assert (found["status"], found["version"]) == ("refunded", 4)
    assert found["receipt_file_id"] == app.file_manager.calls[0].path["file_id"]


def test_receipt_recorded_by_another_delivery_meanwhile_adds_no_version(
    app: ModuleType, api: Any, order: Order, before_write: BeforeWrite
) -> None:
    paid = paid_event(app, order)
    before_write(lambda: app.fulfil(paid, None))
    app.fulfil(paid, None)
    assert stored(api, order)["version"] == 3


def test_success_is_recorded_although_a_decline_was_recorded_meanwhile(
    app: ModuleType, api: Any, order: Order, before_write: BeforeWrite
) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    before_write(lambda: receive(api, "payment_failed", order), write=2)
    place(app, order)
    found = stored(api, order)
    assert (found["status"], found["decline_code"], found["version"]) == ("succeeded", None, 3)
    assert [event["type"] for event in outcomes(app, stream, spy)] == [
        "shop.payment.declined.v1",
        "shop.payment.succeeded.v1",
    ]


def test_success_recorded_meanwhile_by_a_webhook_is_not_overwritten(
    app: ModuleType, api: Any, before_write: BeforeWrite
) -> None:
    # WHEN the shopper has confirmed before the charge records that an action is required
    order = order_of("pm_card_authenticationRequired")
    before_write(lambda: receive(api, "succeeded", order), write=2)
    place(app, order)
    found = stored(api, order)
    assert (found["status"], found["client_secret"], found["version"]) == ("succeeded", None, 2)


@pytest.mark.parametrize("write", [1, 2])
def test_two_concurrent_deliveries_charge_once(
    app: ModuleType, api: Any, gateway: ControlClient, order: Order, before_write: BeforeWrite,
    write: int,
) -> None:  # fmt: skip
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    before_write(lambda: place(app, order), write=write)
    place(app, order)
    assert (stored(api, order)["status"], stored(api, order)["version"]) == ("succeeded", 2)
    assert money_moved(gateway, order) == [CHARGED]
    assert [event["type"] for event in outcomes(app, stream, spy)] == ["shop.payment.succeeded.v1"]


def test_two_concurrent_cancellations_refund_once(
    app: ModuleType, api: Any, gateway: ControlClient, order: Order, before_write: BeforeWrite
) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    place(app, order)
    outcomes(app, stream, spy)
    before_write(lambda: cancel(app, order))
    cancel(app, order)
    assert (stored(api, order)["status"], stored(api, order)["version"]) == ("refunded", 3)
    assert money_moved(gateway, order) == [CHARGED, REFUNDED]
    assert [event["type"] for event in outcomes(app, stream, spy)] == ["shop.payment.refunded.v1"]


def test_webhook_during_the_cancellation_does_not_prevent_the_refund(
    app: ModuleType, api: Any, gateway: ControlClient, order: Order, before_write: BeforeWrite
) -> None:
    # GIVEN an intent that has charged, whose result is not recorded
    gateway.add_fault("throttle", path="*/pi_*", times=5)
    with pytest.raises(GatewayUnavailableError):
        place(app, order)
    gateway.clear_faults()
    confirm(app, order)
    # WHEN its webhook arrives before the cancellation records what the gateway answers
    before_write(lambda: receive(api, "succeeded", order))
    cancel(app, order)
    assert (stored(api, order)["status"], stored(api, order)["version"]) == ("refunded", 3)
    assert money_moved(gateway, order) == [CHARGED, REFUNDED]


def test_transaction_reemitted_while_a_refund_is_recorded_is_refunded(
    app: ModuleType, api: Any, order: Order, before_write: BeforeWrite
) -> None:
    place(app, order)
    path = f"/transactions/{stored(api, order)['id']}/events"

    def reemit() -> None:
        assert api.call("POST", path).status_code == 202

    before_write(reemit)
    cancel(app, order)
    assert stored(api, order)["status"] == "refunded"


def test_refunded_event_of_a_refund_that_lost_a_race_is_emitted_once(
    app: ModuleType, order: Order, before_write: BeforeWrite
) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    place(app, order)
    (paid,) = outcomes(app, stream, spy)
    before_write(lambda: app.fulfil(sns(json.dumps(paid)), None))
    cancel(app, order)
    (refunded,) = outcomes(app, stream, spy)
    assert refunded["type"] == "shop.payment.refunded.v1"
    assert refunded["id"].split(".")[1] == "4"
