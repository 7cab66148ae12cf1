"""Receipts of the tests, and pictures of their pages."""

from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pypdfium2
from PIL import Image

from chalicelib.payments.receipts import Seller
from contracts.money import Money
from contracts.orders import Address, Contact, OrderLine
from contracts.payments import PaymentOutcome

SELLER = Seller(
    name="Toy Shop Pty Ltd",
    address="1 Example Street, Sydney NSW 2000, Australia",
    tax_number="ABN 00 000 000 000",
    tax_name="GST",
    tax_percent=Decimal(10),
)
PRICE = Money(amount=2999, currency="AUD")


def outcome_of(name: str, *toys: str, **changes: Any) -> PaymentOutcome:
    """Return a payment of one of each toy, by a customer with a name."""
    fields: dict[str, Any] = {
        "transaction_id": "txn_0123456789abcdefghjkmnpqrs",
        "order_id": "ord_0123456789abcdefghjkmnpqrs",
        "customer_id": "cus_1",
        "status": "succeeded",
        "amount": Money(amount=2999 * len(toys), currency="AUD"),
        "contact": Contact(email="a@example.com", name=name),
        "lines": [
            OrderLine(toy_id="toy_1", name=toy, quantity=1, unit_price=PRICE, line_total=PRICE)
            for toy in toys
        ],
        "occurred_at": datetime(2026, 1, 1, 12, 30, tzinfo=UTC),
        "placed_at": datetime(2025, 12, 31, 23, 59, tzinfo=UTC),
        "shipping_address": Address(
            name=name,
            line1="12 George Street",
            line2="Flat 3",
            city="Sydney",
            region="NSW",
            postal_code="2000",
            country="AU",
        ),
        "card_last4": "4242",
    }
    return PaymentOutcome(**{**fields, **changes})


def pages_of(pdf: bytes) -> list[Image.Image]:
    """Return the pages of a PDF as gray pictures."""
    document = pypdfium2.PdfDocument(BytesIO(pdf))
    return [page.render(scale=1.25).to_pil().convert("L") for page in document]


def text_of(pdf: bytes) -> str:
    """Return the text of a PDF as a reader copies it, in one line."""
    document = pypdfium2.PdfDocument(BytesIO(pdf))
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in document).split())
