"""Amounts of money in the form that people read."""

_THREE_DECIMALS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
_NO_DECIMALS = frozenset(
    (
        *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    )
)
"""Currencies that Stripe charges without a minor unit:
https://docs.stripe.com/currencies#zero-decimal"""


def format_amount(amount: int, currency: str) -> str:
    """Return an amount in minor units as people write it.

    Parameters
    ----------
    amount
        In the minor unit of the currency.
    currency
        Its ISO 4217 code, in any case.

    Examples
    --------
    >>> format_amount(123456, "aud")
    'AUD 1,234.56'
    """
    code = currency.upper()
    digits = 0 if code in _NO_DECIMALS else 3 if code in _THREE_DECIMALS else 2
    whole, minor = divmod(amount, 10**digits)
    return f"{code} {whole:,}" + (f".{minor:0{digits}}" if digits else "")
