"""Receipts as PDF."""

from datetime import UTC
from pathlib import Path

from chassis.money import format_money
from contracts.payments import PaymentOutcome

_FONTS = Path(__file__).parent / "fonts"
# the characters of the font subsets: see fonts/README.md
_LATIN = frozenset(map(chr, [*range(0x20, 0x180), *range(0x2010, 0x2028), 0x20AC]))


def render_receipt(outcome: PaymentOutcome) -> bytes:
    """Return the receipt of a payment as a PDF; the same payment always gives the same bytes.

    Parameters
    ----------
    outcome
        A payment that succeeded.
    """
    # Imported only here, because it takes a third of a second.
    from fpdf import FPDF, FontFace

    pdf = FPDF(format="A4")
    pdf.set_creation_date(outcome.occurred_at.astimezone(UTC))
    pdf.set_title(f"Receipt {outcome.order_id}")
    pdf.set_author("Toy Shop")
    subset = _font_subset_for(outcome)
    pdf.add_font("DejaVu", fname=_FONTS / f"DejaVuSans{subset}.ttf")
    pdf.add_font("DejaVu", style="B", fname=_FONTS / f"DejaVuSans-Bold{subset}.ttf")
    pdf.set_auto_page_break(True, margin=20)
    pdf.add_page()

    pdf.set_font("DejaVu", "B", 22)
    pdf.set_text_color(38, 70, 83)
    pdf.cell(0, 14, "Toy Shop", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("DejaVu", "", 11)
    pdf.set_text_color(90, 90, 90)
    pdf.cell(0, 7, "Receipt", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(6)

    pdf.set_text_color(30, 30, 30)
    pdf.set_font("DejaVu", "", 10)
    for label, value in (
        ("Order", outcome.order_id),
        ("Transaction", outcome.transaction_id),
        ("Paid on", f"{outcome.occurred_at.astimezone(UTC):%d %B %Y, %H:%M} UTC"),
        ("Customer", outcome.contact.name),
    ):
        pdf.set_font(style="B")
        pdf.cell(35, 7, label)
        pdf.set_font(style="")
        pdf.multi_cell(0, 7, value, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(6)

    with pdf.table(
        col_widths=(90, 20, 40, 40),
        text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT"),
        borders_layout="HORIZONTAL_LINES",
        headings_style=FontFace(emphasis="BOLD", fill_color=(233, 240, 242)),
        line_height=7,
        padding=1,
    ) as table:
        table.row(("Toy", "Quantity", "Price", "Total"))
        for line in outcome.lines:
            table.row(
                (
                    line.name,
                    str(line.quantity),
                    format_money(line.unit_price),
                    format_money(line.line_total),
                )
            )
    pdf.ln(4)
    pdf.set_font("DejaVu", "B", 12)
    pdf.cell(0, 10, f"Paid: {format_money(outcome.amount)}", align="R")
    return bytes(pdf.output())


def _font_subset_for(outcome: PaymentOutcome) -> str:
    """Return the suffix of the smallest font files with all characters of a receipt.

    Reading a complete font takes most of the time.
    """
    characters = set(outcome.contact.name).union(*(line.name for line in outcome.lines))
    return "-Latin" if characters <= _LATIN else ""
