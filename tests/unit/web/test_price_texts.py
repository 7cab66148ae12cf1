"""Prices as the page shows them."""

import pytest

from support.page_scripts import PageScripts


@pytest.fixture(scope="module")
def page() -> PageScripts:
    scripts = PageScripts(
        "const document = { documentElement: {} }; const navigator = { onLine: true };"
    )
    scripts.load("lib/format.js")
    scripts.run('modules["../lib/format.js"] = modules["./format.js"];')
    scripts.load("texts/shop.js")
    return scripts


@pytest.mark.parametrize(
    ("name", "amount", "currency", "text"),
    [
        ("money", 2000, "AUD", "$20.00"),
        ("money", 123456, "AUD", "$1,234.56"),
        ("money", 500, "JPY", "JPY\u00a0500"),
        ("roundMoney", 2000, "AUD", "$20"),
        ("roundMoney", 1995, "AUD", "$19.95"),
        ("moneyWithCurrency", 5, "AUD", "AUD\u00a00.05"),
        ("moneyWithCurrency", 123450, "AUD", "AUD\u00a01,234.50"),
        ("moneyWithCurrency", 500, "JPY", "JPY\u00a0500"),
        ("majorUnits", 123450, "AUD", "1234.50"),
        ("majorUnits", 5, "AUD", "0.05"),
        ("majorUnits", 1234, "KWD", "1.234"),
    ],
)
def test_price_has_the_decimals_of_its_currency(
    page: PageScripts, name: str, amount: int, currency: str, text: str
) -> None:
    value = f'{{ amount: {amount}, currency: "{currency}" }}'
    assert page.run(f'return modules["./format.js"].{name}({value});') == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        ("null", 1999, "Under $20"),
        ("null", 1995, "Up to $19.95"),
        (2000, 4999, "$20 to $50"),
        (1950, 2950, "$19.50 to $29.50"),
        (10000, "null", "$100 and over"),
    ],
)
def test_range_of_round_prices_has_no_cents(
    page: PageScripts, low: int | str, high: int | str, text: str
) -> None:
    texts = 'modules["./shop.js"].listTexts'
    assert page.run(f'return {texts}.priceRange({low}, {high}, "AUD");') == text
