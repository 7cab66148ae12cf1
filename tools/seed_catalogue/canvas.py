"""A small flat-design canvas: shapes in units of the finished picture, anti-aliased."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter

SIZE = 640
# Drawn at twice the size and reduced: Pillow's shapes have no anti-aliasing of their own.
OVERSAMPLING = 2

Colour = tuple[int, int, int]
Point = tuple[float, float]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Blend ``share`` (0 to 1) of ``other`` into ``one``."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return (r, g, b)


def tint(colour: Colour, share: float = 0.35) -> Colour:
    """Lighten a colour, as a highlight does."""
    return mix(colour, (255, 255, 255), share)


def shade(colour: Colour, share: float = 0.18) -> Colour:
    """Deepen a colour, as the side away from the light."""
    return mix(colour, (38, 28, 62), share)


def turned(points: Sequence[Point], centre: Point, degrees: float) -> list[Point]:
    """Turn points clockwise about a centre."""
    if not degrees:
        return list(points)
    sin, cos = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    cx, cy = centre
    return [
        (cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos)
        for x, y in points
    ]


def star(x: float, y: float, radius: float, *, tips: int = 5, waist: float = 0.48) -> list[Point]:
    """Return the corners of a star that stands on two of its tips."""
    return [
        (
            x + radius * (waist if i % 2 else 1) * math.sin(math.pi * i / tips),
            y - radius * (waist if i % 2 else 1) * math.cos(math.pi * i / tips),
        )
        for i in range(2 * tips)
    ]


@lru_cache(maxsize=1)
def _soft_spot() -> Image.Image:
    """Return a blurred white disc, the stamp of every shadow."""
    spot = Image.new("L", (160, 160), 0)
    ImageDraw.Draw(spot).ellipse((32, 32, 128, 128), fill=255)
    return spot.filter(ImageFilter.GaussianBlur(11))


class Canvas:
    """Draws filled shapes on a picture of 640 by 640 units; the origin is at the top left.

    Parameters
    ----------
    top, bottom
        The ends of the background's vertical gradient.
    """

    def __init__(self, top: Colour, bottom: Colour) -> None:
        side = SIZE * OVERSAMPLING
        ramp = Image.new("RGB", (1, 64))
        ramp.putdata([mix(top, bottom, i / 63) for i in range(64)])
        self._image = ramp.resize((side, side), Image.Resampling.BILINEAR)
        self._pen = ImageDraw.Draw(self._image)

    def poly(self, points: Sequence[Point], fill: Colour, *, turn: float = 0) -> None:
        """Fill a polygon, turned about the centre of its bounding box."""
        if turn:
            xs, ys = [p[0] for p in points], [p[1] for p in points]
            points = turned(points, ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2), turn)
        self._pen.polygon([(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points], fill=fill)

    def oval(
        self, x: float, y: float, rx: float, ry: float, fill: Colour, *, turn: float = 0
    ) -> None:
        """Fill an ellipse about its centre."""
        if turn:
            steps = (2 * math.pi * i / 48 for i in range(48))
            ring = [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in steps]
            self.poly(turned(ring, (x, y), turn), fill)
            return
        s = OVERSAMPLING
        self._pen.ellipse(((x - rx) * s, (y - ry) * s, (x + rx) * s, (y + ry) * s), fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        """Fill a circle."""
        self.oval(x, y, radius, radius, fill)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: Colour,
        *,
        corner: float = 0,
        turn: float = 0,
    ) -> None:
        """Fill a rectangle about its centre, with rounded corners, turned clockwise."""
        w, h = width / 2, height / 2
        corner = min(corner, w, h)
        outline: list[Point] = []
        for quarter, (cx, cy) in enumerate(
            [(w - corner, h - corner), (corner - w, h - corner),
             (corner - w, corner - h), (w - corner, corner - h)]
        ):  # fmt: skip
            for step in range(9 if corner else 1):
                angle = math.radians(90 * quarter + 90 * step / 8)
                outline.append(
                    (x + cx + corner * math.cos(angle), y + cy + corner * math.sin(angle))
                )
        self.poly(turned(outline, (x, y), turn), fill)

    def pie(
        self, x: float, y: float, radius: float, start: float, end: float, fill: Colour
    ) -> None:
        """Fill a slice of a circle; degrees clockwise from three o'clock."""
        s = OVERSAMPLING
        self._pen.pieslice(
            ((x - radius) * s, (y - radius) * s, (x + radius) * s, (y + radius) * s),
            start,
            end,
            fill=fill,
        )

    def arc(
        self,
        x: float,
        y: float,
        radius: float,
        start: float,
        end: float,
        fill: Colour,
        width: float,
    ) -> None:
        """Stroke a part of a circle; ``radius`` is that of the stroke's middle."""
        steps = max(6, int(abs(end - start) / 6))
        angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
        self.line(
            [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles], fill, width
        )

    def line(self, points: Sequence[Point], fill: Colour, width: float) -> None:
        """Stroke a path with round joints and round ends."""
        s = OVERSAMPLING
        self._pen.line(
            [(x * s, y * s) for x, y in points], fill=fill, width=round(width * s), joint="curve"
        )
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, fill)

    def shadow(self, x: float, y: float, rx: float, ry: float, ink: Colour) -> None:
        """Lay a soft shadow on the ground."""
        s = OVERSAMPLING
        # The stamp's disc fills 60 % of its side; the blur fills the rest.
        w, h = round(2 * rx * s / 0.6), round(2 * ry * s / 0.6)
        stamp = _soft_spot().resize((w, h), Image.Resampling.BILINEAR).point(_faint)
        self._image.paste(ink, (round(x * s - w / 2), round(y * s - h / 2)), stamp)

    def finished(self) -> Image.Image:
        """Return the picture at its final size."""
        return self._image.reduce(OVERSAMPLING)


def _faint(value: int) -> int:
    return int(value * 0.30)
