"""Stripe's smallest and largest amounts of a payment, by currency (docs.stripe.com/currencies)."""

from gateway_simulator.errors import invalid_parameter

LARGEST = 999_999_999_999
"""The largest amount in any currency, in minor units."""

_MINIMUM = {
    **dict.fromkeys(("ars", "aud", "brl", "cad", "chf", "cop", "eur", "idr"), 50),
    **dict.fromkeys(("ils", "inr", "jpy", "krw", "nzd", "php", "rub", "sgd", "usd", "zar"), 50),
    **dict.fromkeys(("aed", "myr", "pln", "ron"), 200),
    **dict.fromkeys(("nok", "sek"), 300),
    **dict.fromkeys(("mxn", "thb"), 1000),
    "czk": 1500,
    "dkk": 250,
    "gbp": 30,
    "hkd": 400,
    "huf": 17_500,
}
_DIGITS = {"cop": 10, "idr": 12, "inr": 9}


def amounts_of(currency: str) -> tuple[int, int]:
    """Return the smallest and the largest amount of a currency, in minor units.

    Stripe converts an amount in a currency without a minimum of its own to decide whether it is
    enough; here, any amount is.

    Parameters
    ----------
    currency
        Lower-case ISO 4217 code.
    """
    return _MINIMUM.get(currency, 1), 10 ** _DIGITS.get(currency, 8) - 1


def check_amount(amount: int, currency: str) -> None:
    """Check that an amount can be charged.

    Raises
    ------
    StripeError
        400 if it is too small or too large for its currency.
    """
    smallest, largest = amounts_of(currency)
    if amount < smallest:
        message = f"Amount must be at least {smallest} {currency}, in minor units."
        raise invalid_parameter("amount", message, "amount_too_small")
    if amount > largest:
        message = f"Amount must be no more than {largest} {currency}, in minor units."
        raise invalid_parameter("amount", message, "amount_too_large")
