"""Full and partial refunds of charges."""

from gateway_simulator import ledger
from gateway_simulator.errors import Answer, Json, StripeError, invalid_parameter, no_such
from gateway_simulator.forms import Params
from gateway_simulator.objects import emit, find, new_id, page
from gateway_simulator.store import UnitOfWork

TABLE = "refunds"

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(work: UnitOfWork, params: Params, idempotency_key: str | None) -> Answer:
    """Refund an amount of a charge; by default, all that has not been refunded yet.

    Raises
    ------
    StripeError
        400 if a parameter is not valid or more than the remaining amount would be refunded.
    """
    intent_id = params.string("payment_intent")
    charge_id = params.string("charge")
    amount = params.integer("amount")
    reason = params.choice("reason", _REASONS)
    metadata = params.metadata()
    params.reject_unknown()
    intent = _intent(work, intent_id, charge_id)
    charge = _paid_charge(work, intent)
    remaining = charge["amount"] - charge["amount_refunded"]
    if remaining == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(400, message, code="charge_already_refunded", executed=True)
    amount = remaining if amount is None else amount
    if amount > remaining:
        message = (
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({remaining})"
        )
        raise StripeError(400, message, param="amount", executed=True)
    charge["amount_refunded"] += amount
    charge["refunded"] = amount == remaining
    refund: Json = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": work.now(),
        "currency": charge["currency"],
        "metadata": metadata,
        "payment_intent": intent["id"],
        "reason": reason,
        "status": "succeeded",
    }
    work.put("charges", charge["id"], charge)
    work.put(TABLE, refund["id"], refund)
    ledger.add(work, refund["id"], "refund", amount, intent, "succeeded", idempotency_key)
    emit(work, "charge.refunded", charge)
    return Answer(200, refund)


def retrieve(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Return a refund.

    Raises
    ------
    StripeError
        400 if a parameter is given, 404 if there is no such refund.
    """
    params.reject_unknown()
    return Answer(200, find(work, TABLE, identifier))


def list_all(work: UnitOfWork, params: Params) -> Answer:
    """Return a page of refunds, newest first; optionally, those of one intent or charge.

    Raises
    ------
    StripeError
        400 if a parameter is not valid.
    """
    filters = {name: params.string(name) for name in ("payment_intent", "charge")}
    return Answer(200, page(work, TABLE, params, **filters))


def _intent(work: UnitOfWork, intent_id: str | None, charge_id: str | None) -> Json:
    if charge_id is not None:
        charge = work.get("charges", charge_id)
        if charge is None:
            raise no_such("charge", charge_id, "charge")
        if intent_id not in (None, charge["payment_intent"]):
            raise invalid_parameter("charge", "The charge is not one of the payment_intent.")
        intent_id = charge["payment_intent"]
    if intent_id is None:
        message = "One of the following params should be provided for this request: "
        message += "payment_intent or charge."
        raise invalid_parameter("payment_intent", message, "parameter_missing")
    intent = work.get("payment_intents", intent_id)
    if intent is None:
        raise no_such("payment_intent", intent_id, "payment_intent")
    return intent


def _paid_charge(work: UnitOfWork, intent: Json) -> Json:
    charge = work.get("charges", intent["latest_charge"]) if intent["latest_charge"] else None
    if charge is None or not charge["paid"]:
        message = (
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        )
        raise StripeError(400, message, executed=True)
    return charge
