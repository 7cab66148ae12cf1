"""A picture for every toy: a flat-design scene, the same on every run.

The category decides which motifs are fitting, a word of the key which of them it is,
and the key's digest the colours and the small decorations.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable

from seed_catalogue import SeedToy
from seed_catalogue.canvas import Canvas, mix, star, tint
from seed_catalogue.motifs import characters, making, moving, tabletop
from seed_catalogue.palettes import PALETTES, Palette

__all__ = ["CONTENT_TYPE", "draw"]

CONTENT_TYPE = "image/webp"

Motif = Callable[[Canvas, Palette], None]

# Per category: the words of a key that call for a motif, first match wins; then the usual motifs.
_MOTIFS: dict[str, tuple[tuple[tuple[str, Motif], ...], tuple[Motif, ...]]] = {
    "puzzles": (
        (("block", making.puzzle_cube), ("ball", making.puzzle_cube), ("burr", making.puzzle_cube),
         ("tangram", making.tangram)),
        (making.jigsaw,),
    ),
    "building": (
        (("castle", making.castle), ("brick", making.bricks), ("arch", making.arches),
         ("marble", making.marble_run), ("skyscraper", making.bricks)),
        (making.blocks,),
    ),
    "dolls": (
        (("house", characters.dolls_house), ("furniture", characters.dolls_house),
         ("peg", characters.peg_family), ("pair", characters.peg_family),
         ("theatre", characters.peg_family), ("fairy", characters.peg_family)),
        (characters.doll,),
    ),
    "vehicles": (
        (("train-set", moving.train), ("tram", moving.tram), ("bus", moving.tram),
         ("digger", moving.digger), ("plough", moving.digger), ("seaplane", moving.plane),
         ("helicopter", moving.plane), ("tug", moving.tug), ("truck", moving.truck),
         ("van", moving.truck), ("road-train", moving.truck), ("fire", moving.truck)),
        (moving.car,),
    ),
    "board-games": (
        (("chess", tabletop.chess), ("knights", tabletop.chess), ("ferry", moving.boat),
         ("elephants", characters.elephant)),
        (tabletop.dice, tabletop.game_board),
    ),
    "plush": (
        (("elephant", characters.elephant), ("penguin", characters.penguin),
         ("whale", characters.whale), ("seal", characters.whale), ("octopus", characters.octopus),
         ("hare", characters.hare), ("kangaroo", characters.hare), ("cat", characters.cat),
         ("dragon", characters.cat)),
        (characters.bear,),
    ),
    "outdoor": (
        (("kite", moving.kite), ("bubble", moving.bubbles), ("tent", moving.tent),
         ("garden", moving.garden), ("bug", moving.garden), ("chalk", making.crayons),
         ("boomerang", moving.kite), ("swing", moving.tent)),
        (moving.ball,),
    ),
    "science": (
        (("telescope", making.telescope), ("solar", making.telescope), ("rocket", making.rocket),
         ("magnet", making.magnet), ("circuit", making.magnet), ("herb", moving.garden),
         ("ant-city", moving.garden), ("weather", making.telescope)),
        (making.flask,),
    ),
    "arts-and-crafts": (
        (("crayon", making.crayons), ("colouring", making.crayons), ("pom-pom", making.yarn),
         ("loom", making.yarn), ("bracelet", making.yarn), ("fox", making.yarn),
         ("stamp", making.crayons), ("collage", making.crayons), ("origami", making.tangram)),
        (making.paints,),
    ),
    "musical": (
        (("glockenspiel", making.xylophone), ("chimes", making.xylophone),
         ("keyboard", making.xylophone), ("piano", making.xylophone), ("ukulele", making.ukulele),
         ("whistle", making.ukulele), ("accordion", making.xylophone),
         ("raincatcher", characters.rattle), ("carousel", moving.rocking_horse)),
        (making.drum,),
    ),
    "pretend-play": (
        (("cake", tabletop.cake), ("stall", tabletop.market_stall), ("tea", tabletop.teapot),
         ("vet", tabletop.doctors_bag), ("doctor", tabletop.doctors_bag),
         ("workbench", tabletop.toolbox), ("space", making.rocket), ("kitchen", tabletop.teapot),
         ("caf", tabletop.teapot), ("cape", tabletop.magic)),
        (tabletop.market_stall,),
    ),
    "baby": (
        (("rattle", characters.rattle), ("duck", characters.duck), ("mobile", characters.mobile),
         ("gym", characters.mobile), ("blocks", making.blocks), ("bricks", making.blocks),
         ("lamb", characters.hare), ("cloth-book", characters.cat), ("ball", making.marble_run),
         ("tide-pool", characters.octopus), ("mirror", characters.mobile)),
        (characters.stacking_rings,),
    ),
    "ride-ons": (
        (("scooter", moving.scooter), ("skateboard", moving.scooter),
         ("horse", moving.rocking_horse), ("cargo", moving.balance_bike),
         ("car", moving.car), ("kart", moving.car),
         ("hopper", moving.ball), ("tractor", moving.digger), ("board", making.arches)),
        (moving.balance_bike,),
    ),
    "robots": (
        (("dog", characters.robot_dog), ("rover", characters.rover), ("beebot", characters.rover),
         ("beetle", characters.rover), ("snail", characters.rover)),
        (characters.robot,),
    ),
    "card-games": (
        (("pairs", tabletop.memory_cards), ("quartets", tabletop.memory_cards),
         ("magic", tabletop.magic), ("cats", characters.cat), ("train", moving.train)),
        (tabletop.cards,),
    ),
    "water-play": (
        (("duck", characters.duck), ("quack", characters.duck), ("tug", moving.tug),
         ("yacht", moving.boat), ("boat", moving.boat), ("canal", moving.boat),
         ("rocket", making.rocket), ("rain", moving.bubbles), ("turtle", characters.whale),
         ("snorkel", characters.octopus), ("splash", characters.octopus)),
        (moving.bucket,),
    ),
}  # fmt: skip


def _motif(toy: SeedToy, digest: bytes) -> Motif:
    words, usual = _MOTIFS[toy.category]
    for word, motif in words:
        if word in toy.key:
            return motif
    return usual[digest[2] % len(usual)]


def _backdrop(c: Canvas, p: Palette, digest: bytes) -> None:
    """Paint what stands behind the toy: one large soft shape, a floor and a few accents."""
    glow = tint(mix(p.top, p.bottom, 0.5), 0.45)
    style, drift = digest[3] % 4, digest[4] / 255 * 80 - 40
    if style == 0:
        c.disc(320 + drift, 296, 236, glow)
    elif style == 1:
        for i in range(12):
            start = 30 * i + drift
            c.pie(320, 330, 520, start, start + 15, mix(p.top, glow, 0.75))
        c.disc(320, 330, 180, glow)
    elif style == 2:
        c.box(320, 300, 420, 420, glow, corner=90, turn=45 + drift / 4)
    else:
        c.oval(190 + drift, 470, 300, 190, mix(p.bottom, p.ground, 0.35))
        c.oval(520 + drift, 500, 290, 170, mix(p.bottom, p.ground, 0.6))
        c.disc(490 + drift / 2, 150, 66, glow)
    c.oval(320, 640, 520, 176, p.ground)
    c.oval(320, 660, 520, 176, mix(p.ground, p.bottom, 0.3))
    accents = (p.a, p.b, p.c, p.d)
    for i in range(9):
        # Around the rim, where the motif does not reach.
        angle = math.radians(188 + i * 20.5 + digest[5 + i] / 255 * 10)
        reach = 276 + digest[15 + i] / 255 * 26
        x, y = 320 + reach * math.cos(angle), 330 + reach * math.sin(angle)
        fill = mix(accents[(i + digest[24]) % 4], p.top, 0.35)
        kind = (digest[25] + i) % 3
        if kind == 0:
            c.disc(x, y, 7 + digest[26] % 4, fill)
        elif kind == 1:
            c.poly(star(x, y, 15), fill)
        else:
            c.box(x, y, 24, 9, fill, corner=4, turn=digest[5 + i])


def draw(toy: SeedToy) -> bytes:
    """Draw the picture of a toy.

    Parameters
    ----------
    toy
        A toy of the catalogue; its ``key`` and ``category`` decide everything.

    Returns
    -------
    bytes
        A WebP image of 640 by 640 pixels, under 25 KB, identical for the same toy.

    Raises
    ------
    KeyError
        The category has no motif.

    Examples
    --------
    >>> from seed_catalogue import load
    >>> draw(load()[0])[8:12]
    b'WEBP'
    """
    digest = hashlib.sha256(toy.key.encode()).digest()
    palette = PALETTES[digest[0] % len(PALETTES)].rotated(digest[1])
    canvas = Canvas(palette.top, palette.bottom)
    _backdrop(canvas, palette, digest)
    _motif(toy, digest)(canvas, palette)
    out = io.BytesIO()
    canvas.finished().save(out, "WEBP", quality=82, method=2)
    return out.getvalue()
