"""Receipts and credit notes as PDF: what they show. Their layout is in ``receipt.typ``."""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from chassis.money import format_money
from contracts.money import Money
from contracts.orders import Address
from contracts.payments import PaymentOutcome

if TYPE_CHECKING:
    import typst

_TEMPLATE = Path(__file__).with_name("receipt.typ")
_FONTS = Path(__file__).with_name("fonts")

_BREAK = "\u200b"
"""Zero width space: a place where a word may be broken."""
_LONGEST_WORD = 24
"""Characters that fit into the narrowest column, whatever they are."""
_LONG_WORD = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
# They would change the order of what follows them: of the amount, for example.
_DIRECTION_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ZERO_WIDTH_JOINER = "\u200d"
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_REGIONAL_INDICATORS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))


class Seller(Struct, frozen=True, kw_only=True):
    """The seller on a receipt.

    Attributes
    ----------
    name, address
        The seller's legal name and address, each in one line.
    tax_number
        The number under which the seller is registered for tax, with its kind.
    tax_name
        What the tax in the prices is called.
    tax_percent
        The rate of the tax in the prices; 0 for none.
    """

    name: str
    address: str
    tax_number: str
    tax_name: str = "Tax"
    tax_percent: Decimal = Decimal(0)


class _Text(Struct, frozen=True):
    """A text that a person wrote, and whether it runs from right to left."""

    text: str
    rtl: bool


class _Document(Struct, frozen=True, kw_only=True):
    """What a document shows, as ``receipt.typ`` reads it."""

    kind: str
    title: str
    date: dict[str, int]
    seller: _Text
    seller_details: list[_Text]
    facts: list[tuple[str, list[_Text]]]
    columns: tuple[str, str, str, str]
    lines: list[tuple[_Text, str, str, str]]
    totals: list[tuple[str, str]]


def render_receipt(outcome: PaymentOutcome, seller: Seller) -> bytes:
    """Return the receipt of a payment as a PDF; the same payment always gives the same bytes.

    Parameters
    ----------
    outcome
        A payment that succeeded.
    seller
        The seller, as the stage's settings name it.
    """
    totals = [("Paid", format_money(outcome.amount)), *_tax(outcome.amount, seller)]
    return _typeset(_document("Receipt", "Paid", totals, outcome, seller))


def render_credit_note(outcome: PaymentOutcome, number: str, seller: Seller) -> bytes:
    """Return the credit note of a refund as a PDF; the same refund always gives the same bytes.

    Parameters
    ----------
    outcome
        A payment of which some or all was refunded.
    number
        Number of the credit note; an order can have several.
    seller
        The seller, as the stage's settings name it.
    """
    # payments of earlier releases do not say how much: everything
    refund = outcome.refund or outcome.amount
    totals = [("Refunded", format_money(refund)), *_tax(refund, seller)]
    if refund != outcome.amount:
        so_far = outcome.refunded_amount or refund
        totals.append(("Refunded so far", format_money(so_far)))
        totals.append(("Paid", format_money(outcome.amount)))
    return _typeset(_document("Credit note", "Refunded", totals, outcome, seller, number))


def tax_included(amount: Money, percent: Decimal) -> Money:
    """Return the tax in an amount that includes it, rounded half up to the minor unit.

    Examples
    --------
    >>> tax_included(Money(amount=1100, currency="AUD"), Decimal(10)).amount
    100
    """
    tax = Decimal(amount.amount) * percent / (100 + percent)
    return Money(amount=int(tax.quantize(Decimal(1), ROUND_HALF_UP)), currency=amount.currency)


def _document(
    kind: str,
    verb: str,
    totals: list[tuple[str, str]],
    outcome: PaymentOutcome,
    seller: Seller,
    number: str = "",
) -> _Document:
    facts = [(kind, [number])] if number else []
    facts.append(("Order", [outcome.order_id]))
    if outcome.placed_at is not None:
        facts.append(("Order date", [_date(outcome.placed_at)]))
    facts.append(("Transaction", [outcome.transaction_id]))
    facts.append((f"{verb} on", [_time(outcome.occurred_at)]))
    if outcome.card_last4 is not None:
        facts.append((f"{verb} to" if verb == "Refunded" else "Paid with", [_card(outcome)]))
    facts.append(("Customer", [outcome.contact.name]))
    if outcome.shipping_address is not None:
        facts.append(("Delivery address", _lines_of(outcome.shipping_address)))
    at = outcome.occurred_at.astimezone(UTC)
    return _Document(
        kind=kind,
        title=f"{kind} {outcome.order_id}",
        date={unit: getattr(at, unit) for unit in _UNITS},
        seller=_text(seller.name),
        seller_details=[_text(seller.address), _text(seller.tax_number)],
        facts=[(label, [_text(value) for value in values]) for label, values in facts],
        columns=("Toy", "Quantity", "Price", "Total"),
        lines=[
            (
                _text(line.name),
                str(line.quantity),
                format_money(line.unit_price),
                format_money(line.line_total),
            )
            for line in outcome.lines
        ],
        totals=totals,
    )


_UNITS = ("year", "month", "day", "hour", "minute", "second")


def _date(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %B %Y}"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %B %Y, %H:%M} UTC"


def _card(outcome: PaymentOutcome) -> str:
    return f"Card ending in {outcome.card_last4}"


def _lines_of(address: Address) -> list[str]:
    place = " ".join(filter(None, (address.city, address.region, address.postal_code)))
    lines = (address.name, address.line1, address.line2, place, address.country)
    return [line for line in lines if line]


def _tax(amount: Money, seller: Seller) -> list[tuple[str, str]]:
    if not seller.tax_percent:
        return []
    label = f"{seller.tax_name} included ({seller.tax_percent.normalize():f} %)"
    return [(label, format_money(tax_included(amount, seller.tax_percent)))]


def _text(value: str) -> _Text:
    """Return a person's text with the direction of its first character that has one.

    Unicode's direction controls are removed, and long words get places where they may be broken.
    """
    text = unicodedata.normalize("NFC", _DIRECTION_CONTROLS.sub("", value))
    strong = (kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL"))
    return _Text(_LONG_WORD.sub(lambda word: _breakable(word[0]), text), next(strong, "L") != "L")


def _breakable(word: str) -> str:
    """Return a word with a place to break it at least after every ``_LONGEST_WORD`` characters.

    A character is not parted from its marks, nor an emoji from what modifies it.
    """
    parts, length = [], 0
    for before, character in zip(" " + word, word, strict=False):
        if length >= _LONGEST_WORD and not _belongs(before, character):
            parts.append(_BREAK)
            length = 0
        parts.append(character)
        length += 1
    return "".join(parts)


def _belongs(before: str, character: str) -> bool:
    """Return whether a character belongs to the one before it."""
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")
        or before == _ZERO_WIDTH_JOINER
        # a virama joins the next character
        or unicodedata.combining(before) == 9
        or character in _SKIN_TONES
        or (character in _REGIONAL_INDICATORS and before in _REGIONAL_INDICATORS)
    )


def _typeset(document: _Document) -> bytes:
    # Imported only here: the other functions of the service do not need these 50 MB.
    import typst

    compiler = typst.Compiler(
        str(_TEMPLATE),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"receipt": msgspec.json.encode(document).decode()},
    )
    pdf = compiler.compile(format="pdf")
    assert isinstance(pdf, bytes)
    return pdf


@cache
def _fonts() -> "typst.Fonts":
    import typst

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(_FONTS)]
    )
