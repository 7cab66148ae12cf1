"""The test payment methods, by the token a client sends."""

from dataclasses import dataclass
from typing import Literal

from gateway_simulator.errors import Json, no_such


@dataclass(frozen=True)
class Card:
    """A card whose bank always gives the same answer."""

    token: str
    brand: str
    last4: str
    bank: Literal["approves", "declines", "authenticates"]
    decline_code: str | None = None
    message: str | None = None

    def as_payment_method(self) -> Json:
        """Return the card as Stripe's payment method object."""
        return {
            "id": self.token,
            "object": "payment_method",
            "type": "card",
            "livemode": False,
            "card": {"brand": self.brand, "last4": self.last4, "exp_month": 12, "exp_year": 2034},
        }


_CARDS = {
    card.token: card
    for card in (
        Card("pm_card_visa", "visa", "4242", "approves"),
        Card("pm_card_mastercard", "mastercard", "4444", "approves"),
        Card(
            "pm_card_chargeDeclined",
            "visa",
            "0002",
            "declines",
            "generic_decline",
            "Your card was declined.",
        ),
        Card(
            "pm_card_chargeDeclinedInsufficientFunds",
            "visa",
            "9995",
            "declines",
            "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        Card("pm_card_authenticationRequired", "visa", "3220", "authenticates"),
    )
}


def card_for(token: str) -> Card:
    """Return the card behind a token, or raise Stripe's `resource_missing`."""
    card = _CARDS.get(token)
    if card is None:
        raise no_such("PaymentMethod", token, "payment_method")
    return card
