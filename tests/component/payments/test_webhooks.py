"""The gateway's webhooks, signed as Stripe signs them."""

import time
from base64 import b64encode
from types import ModuleType
from typing import Any

import pytest

from contracts.events import ORDER_PLACED
from gateway_simulator.client import ControlClient
from support.moto_aws import StreamOf, TopicSpy
from support.payments import (
    event_of,
    intent_of,
    order_of,
    outcomes,
    signed,
    transaction,
    webhook_event,
)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("payment_intent.succeeded", "succeeded"),
        ("payment_intent.payment_failed", "declined"),
        ("payment_intent.canceled", "cancelled"),
        ("payment_intent.created", "action_required"),
    ],
)
def test_webhook_records_the_outcome_of_an_action(
    app: ModuleType, api: Any, kind: str, status: str
) -> None:
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    payload = webhook_event(kind, order, intent_of(order))
    for _ in range(2):
        assert api.call("POST", "/webhooks", signed(payload)).status_code == 204
    assert transaction(api, order)["status"] == status  # type: ignore[index]


def test_event_of_a_confirmed_action_has_the_digits_of_its_card(app: ModuleType, api: Any) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    payload = webhook_event("payment_intent.succeeded", order, intent_of(order))
    api.call("POST", "/webhooks", signed(payload))
    waiting, paid = outcomes(app, stream, spy)
    assert paid["data"]["card_last4"] == "3220"
    # the event about the action stays the same when another card pays later
    assert waiting["data"]["card_last4"] is None


def test_redelivery_records_a_failure_whose_webhook_was_lost(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    # GIVEN a shopper who failed to authenticate, and a lost webhook; there is no decline code,
    # since no bank has declined
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    gateway.authenticate(intent_of(order), "failed")
    # WHEN the order's event is redelivered
    app.charge(event_of(ORDER_PLACED, order), None)
    # THEN it is declined, with the gateway's error code
    found = transaction(api, order)
    assert found is not None
    assert found["status"] == "declined"
    assert found["decline_code"] == "payment_intent_authentication_failure"


def test_payment_succeeds_at_the_second_attempt(app: ModuleType, api: Any) -> None:
    # GIVEN a shopper who failed to authenticate, and then confirmed with another card
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    intent_id = intent_of(order)
    failed, paid = (
        signed(webhook_event(f"payment_intent.{result}", order, intent_id, "lost_card"))
        for result in ("payment_failed", "succeeded")
    )
    # WHEN both webhooks arrive, and the first again, THEN the payment has succeeded
    for body, status, code in (
        (failed, "declined", "lost_card"),
        (paid, "succeeded", None),
        (failed, "succeeded", None),
    ):
        assert api.call("POST", "/webhooks", body).status_code == 204
        found = transaction(api, order)
        assert found is not None
        assert (found["status"], found["decline_code"]) == (status, code)


def test_invalid_webhook_is_400_and_changes_nothing(app: ModuleType, api: Any) -> None:
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    payload = webhook_event("payment_intent.succeeded", order, intent_of(order))
    good = signed(payload)
    other = b64encode(payload.replace(b"succeeded", b"canceled")).decode()
    for body in (
        signed(payload, secret="whsec_other"),
        signed(payload, at=time.time() - 3600),
        signed(payload, at=time.time() + 3600),
        good | {"signature": f"t={int(time.time())}"},
        good | {"payload": other},
        good | {"signature": "t=1"},
        good | {"signature": "nonsense"},
        good | {"signature": f"t={int(time.time())},v1=é"},
        signed(b"not json"),
        signed(b'{"type":"x"}'),
        signed(b"[]"),
    ):
        answer = api.call("POST", "/webhooks", body)
        assert answer.status_code == 400, body
        assert answer.headers["Content-Type"] == "application/problem+json"
    stray = signed(webhook_event("payment_intent.succeeded", order, "pi_of_somebody_else"))
    assert api.call("POST", "/webhooks", stray).status_code == 204
    assert transaction(api, order)["status"] == "action_required"  # type: ignore[index]


def test_webhook_before_the_transaction_is_503(api: Any) -> None:
    payload = webhook_event("payment_intent.succeeded", order_of(), "pi_1")
    assert api.call("POST", "/webhooks", signed(payload)).status_code == 409
    # unless it reports no outcome
    payload = webhook_event("payment_intent.created", order_of(), "pi_1")
    assert api.call("POST", "/webhooks", signed(payload)).status_code == 204
