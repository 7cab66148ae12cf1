"""The comparison of screenshots finds a missing line of text, despite the losses of storage."""

import io
from pathlib import Path

from PIL import Image, ImageDraw

from support.browser import pictures


def screenshot(*lines: str) -> bytes:
    """Return a picture of a phone's screen with lines of text."""
    image = Image.new("RGB", (390, 1600), "#fffaf4")
    for at, line in enumerate(lines):
        ImageDraw.Draw(image).text((16, 40 * at), line, fill="#2b2140", font_size=15)
    content = io.BytesIO()
    image.save(content, "png")
    return content.getvalue()


def test_missing_line_of_text_differs(tmp_path: Path) -> None:
    reference = tmp_path / "reference.webp"
    pictures.write(screenshot("Payment", "Pay AUD 94.90", "Cancel"), reference)
    same = pictures.difference(screenshot("Payment", "Pay AUD 94.90", "Cancel"), reference)
    missing = pictures.difference(screenshot("Payment", "", "Cancel"), reference)
    assert same <= pictures.SHARE < missing
