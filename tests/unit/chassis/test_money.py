"""Amounts of money in the form that people read."""

import pytest

from chassis.money import format_money
from contracts.money import Money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2999, "AUD", "AUD 29.99"),
        (0, "AUD", "AUD 0.00"),
        (5, "EUR", "EUR 0.05"),
        (99_999_999, "USD", "USD 999,999.99"),
        (1500, "JPY", "JPY 1,500"),
        (2999, "CLP", "CLP 2,999"),
        (1500, "KWD", "KWD 1.500"),
        (1, "BHD", "BHD 0.001"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert format_money(Money(amount=amount, currency=currency)) == text
