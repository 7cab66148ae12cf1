"""The gateway's dashboard in tests: what is done there, and the signed webhooks about it."""

import json
import time
from types import ModuleType
from typing import Any

import stripe

from contracts.events import ORDER_PLACED
from contracts.orders import Order
from gateway_simulator.client import ControlClient
from support.payments import event_of, order_of, signed, transaction


class Dashboard:
    """The gateway's dashboard, and the webhooks about what is done there."""

    def __init__(self, api: Any, control: ControlClient, url: str) -> None:
        self.api = api
        self.control = control
        self.url = url
        self._client = stripe.StripeClient("sk_test_x", base_addresses={"api": url})

    def intent(self, intent_id: str) -> dict[str, Any]:
        """Return the intent of a payment."""
        return dict(self._client.v1.payment_intents.retrieve(intent_id).to_dict())

    def charge(self, intent_id: str) -> dict[str, Any]:
        """Return the charge of a payment."""
        params: Any = {"expand": ["latest_charge"]}
        intent = self._client.v1.payment_intents.retrieve(intent_id, params)
        charge: Any = intent.latest_charge
        return dict(charge.to_dict())

    def refund(self, intent_id: str, amount: int | None = None) -> list[bytes]:
        """Refund a payment, and return the webhooks about it."""
        refund = self.control.refund(intent_id, amount)
        return [
            webhook("refund.created", refund),
            webhook("charge.refunded", self.charge(intent_id)),
        ]

    def fail(self, webhooks: list[bytes]) -> list[bytes]:
        """Let a refund fail, and return the webhooks about it."""
        refund = self.control.fail_refund(json.loads(webhooks[0])["data"]["object"]["id"])
        return [
            webhook(kind, refund)
            for kind in ("refund.failed", "refund.updated", "charge.refund.updated")
        ]

    def dispute(self, intent_id: str, **fields: Any) -> list[bytes]:
        """Dispute a payment, and return the webhooks about it."""
        dispute = self.control.open_dispute(intent_id, **fields)
        return [
            webhook("charge.dispute.created", dispute),
            webhook("charge.dispute.funds_withdrawn", dispute),
        ]

    def close(self, webhooks: list[bytes], outcome: Any) -> list[bytes]:
        """Decide a dispute, and return the webhook about it."""
        dispute_id = json.loads(webhooks[0])["data"]["object"]["id"]
        return [webhook("charge.dispute.closed", self.control.close_dispute(dispute_id, outcome))]

    def deliver(self, *webhooks: bytes, status: int = 204) -> None:
        """Deliver webhooks with valid signatures."""
        for payload in webhooks:
            assert self.api.call("POST", "/webhooks", signed(payload)).status_code == status


def webhook(kind: str, subject: dict[str, Any]) -> bytes:
    """Return a webhook about an object of the gateway."""
    event = {
        "id": "evt_1",
        "object": "event",
        "created": int(time.time()),
        "type": kind,
        "data": {"object": subject},
    }
    return json.dumps(event).encode()


def paid_order(app: ModuleType) -> Order:
    """Charge an order, and return it."""
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    return order


def shown(api: Any, order: Order) -> tuple[str, int, str | None]:
    """Return the status, the refunded amount and the dispute of an order's transaction."""
    found = transaction(api, order)
    assert found is not None
    return found["status"], found["refunded_amount"]["amount"], found["dispute"]
