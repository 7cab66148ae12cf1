"""Amounts of money as the tools print them."""

import pytest

from chassis.money import format_money
from contracts.money import Money
from gateway_simulator.amounts import format_amount


@pytest.mark.parametrize("amount", [0, 5, 123, 123_456, 99_999_999])
@pytest.mark.parametrize("currency", ["AUD", "USD", "JPY", "KRW", "KWD"])
def test_amount_is_shown_as_the_shop_shows_it(amount: int, currency: str) -> None:
    shown = format_money(Money(amount=amount, currency=currency))
    assert format_amount(amount, currency.lower()) == shown


def test_amount_has_the_minor_digits_of_its_currency() -> None:
    amounts = {"aud": "AUD 1,234.56", "jpy": "JPY 123,456", "kwd": "KWD 123.456"}
    assert {currency: format_amount(123_456, currency) for currency in amounts} == amounts
