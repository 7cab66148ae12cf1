"""What the gateway's records mean for an audit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from chalicelib.payments.gateway import StripeGateway
from chalicelib.payments.ledger import StripeLedger
from chassis import context
from contracts.money import Money
from contracts.payments import GatewayCharge


def intent(**changes: Any) -> SimpleNamespace:
    """Return an intent as Stripe's client does, with changed fields."""
    fields = {
        "id": "pi_1",
        "status": "succeeded",
        "currency": "aud",
        "metadata": {"order_id": "ord_1"},
        "amount_received": 2500,
        "created": 1_700_000_000,
        "last_payment_error": None,
        "latest_charge": SimpleNamespace(amount_refunded=500, disputed=True),
    }
    return SimpleNamespace(**(fields | changes))


DISPUTE = SimpleNamespace(
    id="du_1", amount=2500, currency="aud", status="under_review", is_charge_refundable=False
)


def gateway_with(**intents: Callable[..., Any]) -> StripeGateway:
    """Return a gateway whose client has one dispute, and only some operations on intents."""
    gateway = StripeGateway("sk_test_x")
    disputes = SimpleNamespace(list=lambda _: SimpleNamespace(data=[DISPUTE]))
    gateway._client = SimpleNamespace(  # type: ignore[assignment]
        v1=SimpleNamespace(payment_intents=SimpleNamespace(**intents), disputes=disputes)
    )
    return gateway


def charge_of(retrieve: Callable[..., Any]) -> GatewayCharge | None:
    """Return the charge of an intent that Stripe's client retrieves in a given way."""
    with context.entered({}, budget=60):
        return StripeLedger(gateway_with(retrieve=retrieve)).of_intent("pi_1")


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
    charge = charge_of(lambda *_: intent(status=intent_status, last_payment_error=error))
    assert charge == GatewayCharge(
        intent_id="pi_1",
        order_id="ord_1",
        status=status,  # type: ignore[arg-type]
        charged=Money(amount=2500, currency="AUD"),
        refunded=Money(amount=500, currency="AUD"),
        created_at=datetime.fromtimestamp(1_700_000_000, UTC),
        dispute="open",
    )


@pytest.mark.parametrize("metadata", [{}, {"cart": "7"}])
def test_intent_without_an_order_belongs_to_none(metadata: dict[str, str]) -> None:
    charge = charge_of(lambda *_: intent(metadata=metadata))
    assert charge
    assert charge.order_id == ""


def test_intent_without_a_charge_has_refunded_nothing() -> None:
    charge = charge_of(lambda *_: intent(latest_charge=None, amount_received=0))
    assert charge
    assert (charge.charged.amount, charge.refunded.amount, charge.dispute) == (0, 0, None)


@pytest.mark.parametrize("code", ["resource_missing", "parameter_invalid"])
def test_only_a_missing_intent_has_no_charge(code: str) -> None:
    def reject(*_: Any) -> None:
        raise stripe.InvalidRequestError("No.", "intent", code=code)

    if code == "resource_missing":
        assert charge_of(reject) is None
    else:
        with pytest.raises(stripe.InvalidRequestError):
            charge_of(reject)


def test_only_intents_of_orders_are_charges_of_a_period() -> None:
    # GIVEN an account with which something else is charged as well
    listed = [intent(id="pi_1"), intent(id="pi_2", metadata={}), intent(id="pi_3")]
    asked: list[Any] = []

    def pages(params: Any) -> Any:
        asked.append(params["created"])
        return SimpleNamespace(auto_paging_iter=lambda: iter(listed))

    since = datetime.fromtimestamp(1_700_000_000, UTC)
    with context.entered({}, budget=60):
        charges = StripeLedger(gateway_with(list=pages)).between(since, since + timedelta(hours=1))
    assert [charge.intent_id for charge in charges] == ["pi_1", "pi_3"]
    assert asked == [{"gte": 1_700_000_000, "lt": 1_700_003_600}]
