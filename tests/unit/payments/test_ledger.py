"""What the gateway's records mean for an audit."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.payments.gateway import StripeGateway
from chalicelib.payments.ledger import StripeLedger
from chassis import context
from contracts.money import Money
from contracts.payments import GatewayCharge


@pytest.mark.parametrize(
    ("intent_status", "error", "status"),
    [
        ("succeeded", None, "succeeded"),
        ("requires_action", None, "action_required"),
        ("processing", None, "processing"),
        ("canceled", None, "cancelled"),
        # the gateway keeps the error of an earlier attempt
        ("canceled", {"code": "card_declined"}, "cancelled"),
        ("succeeded", {"code": "card_declined"}, "succeeded"),
        ("requires_payment_method", {"code": "card_declined"}, "declined"),
        ("requires_payment_method", None, "open"),
        ("requires_confirmation", None, "open"),
    ],
)
def test_each_status_of_an_intent_has_its_meaning(
    intent_status: str, error: Any, status: str
) -> None:
    intent = SimpleNamespace(
        id="pi_1",
        status=intent_status,
        currency="aud",
        metadata={"order_id": "ord_1"},
        amount_received=2500,
        created=1_700_000_000,
        last_payment_error=error,
        latest_charge=SimpleNamespace(amount_refunded=500),
    )
    gateway = StripeGateway("sk_test_x")
    intents = SimpleNamespace(retrieve=lambda *_: intent)
    gateway._client = SimpleNamespace(v1=SimpleNamespace(payment_intents=intents))  # type: ignore[assignment]
    with context.entered({}, budget=60):
        charge = StripeLedger(gateway).of_intent("pi_1")
    assert charge == GatewayCharge(
        intent_id="pi_1",
        order_id="ord_1",
        status=status,  # type: ignore[arg-type]
        charged=Money(amount=2500, currency="AUD"),
        refunded=Money(amount=500, currency="AUD"),
        created_at=datetime.fromtimestamp(1_700_000_000, UTC),
    )
