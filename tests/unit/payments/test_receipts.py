"""Receipts are reproducible, and the font subset is used only if it has all characters."""

from datetime import UTC, datetime

import pytest
from fontTools.ttLib import TTFont

from chalicelib.payments import receipts
from contracts.money import Money
from contracts.orders import Contact, OrderLine
from contracts.payments import PaymentOutcome

PRICE = Money(amount=2999, currency="AUD")


def outcome(name: str, toy: str = "Kite") -> PaymentOutcome:
    return PaymentOutcome(
        transaction_id="txn_1",
        order_id="ord_1",
        customer_id="cus_1",
        status="succeeded",
        amount=PRICE,
        contact=Contact(email="a@example.com", name=name),
        lines=[OrderLine(toy_id="toy_1", name=toy, quantity=1, unit_price=PRICE, line_total=PRICE)],
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        decline_code=None,
    )


@pytest.mark.parametrize("name", ["Alice", "Zoë Łukasz", "Алиса"])
def test_same_payment_gives_the_same_bytes(name: str) -> None:
    receipt = receipts.render_receipt(outcome(name))
    assert receipt == receipts.render_receipt(outcome(name))
    assert receipt.startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("name", "toy", "subset"),
    [
        ("Alice", "Kite, 2 m, €5", "-Latin"),
        ("Zoë Łukasz", "Kite", "-Latin"),
        ("Алиса", "Kite", ""),
        ("Alice", "Змей", ""),
        ("Alice", "Kite ✈", ""),
    ],
)
def test_chosen_font_has_every_character(name: str, toy: str, subset: str) -> None:
    assert receipts._font_subset_for(outcome(name, toy)) == subset


@pytest.mark.parametrize("style", ["", "-Bold"])
def test_font_subset_has_the_documented_characters(style: str) -> None:
    complete, subset = (
        set(TTFont(receipts._FONTS / f"DejaVuSans{style}{kind}.ttf").getBestCmap())
        for kind in ("", "-Latin")
    )
    wanted = set(map(ord, receipts._LATIN))
    assert subset >= wanted & complete
