"""Charges and refunds through Stripe's client and the gateway simulator."""

import json
from contextlib import suppress
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.payments.bootstrap import build
from chalicelib.payments.gateway import GatewayRefusedError, StripeGateway
from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from gateway_simulator.client import ControlClient
from support.emitted_events import FakeGateway
from support.moto_aws import parked
from support.payments import event_of, lose, money_moved, order_of, transaction
from support.sns_notifications import sns


@pytest.mark.parametrize(
    ("method", "status", "code", "moved"),
    [
        ("pm_card_visa", "succeeded", None, [("charge", "succeeded", 2500)]),
        ("pm_card_chargeDeclined", "declined", "generic_decline", [("charge", "declined", 2500)]),
        (
            "pm_card_chargeDeclinedInsufficientFunds",
            "declined",
            "insufficient_funds",
            [("charge", "declined", 2500)],
        ),
        (
            "pm_card_authenticationRequired",
            "action_required",
            None,
            [("charge", "requires_action", 2500)],
        ),
        ("pm_nobody", "declined", "resource_missing", []),
    ],
)
def test_each_payment_method_has_its_outcome(
    app: ModuleType, api: Any, gateway: ControlClient,
    method: str, status: str, code: str | None, moved: list[Any],
) -> None:  # fmt: skip
    order = order_of(method)
    for _ in range(2):
        answer = app.charge(event_of(ORDER_PLACED, order), None)
        # a replay deletes the dead letter only after this result
        assert answer == {"handled": ["ord_1.1.shop.order.placed.v1"]}
    found = transaction(api, order)
    assert found is not None
    assert (found["status"], found["decline_code"]) == (status, code)
    assert (found["client_secret"] is not None) == (status == "action_required")
    assert money_moved(gateway, order) == moved


def test_cancel_after_charge_refunds_once(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    for _ in range(2):
        app.charge(event_of(ORDER_CANCELLED, order), None)
    assert transaction(api, order)["status"] == "refunded"  # type: ignore[index]
    assert money_moved(gateway, order) == [
        ("charge", "succeeded", 2500),
        ("refund", "succeeded", 2500),
    ]


FAULTS = ["error_500", "error_500_after", "throttle", "garbage"]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("path", ["*/payment_intents", "*/payment_intents/*/confirm", "*/pi_*"])
@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_chargeDeclined"])
def test_gateway_fault_does_not_charge_twice(
    app: ModuleType, api: Any, gateway: ControlClient, kind: str, path: str, method: str
) -> None:
    # GIVEN a gateway that fails twice in one step, before or after carrying it out
    order = order_of(method)
    gateway.add_fault(kind, path=path, times=2)
    # WHEN Lambda redelivers until the event is handled
    for _ in range(5):
        with suppress(Exception):
            app.charge(event_of(ORDER_PLACED, order), None)
    # THEN there is exactly one charge attempt, and it is recorded
    expected = "succeeded" if method == "pm_card_visa" else "declined"
    assert transaction(api, order)["status"] == expected  # type: ignore[index]
    assert money_moved(gateway, order) == [("charge", expected, 2500)]


@pytest.mark.parametrize("kind", FAULTS)
def test_gateway_fault_does_not_refund_twice(
    app: ModuleType, api: Any, gateway: ControlClient, kind: str
) -> None:
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    gateway.add_fault(kind, path="*/refunds", times=3)
    for _ in range(5):
        with suppress(Exception):
            app.charge(event_of(ORDER_CANCELLED, order), None)
    assert transaction(api, order)["status"] == "refunded"  # type: ignore[index]
    moved = [entry for entry in money_moved(gateway, order) if entry[0] == "refund"]
    assert moved == [("refund", "succeeded", 2500)]


def test_redelivery_after_a_day_does_not_charge_again(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    # GIVEN a charged order, and a gateway that has forgotten every idempotency key
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    gateway.advance_clock(25 * 3600)
    # WHEN its event is replayed
    app.charge(event_of(ORDER_PLACED, order), None)
    # THEN nothing is charged
    assert money_moved(gateway, order) == [("charge", "succeeded", 2500)]


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_chargeDeclined"])
def test_lost_transaction_is_not_charged_twice_without_idempotency_keys(
    app: ModuleType, api: Any, gateway: ControlClient, method: str
) -> None:
    # GIVEN an order placed two days ago whose transaction is lost, and an intent left by a crash
    order = order_of(method)
    StripeGateway("sk_test_x", app.settings.stripe_api_base).create(order)
    gateway.advance_clock(25 * 3600)
    gateway.add_fault("error_500", path="*/payment_intents")
    app.charge(event_of(ORDER_PLACED, order), None)
    before = transaction(api, order)
    assert before is not None
    lose(order)
    gateway.advance_clock(48 * 3600)
    order = replace(order, placed_at=order.placed_at - timedelta(hours=48))
    # WHEN its event is re-emitted
    app.charge(event_of(ORDER_PLACED, order), None)
    # THEN its existing intent is used
    after = transaction(api, order)
    assert after is not None
    assert after["status"] == before["status"]
    assert len(money_moved(gateway, order)) == 1


def test_lost_transaction_of_a_cancelled_order_is_refunded(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    lose(order)
    order = replace(order, placed_at=order.placed_at - timedelta(hours=2), status="cancelled")
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert transaction(api, order)["status"] == "refunded"  # type: ignore[index]
    assert [entry[0] for entry in money_moved(gateway, order)] == ["charge", "refund"]


def test_cancel_before_charge_prevents_the_charge(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    order = order_of()
    app.charge(event_of(ORDER_CANCELLED, order), None)
    app.charge(event_of(ORDER_PLACED, order), None)
    assert transaction(api, order)["status"] == "cancelled"  # type: ignore[index]
    assert money_moved(gateway, order) == []


@pytest.mark.parametrize(
    "message",
    ["not json", "{}", '{"type": "shop.order.placed.v1"}'],
)
def test_poison_message_is_parked_at_once(app: ModuleType, message: str) -> None:
    app.charge(sns(message), None)
    (found,) = parked("toyshop-local-payments-charge-dead-letters")
    assert found["reason"].startswith("poison")


class RefusingGateway(FakeGateway):
    """A gateway that charges, and refuses every refund."""

    def refund(self, *_: Any) -> None:  # type: ignore[override]
        raise GatewayRefusedError("insufficient_balance")


def test_refused_refund_is_parked_and_counted(
    app: ModuleType, api: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    order = order_of()
    app.components = build(app.settings, gateway=RefusingGateway())
    app.charge(event_of(ORDER_PLACED, order), None)
    # WHEN the order is cancelled, THEN its event is not retried
    assert app.charge(event_of(ORDER_CANCELLED, order), None) == {"handled": []}
    (message,) = parked("toyshop-local-payments-charge-dead-letters")
    assert message["reason"] == (
        f"permanent: the refund of {order.id} was refused: insufficient_balance"
    )
    # AND a metric tells the operator, beside the alarm on the queue
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [line["toyshop.events.parked"] for line in lines if "toyshop.events.parked" in line]
    assert counted == [1]
    assert transaction(api, order)["status"] == "succeeded"  # type: ignore[index]


def test_event_with_invalid_data_is_parked_as_poison(app: ModuleType) -> None:
    event = event_of(ORDER_PLACED, {"id": "ord_1"})
    app.charge(event, None)
    (found,) = parked("toyshop-local-payments-charge-dead-letters")
    assert found["reason"].startswith("poison")
    assert "customer_id" in found["reason"]


def test_lookup_returns_existing_transactions(app: ModuleType, api: Any) -> None:
    order = order_of()
    assert transaction(api, order) is None
    app.charge(event_of(ORDER_PLACED, order), None)
    found = transaction(api, order)
    assert found is not None
    assert found["order_id"] == order.id
    for ids in ([], ["x"] * 101, [5]):
        answer = api.call("POST", "/transactions/lookup", {"order_ids": ids})
        assert answer.status_code == 422
