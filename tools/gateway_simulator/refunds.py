"""Full and partial refunds of charges, and refunds that fail later."""

from gateway_simulator import disputes, ledger
from gateway_simulator.errors import Answer, Json, StripeError, invalid_parameter, no_such
from gateway_simulator.forms import Params
from gateway_simulator.limits import LARGEST
from gateway_simulator.objects import emit, find, new_id, page
from gateway_simulator.store import UnitOfWork

TABLE = "refunds"

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_FAILURE = "expired_or_canceled_card"


def create(work: UnitOfWork, params: Params, idempotency_key: str | None) -> Answer:
    """Refund an amount of a charge; by default, all that has not been refunded yet.

    Raises
    ------
    StripeError
        400 if a parameter is not valid, more than the remaining amount would be refunded, or the
        charge is disputed.
    """
    intent_id = params.string("payment_intent")
    charge_id = params.string("charge")
    amount = params.integer("amount", maximum=LARGEST)
    reason = params.choice("reason", _REASONS)
    metadata = params.metadata()
    params.reject_unknown()
    intent = _intent(work, intent_id, charge_id)
    charge = paid_charge(work, intent)
    if not disputes.is_refundable(work, charge["id"]):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeError(400, message, code="charge_disputed", executed=True)
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
        "balance_transaction": None,
        "charge": charge["id"],
        "created": work.now(),
        "currency": charge["currency"],
        "destination_details": {"type": "card", "card": {"type": "refund"}},
        "metadata": metadata,
        "payment_intent": intent["id"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    work.put("charges", charge["id"], charge)
    work.put(TABLE, refund["id"], refund)
    ledger.add(work, refund["id"], "refund", amount, intent, "succeeded", idempotency_key)
    emit(work, "refund.created", refund)
    emit(work, "charge.refunded", charge)
    return Answer(200, refund)


def fail(work: UnitOfWork, identifier: str) -> Answer:
    """Let a refund fail that had succeeded: the shopper's bank has returned the money.

    The charge counts as not refunded by this amount again. Stripe sends three events about it.

    Raises
    ------
    StripeError
        400 if the refund has failed already, 404 if there is no such refund.
    """
    refund = find(work, TABLE, identifier)
    if refund["status"] == "failed":
        raise StripeError(400, f"Refund {identifier} has already failed.")
    charge = find(work, "charges", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    refund.update(status="failed", failure_reason=_FAILURE, failure_balance_transaction=None)
    work.put("charges", charge["id"], charge)
    work.put(TABLE, identifier, refund)
    ledger.set_status(work, identifier, "failed")
    for event in ("refund.failed", "refund.updated", "charge.refund.updated"):
        emit(work, event, refund)
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


def paid_charge(work: UnitOfWork, intent: Json) -> Json:
    """Return the charge of an intent that has been paid.

    Raises
    ------
    StripeError
        400 if the intent has no successful charge.
    """
    charge = work.get("charges", intent["latest_charge"]) if intent["latest_charge"] else None
    if charge is None or not charge["paid"]:
        message = (
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        )
        raise StripeError(400, message, executed=True)
    return charge
