"""Motifs for the table: board games, card games and pretend play."""

from __future__ import annotations

import math

from seed_catalogue.canvas import Canvas, Colour, mix, shade, star, tint, turned
from seed_catalogue.palettes import Palette

_PIPS = {
    1: [(0, 0)],
    2: [(-1, -1), (1, 1)],
    3: [(-1, -1), (0, 0), (1, 1)],
    4: [(-1, -1), (1, -1), (-1, 1), (1, 1)],
    5: [(-1, -1), (1, -1), (0, 0), (-1, 1), (1, 1)],
    6: [(-1, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (1, 1)],
}


def _die(c: Canvas, x: float, y: float, side: float, fill: Colour, pips: int, turn: float) -> None:
    c.box(x + 5, y + 9, side, side, shade(fill, 0.25), corner=side * 0.2, turn=turn)
    c.box(x, y, side, side, fill, corner=side * 0.2, turn=turn)
    spots = [(x + dx * side * 0.26, y + dy * side * 0.26) for dx, dy in _PIPS[pips]]
    for px, py in turned(spots, (x, y), turn):
        c.disc(px, py, side * 0.085, (255, 252, 246))


def _pawn(c: Canvas, x: float, base: float, size: float, fill: Colour) -> None:
    c.poly(
        [(x - 22 * size, base - 110 * size), (x + 22 * size, base - 110 * size),
         (x + 50 * size, base - 14 * size), (x - 50 * size, base - 14 * size)], fill
    )  # fmt: skip
    c.box(x, base - 14 * size, 116 * size, 30 * size, shade(fill, 0.1), corner=15 * size)
    c.box(x, base - 112 * size, 72 * size, 18 * size, shade(fill, 0.1), corner=9 * size)
    c.disc(x, base - 150 * size, 40 * size, fill)
    c.disc(x - 13 * size, base - 164 * size, 11 * size, tint(fill, 0.5))


def dice(c: Canvas, p: Palette) -> None:
    """Two dice and three pawns."""
    c.shadow(320, 510, 220, 28, p.ink)
    _pawn(c, 320, 472, 1.35, p.c)
    _pawn(c, 186, 500, 1.2, p.a)
    _pawn(c, 456, 500, 1.2, p.b)
    _die(c, 318, 438, 128, p.d, 5, 12)
    _die(c, 232, 150, 92, p.a, 3, -18)
    _die(c, 408, 150, 84, p.b, 6, 22)


def game_board(c: Canvas, p: Palette) -> None:
    """A winding track seen from above the table."""
    c.shadow(320, 500, 230, 34, p.ink)
    c.poly([(140, 214), (500, 214), (574, 478), (66, 478)], shade(p.d, 0.2))
    c.poly([(140, 204), (500, 204), (574, 466), (66, 466)], p.paper)
    steps = []
    for i in range(26):
        t = i / 25
        steps.append((0.12 + 0.76 * (0.5 - 0.5 * math.cos(t * 3 * math.pi)), t))
    colours = (p.a, p.b, p.c, p.d)
    for i, (u, v) in enumerate(steps):
        y = 232 + v * 204
        left, right = 140 - 74 * (y - 204) / 262, 500 + 74 * (y - 204) / 262
        x = left + (right - left) * u
        c.oval(x, y, 22 + v * 10, 12 + v * 6, colours[i % 4])
    _pawn(c, 200, 300, 0.86, p.a)
    _pawn(c, 452, 350, 0.98, p.d)
    _pawn(c, 268, 440, 1.1, p.b)
    _die(c, 436, 150, 78, p.c, 4, 16)


def chess(c: Canvas, p: Palette) -> None:
    """A small board with two pieces facing each other."""
    c.shadow(320, 502, 230, 30, p.ink)
    c.poly([(160, 330), (480, 330), (570, 496), (70, 496)], shade(p.d, 0.3))
    for row in range(4):
        for col in range(8):

            def corner(i: float, j: float) -> tuple[float, float]:
                y = 322 + 40 * j
                half = 160 + 88 * j / 4
                return (320 - half + 2 * half * i / 8, y)

            fill = p.paper if (row + col) % 2 else tint(p.d, 0.2)
            c.poly([corner(col, row), corner(col + 1, row), corner(col + 1, row + 1),
                    corner(col, row + 1)], fill)  # fmt: skip
    for x, fill, crown in ((222, p.a, True), (424, p.b, False)):
        c.poly([(x - 30, 250), (x + 30, 250), (x + 54, 420), (x - 54, 420)], fill)
        c.box(x, 428, 136, 34, shade(fill, 0.14), corner=16)
        c.box(x, 254, 100, 22, shade(fill, 0.14), corner=11)
        if crown:
            c.poly([(x - 44, 244), (x + 44, 244), (x + 58, 156), (x + 22, 200), (x, 142),
                    (x - 22, 200), (x - 58, 156)], fill)  # fmt: skip
            for dx, y in ((-58, 152), (0, 136), (58, 152)):
                c.disc(x + dx, y, 11, p.c)
        else:
            c.box(x, 208, 92, 72, fill, corner=6)
            for dx in (-34, 0, 34):
                c.box(x + dx, 168, 24, 34, fill)


def cards(c: Canvas, p: Palette) -> None:
    """A fan of four cards."""
    c.shadow(320, 508, 190, 26, p.ink)
    faces = ((-33, p.a), (-11, p.b), (11, p.c), (33, p.d))
    for turn, fill in faces:
        lean = math.radians(turn)
        x, y = 320 + 250 * math.sin(lean), 556 - 250 * math.cos(lean)
        c.box(x + 4, y + 6, 150, 220, shade(p.bottom, 0.2), corner=18, turn=turn)
        c.box(x, y, 150, 220, p.paper, corner=18, turn=turn)
        c.box(x, y, 122, 192, tint(fill, 0.72), corner=12, turn=turn)
        marks = turned([(x, y - 4), (x - 44, y - 78), (x + 44, y + 78)], (x, y), turn)
        for (mx, my), radius in zip(marks, (40.0, 13.0, 13.0), strict=True):
            _suit(c, fill, mx, my, radius, turn)
    for x, y, r, fill in ((122, 150, 20, p.b), (320, 96, 24, p.a), (520, 156, 18, p.c)):
        c.poly(star(x, y, r), fill)


def _suit(c: Canvas, fill: Colour, x: float, y: float, r: float, turn: float) -> None:
    """Draw a star, heart, diamond or leaf, so that each colour has a suit of its own."""
    shape = sum(fill) % 3
    if shape == 0:
        c.poly(turned(star(x, y, r), (x, y), turn), fill)
    elif shape == 1:
        c.poly(
            turned([(x, y - r), (x + r * 0.72, y), (x, y + r), (x - r * 0.72, y)], (x, y), turn),
            fill,
        )
    else:
        lobes = turned([(x - r * 0.42, y - r * 0.3), (x + r * 0.42, y - r * 0.3)], (x, y), turn)
        for lx, ly in lobes:
            c.disc(lx, ly, r * 0.5, fill)
        c.poly(
            turned([(x - r * 0.86, y - r * 0.06), (x + r * 0.86, y - r * 0.06), (x, y + r * 0.9)],
                   (x, y), turn), fill
        )  # fmt: skip


def memory_cards(c: Canvas, p: Palette) -> None:
    """Six picture tiles, one being turned."""
    c.shadow(320, 512, 200, 22, p.ink)
    colours = (p.a, p.b, p.c, p.d, p.a, p.b)
    for i, fill in enumerate(colours):
        x, y = 168 + 152 * (i % 3), 236 + 164 * (i // 3)
        turn = (-4, 3, 7, 2, -6, 4)[i]
        c.box(x + 4, y + 8, 132, 144, shade(p.bottom, 0.2), corner=20, turn=turn)
        if i in (0, 4):
            c.box(x, y, 132, 144, p.paper, corner=20, turn=turn)
            for k in range(6):
                angle = math.pi * k / 3
                c.disc(x + 30 * math.cos(angle), y + 30 * math.sin(angle), 21, fill)
            c.disc(x, y, 20, p.b if fill != p.b else p.c)
        else:
            c.box(x, y, 132, 144, fill, corner=20, turn=turn)
            c.box(x, y, 100, 112, tint(fill, 0.2), corner=14, turn=turn)
            c.poly(star(x, y, 28), tint(fill, 0.6), turn=turn)


def magic(c: Canvas, p: Palette) -> None:
    """A top hat with a wand, a card and a silk."""
    c.shadow(320, 512, 190, 26, p.ink)
    hat = mix(p.ink, (40, 34, 66), 0.5)
    c.box(408, 180, 92, 134, p.paper, corner=12, turn=18)
    c.poly(star(410, 180, 28), p.a, turn=18)
    c.line([(256, 268), (206, 200), (238, 150), (176, 112)], p.b, 34)
    c.line([(250, 262), (206, 200)], tint(p.b, 0.35), 10)
    c.poly([(206, 262), (434, 262), (414, 470), (226, 470)], hat)
    c.oval(320, 262, 116, 30, shade(hat, 0.3))
    c.oval(320, 254, 132, 36, hat)
    c.oval(320, 254, 106, 24, shade(p.ink, 0.75))
    c.poly([(222, 424), (418, 424), (414, 468), (226, 468)], p.a)
    c.oval(320, 486, 176, 26, hat)
    c.line([(444, 470), (556, 300)], p.ink, 17)
    c.line([(541, 323), (556, 300)], p.paper, 17)
    for x, y, r in ((560, 250, 24), (520, 200, 15), (590, 196, 13), (122, 176, 17)):
        c.poly(star(x, y, r), p.c)


def teapot(c: Canvas, p: Palette) -> None:
    """A tea-pot with a cup and steam."""
    c.shadow(320, 512, 220, 26, p.ink)
    c.arc(128, 380, 62, 70, 290, shade(p.a, 0.12), 25)
    c.poly([(370, 376), (440, 300), (482, 300), (400, 450)], shade(p.a, 0.12))
    c.oval(262, 388, 150, 112, p.a)
    c.box(262, 496, 150, 20, shade(p.a, 0.2), corner=10)
    c.oval(262, 290, 84, 24, tint(p.a, 0.4))
    c.pie(262, 290, 78, 180, 360, p.b)
    c.disc(262, 204, 22, p.c)
    for x, y, r in ((204, 380, 22), (268, 412, 27), (326, 370, 19)):
        for k in range(5):
            angle = 2 * math.pi * k / 5
            c.disc(x + r * 0.62 * math.cos(angle), y + r * 0.62 * math.sin(angle), r * 0.5, p.paper)
        c.disc(x, y, r * 0.42, p.b)
    c.pie(484, 432, 74, 0, 180, p.d)
    c.arc(560, 454, 24, 250, 450, p.d, 12)
    c.oval(484, 432, 74, 16, tint(p.d, 0.5))
    c.oval(484, 434, 58, 10, shade(p.b, 0.3))
    c.box(484, 506, 160, 14, p.paper, corner=7)
    for x in (460, 506):
        wave = [(x + 10 * math.sin(i / 2.2), 400 - i * 9) for i in range(13)]
        c.line(wave, tint(p.bottom, 0.7), 9)


def cake(c: Canvas, p: Palette) -> None:
    """A two-tier birthday cake with candles."""
    c.shadow(320, 514, 210, 26, p.ink)
    c.oval(320, 492, 216, 26, p.paper)
    c.oval(320, 500, 216, 24, shade(p.paper, 0.12))
    for y, half, height, fill, icing in ((430, 164, 112, p.b, p.a), (316, 112, 96, p.c, p.d)):
        c.box(320, y, half * 2, height, tint(fill, 0.25), corner=16)
        top = y - height / 2
        c.box(320, top + 14, half * 2 + 10, 40, icing, corner=20)
        count = 7 if half > 130 else 5
        for i in range(count):
            x = 320 - half + half * 2 * (i + 0.5) / count
            c.box(x, top + 36, half * 1.6 / count, 44 + 18 * (i % 2), icing, corner=16)
        for i in range(count - 1):
            x = 320 - half + half * 2 * (i + 1) / count
            c.disc(x, y + height * 0.32, 9, p.paper)
    for x, fill in ((262, p.a), (320, p.b), (378, p.d)):
        c.box(x, 228, 16, 72, fill, corner=5)
        c.box(x, 226, 16, 11, p.paper)
        c.oval(x, 178, 11, 18, (255, 190, 70))
        c.oval(x, 184, 5, 9, (255, 240, 180))


def market_stall(c: Canvas, p: Palette) -> None:
    """A stall with a striped awning and crates."""
    c.shadow(320, 514, 220, 24, p.ink)
    wood = (212, 162, 110)
    for x in (134, 506):
        c.box(x, 340, 20, 340, shade(wood, 0.2), corner=6)
    c.box(320, 452, 400, 110, wood, corner=8)
    c.box(320, 404, 430, 28, shade(wood, 0.16), corner=10)
    for i, fill in enumerate((p.a, p.b, p.c)):
        x = 196 + i * 124
        for dx, dy in ((-34, 0), (0, -6), (34, 0), (-17, -30), (17, -30)):
            c.disc(x + dx, 368 + dy, 23, fill)
            c.disc(x + dx - 7, 361 + dy, 6, tint(fill, 0.5))
        c.box(x, 386, 112, 30, shade(wood, 0.05), corner=5)
    for i in range(8):
        x, fill = 100 + i * 55, p.a if i % 2 else p.paper
        c.poly([(x + 8, 146), (x + 63 - 8 * (i == 7), 146), (x + 55, 244), (x, 244)], fill)
        c.pie(x + 27.5, 243, 28, 0, 180, fill)
    c.box(320, 142, 430, 22, shade(p.a, 0.2), corner=10)
    c.box(320, 462, 150, 54, p.ink, corner=8)
    c.line([(270, 456), (370, 456)], p.paper, 5)
    c.line([(284, 472), (352, 472)], p.b, 5)


def toolbox(c: Canvas, p: Palette) -> None:
    """A tool box with a hammer and a saw."""
    c.shadow(320, 514, 200, 26, p.ink)
    wood = (214, 164, 112)
    c.box(208, 268, 26, 210, wood, corner=10, turn=-9)
    c.box(190, 168, 128, 50, p.d, corner=12, turn=-9)
    c.box(240, 162, 34, 62, shade(p.d, 0.2), corner=8, turn=-9)
    c.poly([(410, 128), (452, 120), (420, 330), (330, 330)], (206, 212, 222))
    c.box(440, 132, 84, 66, p.b, corner=20, turn=12)
    c.box(444, 132, 40, 26, tint(p.bottom, 0.3), corner=12, turn=12)
    c.box(300, 240, 22, 180, p.c, corner=8, turn=4)
    c.box(306, 160, 34, 70, p.a, corner=14, turn=4)
    c.arc(320, 330, 132, 190, 350, shade(wood, 0.2), 20)
    c.box(320, 420, 370, 172, p.a, corner=20)
    c.box(320, 352, 370, 36, shade(p.a, 0.16), corner=14)
    c.box(320, 430, 160, 64, p.paper, corner=14)
    c.poly(star(320, 432, 24), p.b)
    for x in (166, 474):
        c.disc(x, 470, 10, tint(p.a, 0.5))


def doctors_bag(c: Canvas, p: Palette) -> None:
    """A doctor's bag with a stethoscope."""
    c.shadow(320, 514, 200, 26, p.ink)
    c.arc(320, 252, 74, 180, 360, shade(p.a, 0.3), 24)
    c.poly([(168, 262), (472, 262), (520, 506), (120, 506)], p.a)
    c.box(320, 498, 400, 18, shade(p.a, 0.25), corner=9)
    c.box(320, 264, 320, 44, shade(p.a, 0.16), corner=20)
    c.box(320, 266, 56, 36, p.b, corner=10)
    c.disc(320, 390, 72, p.paper)
    c.box(320, 390, 96, 32, p.a, corner=6)
    c.box(320, 390, 32, 96, p.a, corner=6)
    c.arc(450, 320, 80, 200, 340, p.ink, 12)
    c.line([(526, 346), (532, 410), (520, 452)], p.ink, 12)
    c.line([(375, 293), (366, 240)], p.ink, 12)
    c.disc(518, 466, 34, p.d)
    c.disc(518, 466, 19, tint(p.d, 0.5))
