"""Compares screenshots with reference pictures."""

import io
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter

# a pixel differs if a channel differs by more than this, of 255, after blurring
TOLERANCE = 40
# share of pixels that may differ, because text rendering varies between machines
SHARE = 0.01


def write(screenshot: bytes, reference: Path) -> None:
    """Store a screenshot as the reference, with lossy compression."""
    reference.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(screenshot)).convert("RGB").save(reference, quality=60, method=6)


def difference(screenshot: bytes, reference: Path) -> float:
    """Return the share of pixels that differ clearly from a reference, 1 if the sizes differ."""
    now, before = (
        Image.open(source).convert("RGB") for source in (io.BytesIO(screenshot), reference)
    )
    if now.size != before.size:
        return 1
    blur = ImageFilter.BoxBlur(3)
    channels = ImageChops.difference(now.filter(blur), before.filter(blur)).split()
    largest = ImageChops.lighter(ImageChops.lighter(channels[0], channels[1]), channels[2])
    counts = largest.histogram()
    return sum(counts[TOLERANCE + 1 :]) / sum(counts)
