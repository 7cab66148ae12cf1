"""Charges: the objects that record attempts to charge a card."""

from gateway_simulator.cards import Card
from gateway_simulator.errors import Answer, Json
from gateway_simulator.forms import Params
from gateway_simulator.objects import find
from gateway_simulator.store import UnitOfWork

TABLE = "charges"


def new_charge(intent: Json, card: Card, identifier: str, created: int) -> Json:
    """Return the charge object of an attempt; it has failed if the card is declined.

    Parameters
    ----------
    intent
        Payment intent that is charged.
    card
        Card that is charged.
    identifier
        Id of the charge.
    created
        Time of the attempt in seconds since 1970.
    """
    paid = card.outcome != "declined"
    return {
        "id": identifier,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "amount_refunded": 0,
        "captured": paid,
        "created": created,
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": None if paid else "card_declined",
        "failure_message": card.message,
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            "network_status": "approved_by_network" if paid else "declined_by_network",
            "reason": card.decline_code,
            "type": "authorized" if paid else "issuer_declined",
        },
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": card.token,
        "payment_method_details": {
            "type": "card",
            "card": {"brand": card.brand, "last4": card.last4},
        },
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": "succeeded" if paid else "failed",
    }


def retrieve(work: UnitOfWork, identifier: str, params: Params) -> Answer:
    """Return a charge.

    Raises
    ------
    StripeError
        404 if there is no such charge, 400 if a parameter is given.
    """
    params.reject_unknown()
    return Answer(200, find(work, TABLE, identifier))
