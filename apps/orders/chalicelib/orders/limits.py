"""The totals that the payment gateway can charge, by currency.

They are Stripe's limits (docs.stripe.com/currencies). Both the currencies' minor units and the
amounts of ``Money`` are those of ISO 4217.
"""

from chalicelib.orders.domain import Limits

_MINIMUM = {
    **dict.fromkeys(("ARS", "AUD", "BRL", "CAD", "CHF", "COP", "EUR", "IDR"), 50),
    **dict.fromkeys(("ILS", "INR", "JPY", "KRW", "NZD", "PHP", "RUB", "SGD", "USD", "ZAR"), 50),
    **dict.fromkeys(("AED", "MYR", "PLN", "RON"), 200),
    **dict.fromkeys(("NOK", "SEK"), 300),
    **dict.fromkeys(("MXN", "THB"), 1000),
    "CZK": 1500,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17_500,
}
"""In minor units. Stripe converts an amount in another currency to decide whether it is enough."""

_MAXIMUM = {"COP": 9_999_999_999, "IDR": 999_999_999_999, "INR": 999_999_999}
_MAXIMUM_OF_OTHERS = 99_999_999

_ROUNDED_TO_TENS = ("BHD", "JOD", "KWD", "OMR", "TND")
"""Currencies with three decimals: the last one must be 0."""

_OTHER_UNITS = ("ISK", "MGA", "UGX")
"""Currencies of which Stripe's minor unit is not that of ISO 4217: it would charge the customer a
hundredth or a hundred times the total."""


def limits_of(currency: str) -> Limits | None:
    """Return the limits of a currency; ``None`` if nothing can be charged in it.

    Parameters
    ----------
    currency
        ISO 4217 code.
    """
    if currency in _OTHER_UNITS:
        return None
    step = 10 if currency in _ROUNDED_TO_TENS else 1
    minimum = _MINIMUM.get(currency, step)
    maximum = _MAXIMUM.get(currency, _MAXIMUM_OF_OTHERS)
    return Limits(minimum=minimum, maximum=maximum, step=step)
