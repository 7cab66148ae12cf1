"""Paying an order again, with Stripe's real client and the gateway simulator."""

import hashlib
import json
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.payments.domain import transaction_id
from chalicelib.payments.gateway import GatewayUnavailableError
from chalicelib.payments.store import TransactionStore
from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from contracts.orders import Order
from gateway_simulator.client import ControlClient
from support.moto_aws import StreamOf, TopicSpy
from support.payments import event_of, money_moved, order_of, outcomes, transaction
from support.races import BeforeWrite
from support.sns_notifications import sns

RETRIED = "shop.payment.retried.v1"


class Customer:
    """A customer who pays, and the deliveries of what that emits."""

    def __init__(self, app: ModuleType, api: Any, order: Order) -> None:
        self._app, self._api, self._order = app, api, order
        self._stream = StreamOf("toyshop-local-payments")
        self._spy = TopicSpy(app.settings.topic_arn)

    def place(self) -> list[str]:
        """Charge the order, and return the types of the emitted events."""
        self._app.charge(event_of(ORDER_PLACED, self._order), None)
        return [event["type"] for event in self.emitted()]

    def pay_again(self, method: str, key: str = "again", status: str = "placed") -> Any:
        """Send another payment method."""
        request = {
            "order_id": self._order.id,
            "order_status": status,
            "payment_method": method,
            "idempotency_key": key,
            "fingerprint": hashlib.sha256(method.encode()).hexdigest(),
        }
        return self._api.call("POST", "/transactions/retries", request)

    def emitted(self) -> list[dict[str, Any]]:
        """Return the events that were emitted since the last time."""
        return outcomes(self._app, self._stream, self._spy)

    def charge_again(self, event: dict[str, Any]) -> None:
        """Deliver the event of a retry."""
        self._app.charge_again(sns(json.dumps(event)), None)

    @property
    def payment(self) -> dict[str, Any]:
        """The order's transaction."""
        found = transaction(self._api, self._order)
        assert found is not None
        return found


def ledger_of(gateway: ControlClient, order: Order) -> list[str]:
    return [status for _, status, _ in money_moved(gateway, order)]


@pytest.mark.parametrize("first", ["pm_card_chargeDeclined", "pm_card_authenticationRequired"])
def test_second_card_is_charged_once_on_the_same_intent(
    app: ModuleType, api: Any, gateway: ControlClient, first: str
) -> None:
    order = order_of(first)
    customer = Customer(app, api, order)
    customer.place()
    for _ in range(2):
        answer = customer.pay_again("pm_card_visa")
        assert (answer.status_code, answer.json_body["status"]) == (202, "pending")
        assert answer.json_body["client_secret"] is None
    (retried,) = customer.emitted()
    assert (retried["type"], retried["data"]["attempt"]) == (RETRIED, 2)
    for _ in range(2):
        customer.charge_again(retried)
    assert customer.payment["status"] == "succeeded"
    (paid,) = customer.emitted()
    assert (paid["type"], paid["data"]["attempt"]) == ("shop.payment.succeeded.v1", 2)
    assert ledger_of(gateway, order)[-1:] == ["succeeded"]
    assert ledger_of(gateway, order).count("succeeded") == 1
    # a late answer to the repeated request, and a new one
    assert customer.pay_again("pm_card_visa").status_code == 202
    assert customer.pay_again("pm_card_visa", "once-more").status_code == 409


def test_second_card_that_is_declined_or_unknown_is_another_decline(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    customer = Customer(app, api, order_of("pm_card_chargeDeclined"))
    assert customer.place() == ["shop.payment.declined.v1"]
    cards = ("pm_card_chargeDeclinedInsufficientFunds", "pm_card_none", "pm_card_chargeDeclined")
    codes = ("insufficient_funds", "resource_missing", "generic_decline")
    for number, (card, code) in enumerate(zip(cards, codes, strict=True), 2):
        assert customer.pay_again(card, f"key-{number}").status_code == 202
        (retried,) = customer.emitted()
        customer.charge_again(retried)
        (declined,) = customer.emitted()
        assert declined["type"] == "shop.payment.declined.v1"
        assert (declined["data"]["attempt"], declined["data"]["decline_code"]) == (number, code)
    assert customer.payment["decline_code"] == "generic_decline"


def test_second_card_may_need_an_action_too(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    customer = Customer(app, api, order_of("pm_card_authenticationRequired"))
    customer.place()
    customer.pay_again("pm_card_authenticationRequired")
    (retried,) = customer.emitted()
    customer.charge_again(retried)
    assert customer.payment["status"] == "action_required"
    assert customer.payment["client_secret"]


@pytest.mark.parametrize("fault", ["error_500", "error_500_after", "throttle"])
@pytest.mark.parametrize("path", ["/v1/payment_intents/pi_*", "*/confirm"])
def test_failing_gateway_charges_the_second_card_once(
    app: ModuleType, api: Any, gateway: ControlClient, path: str, fault: Any
) -> None:
    order = order_of("pm_card_chargeDeclined")
    customer = Customer(app, api, order)
    customer.place()
    customer.pay_again("pm_card_visa")
    (retried,) = customer.emitted()
    gateway.add_fault(fault, method="POST", path=path)
    try:
        customer.charge_again(retried)
    except GatewayUnavailableError:
        customer.charge_again(retried)
    assert customer.payment["status"] == "succeeded"
    assert ledger_of(gateway, order) == ["declined", "succeeded"]


def test_cancellation_before_the_second_card_is_charged_prevents_the_charge(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    order = order_of("pm_card_chargeDeclined")
    customer = Customer(app, api, order)
    customer.place()
    customer.pay_again("pm_card_visa")
    (retried,) = customer.emitted()
    app.charge(event_of(ORDER_CANCELLED, order), None)
    customer.charge_again(retried)
    assert customer.payment["status"] == "cancelled"
    assert ledger_of(gateway, order) == ["declined"]
    # a cancelled order is refused, unless the request is the one that was accepted
    assert customer.pay_again("pm_card_visa", "new").status_code == 409
    assert customer.pay_again("pm_card_visa", status="cancelled").status_code == 202


def test_cancellation_before_the_second_charge_is_recorded_refunds_it(
    app: ModuleType, api: Any, gateway: ControlClient, before_write: BeforeWrite
) -> None:
    order = order_of("pm_card_chargeDeclined")
    customer = Customer(app, api, order)
    customer.place()
    customer.pay_again("pm_card_visa")
    (retried,) = customer.emitted()
    before_write(lambda: app.charge(event_of(ORDER_CANCELLED, order), None))
    customer.charge_again(retried)
    assert customer.payment["status"] == "refunded"
    assert money_moved(gateway, order)[1:] == [
        ("charge", "succeeded", 2500),
        ("refund", "succeeded", 2500),
    ]


def test_two_requests_at_the_same_time_begin_one_attempt(
    app: ModuleType, api: Any, before_write: BeforeWrite
) -> None:
    customer = Customer(app, api, order_of("pm_card_chargeDeclined"))
    customer.place()
    before_write(lambda: customer.pay_again("pm_card_visa", "a"))
    assert customer.pay_again("pm_card_visa", "b").status_code == 409
    (retried,) = customer.emitted()
    assert retried["data"]["attempt"] == 2


def test_used_key_with_another_payment_method_is_422(app: ModuleType, api: Any) -> None:
    customer = Customer(app, api, order_of("pm_card_chargeDeclined"))
    customer.place()
    assert customer.pay_again("pm_card_visa").status_code == 202
    assert customer.pay_again("pm_card_mastercard").status_code == 422


def test_order_without_a_transaction_is_not_paid_again(app: ModuleType, api: Any) -> None:
    customer = Customer(app, api, order_of())
    answer = customer.pay_again("pm_card_visa")
    assert (answer.status_code, answer.json_body["detail"]) == (
        409,
        "Your payment is still being processed. Wait for its result.",
    )


def test_reemitted_transaction_emits_a_pending_retry_again(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    customer = Customer(app, api, order_of("pm_card_chargeDeclined"))
    customer.place()
    customer.pay_again("pm_card_visa")
    (retried,) = customer.emitted()
    path = f"/transactions/{customer.payment['id']}/events"
    api.call("POST", path)
    assert [event["id"] for event in customer.emitted()][-1] == retried["id"]
    customer.charge_again(retried)
    customer.emitted()
    # but not once it has a result
    api.call("POST", path)
    assert [event["type"].split(".")[2] for event in customer.emitted()] == [
        "declined",
        "succeeded",
    ]


def test_another_change_of_a_pending_payment_does_not_emit_its_retry_again(
    app: ModuleType, api: Any
) -> None:
    order = order_of("pm_card_chargeDeclined")
    customer = Customer(app, api, order)
    customer.place()
    customer.pay_again("pm_card_visa")
    customer.emitted()
    store = TransactionStore("toyshop-local-payments")
    payment = store.get(transaction_id(order.id))
    assert payment is not None
    assert store.replace(replace(payment, version=payment.version + 1, card_last4="4242"))
    assert customer.emitted() == []


def test_reemitted_transaction_emits_only_its_last_retry(app: ModuleType, api: Any) -> None:
    customer = Customer(app, api, order_of("pm_card_chargeDeclined"))
    customer.place()
    customer.pay_again("pm_card_chargeDeclined", key="second")
    (second,) = customer.emitted()
    customer.charge_again(second)
    customer.emitted()
    customer.pay_again("pm_card_visa", key="third")
    (third,) = customer.emitted()
    api.call("POST", f"/transactions/{customer.payment['id']}/events")
    again = [event["id"] for event in customer.emitted() if event["type"] == RETRIED]
    assert again == [third["id"]]
