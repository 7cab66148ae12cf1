"""The test payment methods, by token."""

from dataclasses import dataclass
from typing import Literal

from gateway_simulator.errors import Json, no_such


@dataclass(frozen=True)
class Card:
    """A test card whose payments always have the same outcome.

    Attributes
    ----------
    token
        Id of the payment method, as sent by clients.
    brand
        Card network.
    last4
        Last four digits of the card number.
    outcome
        Result of an attempt to charge the card, as in the ledger.
    decline_code
        Stripe's code for the reason, if the card is declined.
    message
        Text for the shopper, if the card is declined.
    """

    token: str
    brand: str
    last4: str
    outcome: Literal["succeeded", "declined", "requires_action"]
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
        Card("pm_card_visa", "visa", "4242", "succeeded"),
        Card("pm_card_mastercard", "mastercard", "4444", "succeeded"),
        Card(
            "pm_card_chargeDeclined",
            "visa",
            "0002",
            "declined",
            "generic_decline",
            "Your card was declined.",
        ),
        Card(
            "pm_card_chargeDeclinedInsufficientFunds",
            "visa",
            "9995",
            "declined",
            "insufficient_funds",
            "Your card has insufficient funds.",
        ),
        Card("pm_card_authenticationRequired", "visa", "3220", "requires_action"),
    )
}


def find_card(token: str) -> Card:
    """Return the test card with a token.

    Raises
    ------
    StripeError
        400 `resource_missing` if there is no such card.
    """
    card = _CARDS.get(token)
    if card is None:
        raise no_such("PaymentMethod", token, "payment_method")
    return card
