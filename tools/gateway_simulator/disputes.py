"""Disputes of charges: the shopper's bank asks for the money back."""

from typing import Literal

from gateway_simulator.errors import Answer, Json, StripeError
from gateway_simulator.forms import Params
from gateway_simulator.objects import emit, find, new_id, page
from gateway_simulator.store import UnitOfWork

TABLE = "disputes"

Kind = Literal["chargeback", "inquiry"]
Outcome = Literal["won", "lost"]

_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
_RESPONSE_SECONDS = 7 * 86_400


def create(
    work: UnitOfWork, charge: Json, amount: int | None, kind: Kind, reason: str = "fraudulent"
) -> Answer:
    """Open a dispute; a chargeback withdraws the money at once, an inquiry does not.

    Parameters
    ----------
    work
        Unit of work of the request.
    charge
        Charge that is disputed; it may have been refunded.
    amount
        Disputed amount in minor units; by default, the charged amount.
    kind
        Whether the bank takes the money, or only asks.
    reason
        Stripe's category of the reason.

    Raises
    ------
    StripeError
        400 if more than the charge is disputed, or a dispute of it is still open.
    """
    amount = charge["amount"] if amount is None else amount
    if amount > charge["amount"]:
        message = f"Dispute amount ({amount}) is greater than the charge ({charge['amount']})"
        raise StripeError(400, message, param="amount")
    if any(row["status"] in _OPEN for row in _of_charge(work, charge["id"])):
        raise StripeError(400, f"Charge {charge['id']} is already disputed.")
    is_inquiry = kind == "inquiry"
    dispute: Json = {
        "id": new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": work.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": work.now() + _RESPONSE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": None,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": kind,
                "network_reason_code": None,
            },
        },
        "reason": reason,
        "status": "warning_needs_response" if is_inquiry else "needs_response",
    }
    charge["disputed"] = True
    work.put("charges", charge["id"], charge)
    work.put(TABLE, dispute["id"], dispute)
    emit(work, "charge.dispute.created", dispute)
    if not is_inquiry:
        emit(work, "charge.dispute.funds_withdrawn", dispute)
    return Answer(200, dispute)


def close(work: UnitOfWork, identifier: str, outcome: Outcome) -> Answer:
    """Decide a dispute, from the view of the shop.

    An inquiry that is not lost is `warning_closed`. Winning a chargeback returns the money.

    Raises
    ------
    StripeError
        400 if the dispute is closed already, 404 if there is no such dispute.
    """
    dispute = find(work, TABLE, identifier)
    if dispute["status"] not in _OPEN:
        raise StripeError(400, "This dispute is already closed")
    is_inquiry = dispute["status"].startswith("warning_")
    status = "warning_closed" if is_inquiry and outcome == "won" else outcome
    dispute.update(status=status, is_charge_refundable=False)
    work.put(TABLE, identifier, dispute)
    if outcome == "won" and not is_inquiry:
        emit(work, "charge.dispute.funds_reinstated", dispute)
    emit(work, "charge.dispute.closed", dispute)
    return Answer(200, dispute)


def accept(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Close a dispute as lost, which is what Stripe's API offers.

    Raises
    ------
    StripeError
        400 if a parameter is given or the dispute is closed already, 404 if there is none.
    """
    params.reject_unknown()
    return close(work, identifier, "lost")


def retrieve(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Return a dispute.

    Raises
    ------
    StripeError
        400 if a parameter is given, 404 if there is no such dispute.
    """
    params.reject_unknown()
    return Answer(200, find(work, TABLE, identifier))


def list_all(work: UnitOfWork, params: Params) -> Answer:
    """Return a page of disputes, newest first; optionally, those of one intent or charge.

    Raises
    ------
    StripeError
        400 if a parameter is not valid.
    """
    filters = {name: params.string(name) for name in ("payment_intent", "charge")}
    return Answer(200, page(work, TABLE, params, **filters))


def is_refundable(work: UnitOfWork, charge_id: str) -> bool:
    """Return whether no dispute keeps a charge from being refunded: none is open or lost."""
    return all(
        row["is_charge_refundable"] or row["status"] in ("won", "warning_closed")
        for row in _of_charge(work, charge_id)
    )


def _of_charge(work: UnitOfWork, charge_id: str) -> list[Json]:
    return [row for row in work.newest(TABLE) if row["charge"] == charge_id]
