"""Composes the seed catalogue's pictures from Fluent Emoji 3D, for maintainers.

``npm pack @lobehub/fluent-emoji-3d``, unpack the archive, install Pillow, and run
``PYTHONPATH=tools python -m seed_catalogue.compose_pictures package/assets``. The shop itself
reads the committed files and needs neither this module nor Pillow.
"""

from __future__ import annotations

import argparse
import colorsys
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter

from seed_catalogue import load
from seed_catalogue.illustrations import Drawable, Illustration, drawables, illustrations

__all__ = ["compose", "main"]

_SIDE = 800
_QUALITY = 80
_STRING = (150, 128, 110)
_BAR = (196, 154, 108)

# The hue of a category's background, in degrees of the color circle.
_HUES = {
    "arts-and-crafts": 330, "baby": 200, "board-games": 40, "building": 215, "card-games": 265,
    "dolls": 345, "musical": 285, "outdoor": 95, "plush": 25, "pretend-play": 15, "puzzles": 175,
    "ride-ons": 140, "robots": 230, "science": 250, "vehicles": 55, "water-play": 190,
}  # fmt: skip


class _Place(NamedTuple):
    """Where an object goes: its center and longest side in pixels, its turn in degrees."""

    x: int
    y: int
    size: int
    turn: float = 0
    mirrored: bool = False


# Per layout, one place per object; objects that come later are drawn in front.
_PLACES: dict[str, tuple[_Place, ...]] = {
    "one": (_Place(400, 400, 540),),
    "close-up": (_Place(420, 440, 760, -8),),
    "pair": (_Place(232, 400, 350, 4), _Place(568, 400, 350, -4)),
    "facing": (_Place(222, 410, 325, 0, True), _Place(578, 410, 325)),
    "beside": (_Place(345, 370, 470), _Place(602, 576, 270)),
    "topped": (_Place(400, 470, 440), _Place(400, 200, 220)),
    "pile": (_Place(400, 220, 330), _Place(400, 540, 410)),
    "trio": (_Place(400, 280, 370), _Place(230, 566, 290), _Place(570, 566, 290)),
    "row": (_Place(165, 420, 230), _Place(400, 420, 230), _Place(635, 420, 230)),
    "steps": (_Place(232, 390, 360), _Place(508, 440, 260), _Place(686, 480, 180)),
    "stack": (_Place(400, 190, 220), _Place(400, 380, 250), _Place(400, 590, 280)),
    "fan": (_Place(270, 390, 400, 24), _Place(530, 390, 400, -24), _Place(400, 410, 430)),
    "gears": (_Place(275, 300, 330), _Place(530, 430, 290, 22), _Place(300, 585, 230, 11)),
    "hanging": (_Place(185, 400, 230), _Place(400, 520, 250), _Place(615, 380, 230)),
}


def _tint(hue: float, saturation: float, lightness: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue % 360 / 360, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _background(category: str, seed: bytes) -> Image.Image:
    """Paint a soft gradient in the category's tint, and one of four shapes behind the objects."""
    hue = _HUES[category] + seed[0] / 255 * 36 - 18
    top, bottom = _tint(hue, 0.62, 0.92), _tint(hue + 14, 0.58, 0.82)
    gradient = Image.linear_gradient("L").resize((_SIDE, _SIDE))
    image = Image.composite(
        Image.new("RGB", (_SIDE, _SIDE), bottom), Image.new("RGB", (_SIDE, _SIDE), top), gradient
    )
    mask = Image.new("L", (_SIDE, _SIDE), 0)
    draw = ImageDraw.Draw(mask)
    drift = round(seed[1] / 255 * 80 - 40)
    style = seed[2] % 4
    if style == 0:
        draw.ellipse((90 + drift, 80, 710 + drift, 700), fill=255)
    elif style == 1:
        draw.ellipse((-200, 520 + drift, 1000, 1300), fill=255)
    elif style == 2:
        draw.polygon(((0, 640 + drift), (800, 240 + drift), (800, 800), (0, 800)), fill=255)
    else:
        draw.ellipse((-120, -160, 380 + drift, 340), fill=255)
        draw.ellipse((420 + drift, 430, 980, 990), fill=255)
    # A shape painted at this size has rough edges.
    mask = mask.filter(ImageFilter.GaussianBlur(1.5)).point([round(v * 0.55) for v in range(256)])
    image.paste(_tint(hue + 8, 0.7, 0.95), mask=mask)
    return image


def _object(folder: Path, drawable: Drawable) -> Image.Image:
    """Read an emoji, cropped to what is visible."""
    names = (f"{drawable.emoji}.webp", f"{drawable.emoji}-fe0f.webp")
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise SystemExit(f"{folder} has no {names[0]}. Name the folder `assets` of the package.")
    image = Image.open(path).convert("RGBA")
    if drawable.hue or drawable.gray:
        hue, saturation, value = image.convert("RGB").convert("HSV").split()
        hue = hue.point([(v + drawable.hue) % 256 for v in range(256)])
        if drawable.gray:
            saturation = saturation.point([v // 8 for v in range(256)])
            value = value.point([round(v * 0.72) for v in range(256)])
        colored = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
        colored.putalpha(image.getchannel("A"))
        image = colored
    return image.crop(image.getchannel("A").point([0] * 17 + [255] * 239).getbbox())


def _put(image: Image.Image, thing: Image.Image, place: _Place) -> None:
    """Draw an object with a soft shadow below it."""
    scale = place.size / max(thing.size)
    width, height = (round(side * scale) for side in thing.size)
    thing = thing.resize((width, height), Image.Resampling.LANCZOS)
    if place.mirrored:
        thing = thing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if place.turn:
        thing = thing.rotate(place.turn, Image.Resampling.BICUBIC, expand=True)
    corner = (place.x - thing.width // 2, place.y - thing.height // 2)
    alpha = Image.new("L", image.size, 0)
    alpha.paste(thing.getchannel("A"), (corner[0], corner[1] + place.size // 24))
    shadow = alpha.filter(ImageFilter.GaussianBlur(place.size / 26))
    image.paste((52, 40, 72), mask=shadow.point([round(v * 0.34) for v in range(256)]))
    image.paste(thing, corner, thing)


def _strings(image: Image.Image, places: Sequence[_Place]) -> None:
    """Draw a wooden bar, and the strings that objects hang from."""
    draw = ImageDraw.Draw(image)
    for place in places:
        draw.line((place.x, 90, place.x, place.y), fill=_STRING, width=5)
    draw.rounded_rectangle((70, 74, 730, 100), 13, fill=_BAR)


def compose(
    folder: Path, illustration: Illustration, category: str, variation: bytes
) -> Image.Image:
    """Compose one picture.

    Parameters
    ----------
    folder
        The Fluent Emoji package's folder of WebP files.
    illustration
        The objects and their layout.
    category
        The toy's category, which chooses the background's tint.
    variation
        At least three bytes that vary the background within the tint.

    Returns
    -------
    Image.Image
        An RGB image of 800 by 800 pixels.

    Raises
    ------
    SystemExit
        If the folder lacks an emoji.
    ValueError
        If the layout has no place for an object, or places without an object.
    """
    known = drawables()
    places = _PLACES[illustration.layout]
    image = _background(category, variation)
    if illustration.layout == "hanging":
        _strings(image, places)
    for name, place in zip(illustration.objects, places, strict=True):
        _put(image, _object(folder, known[name]), place)
    return image


def main() -> None:
    """Write the pictures of all toys, and delete files that no toy uses."""
    parser = argparse.ArgumentParser(prog="python -m seed_catalogue.compose_pictures")
    parser.add_argument(
        "emoji_folder", type=Path, help="the folder `assets` of @lobehub/fluent-emoji-3d"
    )
    folder: Path = parser.parse_args().emoji_folder
    output = Path(__file__).parent / "pictures"
    output.mkdir(exist_ok=True)
    views = illustrations()
    written = set()
    for toy in load():
        for number, view in enumerate(views[toy.key], start=1):
            name = f"{toy.key}.webp" if number == 1 else f"{toy.key}-{number}.webp"
            variation = hashlib.sha256(name.encode()).digest()
            image = compose(folder, view, toy.category, variation)
            image.save(output / name, "WEBP", quality=_QUALITY, method=6)
            written.add(name)
    for stale in output.glob("*.webp"):
        if stale.name not in written:
            stale.unlink()
    size = math.fsum((output / name).stat().st_size for name in written)
    print(f"Wrote {len(written)} pictures, {size / 1e6:.1f} MB, to {output}.")


if __name__ == "__main__":
    main()
