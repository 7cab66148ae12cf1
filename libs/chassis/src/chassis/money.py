"""Amounts of money in the form that people read."""

from contracts.money import Money

_MINOR_DIGITS = {
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
}
"""Currencies whose minor unit is not a hundredth (ISO 4217)."""


def major_units(money: Money) -> str:
    """Return an amount without its currency and without separators, for programs.

    Examples
    --------
    >>> major_units(Money(amount=123456, currency="AUD"))
    '1234.56'
    """
    digits = _MINOR_DIGITS.get(money.currency, 2)
    whole, minor = divmod(money.amount, 10**digits)
    return f"{whole}" + (f".{minor:0{digits}}" if digits else "")


def format_money(money: Money) -> str:
    """Return an amount in the form that people read.

    Examples
    --------
    >>> format_money(Money(amount=123456, currency="AUD"))
    'AUD 1,234.56'
    >>> format_money(Money(amount=500, currency="JPY"))
    'JPY 500'
    """
    digits = _MINOR_DIGITS.get(money.currency, 2)
    whole, minor = divmod(money.amount, 10**digits)
    return f"{money.currency} {whole:,}" + (f".{minor:0{digits}}" if digits else "")
