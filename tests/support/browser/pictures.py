"""Compares screenshots with reference pictures."""

import io
from pathlib import Path

from PIL import Image, ImageChops

# the pictures are compared by the average colors of squares with sides of this many pixels, because
# the outlines of characters vary, and references are stored with losses
SQUARE = 8
# a square differs if a channel of its color differs by more than this, of 255
TOLERANCE = 24
# share of squares that may differ
SHARE = 0.0008


def write(screenshot: bytes, reference: Path) -> None:
    """Store a screenshot as the reference, with lossy compression."""
    reference.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(screenshot)).convert("RGB").save(reference, quality=60, method=6)


def difference(screenshot: bytes, reference: Path) -> float:
    """Return the share of squares that differ from a reference, 1 if the sizes differ."""
    now, before = (
        Image.open(source).convert("RGB") for source in (io.BytesIO(screenshot), reference)
    )
    if now.size != before.size:
        return 1
    channels = ImageChops.difference(now.reduce(SQUARE), before.reduce(SQUARE)).split()
    largest = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    counts = largest.histogram()
    return sum(counts[TOLERANCE + 1 :]) / sum(counts)
