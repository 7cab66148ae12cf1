"""Motifs for things that are put together: puzzles, building, science, art and music."""

from __future__ import annotations

import math

from seed_catalogue.canvas import Canvas, Colour, Point, mix, shade, star, tint
from seed_catalogue.palettes import Palette


def jigsaw(c: Canvas, p: Palette) -> None:
    """Four interlocking pieces, one of them lifted out."""
    c.shadow(310, 512, 190, 26, p.ink)
    side, knob = 142.0, 25.0
    left, top = 168.0, 226.0
    cells = [(0, 1, p.b), (1, 1, p.c), (0, 0, p.a)]
    for col, row, fill in cells:
        c.box(left + side * (col + 0.5), top + side * (row + 0.5), side, side, fill, corner=10)
    middle_x, middle_y = left + side, top + side
    c.disc(left + side / 2, middle_y + 14, knob, p.a)
    c.disc(middle_x + 14, middle_y + side / 2, knob, p.b)
    # The gap that the lifted piece leaves in its neighbours.
    c.disc(middle_x - 14, top + side / 2, knob, p.ground)
    lifted = turned_piece(p.d, (474.0, 236.0), side, knob)
    for fill, points in lifted:
        c.poly([(x + 8, y + 12) for x, y in points], shade(p.bottom, 0.18))
        c.poly(points, fill)
    c.box(left + 38, top + 28, 44, 9, tint(p.a), corner=5)
    c.box(left + 36, top + side + 30, 40, 9, tint(p.b), corner=5)


def turned_piece(
    fill: Colour, centre: Point, side: float, knob: float
) -> list[tuple[Colour, list[Point]]]:
    """Return one jigsaw piece with a knob on its left and one below, tilted."""
    tilt = math.radians(14)
    half = side / 2

    def place(x: float, y: float) -> Point:
        return (
            centre[0] + x * math.cos(tilt) - y * math.sin(tilt),
            centre[1] + x * math.sin(tilt) + y * math.cos(tilt),
        )

    outline: list[Point] = [(-half, -half), (half, -half), (half, half)]
    outline += [
        (knob * math.cos(a), half + 14 + knob * math.sin(a))
        for a in (math.radians(d) for d in range(-34, 215, 8))
    ]
    outline.append((-half, half))
    outline += [
        (-half - 14 + knob * math.cos(a), knob * math.sin(a))
        for a in (math.radians(d) for d in range(56, 305, 8))
    ]
    return [(fill, [place(x, y) for x, y in outline])]


def puzzle_cube(c: Canvas, p: Palette) -> None:
    """A cube of coloured stickers seen from its corner."""
    c.shadow(320, 512, 170, 28, p.ink)
    faces = (
        ((320.0, 142.0), (156.0, 84.0), (-156.0, 84.0), (p.b, p.c, p.a), 0.25),
        ((164.0, 226.0), (156.0, 84.0), (0.0, 186.0), (p.a, p.d, p.b), 0.0),
        ((320.0, 310.0), (156.0, -84.0), (0.0, 186.0), (p.c, p.a, p.d), -0.2),
    )
    for (ox, oy), (ux, uy), (vx, vy), colours, light in faces:
        corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
        c.poly([(ox + ux * i + vx * j, oy + uy * i + vy * j) for i, j in corners], p.ink)
        for row in range(3):
            for col in range(3):
                base = colours[(row * 2 + col * col) % 3]
                fill = tint(base, light) if light >= 0 else shade(base, -light)
                cell = [
                    ((col + 0.06 + 0.88 * i) / 3, (row + 0.06 + 0.88 * j) / 3) for i, j in corners
                ]
                c.poly([(ox + ux * i + vx * j, oy + uy * i + vy * j) for i, j in cell], fill)


def tangram(c: Canvas, p: Palette) -> None:
    """Seven shapes that make a sailing fox."""
    c.shadow(320, 512, 190, 26, p.ink)
    c.poly([(140, 420), (500, 420), (430, 505), (210, 505)], p.d)
    c.poly([(330, 130), (330, 400), (160, 400)], p.a)
    c.poly([(350, 130), (350, 268), (446, 268)], p.b)
    c.poly([(350, 280), (454, 280), (496, 400), (350, 400)], p.c)
    c.poly([(210, 420), (285, 420), (248, 462)], tint(p.d, 0.3))
    c.poly([(360, 420), (435, 420), (398, 462)], shade(p.d))
    c.poly([(330, 130), (330, 96), (392, 113)], p.c)


def blocks(c: Canvas, p: Palette) -> None:
    """A tower of wooden blocks with an arch and a roof."""
    c.shadow(320, 512, 205, 28, p.ink)
    c.box(200, 445, 120, 120, p.a, corner=12)
    c.box(440, 445, 120, 120, p.b, corner=12)
    c.box(320, 445, 108, 120, p.c, corner=8)
    c.pie(320, 508, 36, 180, 360, shade(p.c, 0.4))
    c.box(320, 366, 300, 34, p.d, corner=10)
    c.box(248, 298, 104, 98, p.b, corner=12)
    c.box(392, 298, 104, 98, p.a, corner=12)
    c.poly([(188, 246), (308, 246), (248, 152)], p.c)
    c.disc(392, 204, 44, p.d)
    c.box(200, 445, 66, 66, tint(p.a, 0.25), corner=8)
    c.poly(star(440, 447, 36), tint(p.b, 0.5))
    c.box(248, 298, 50, 50, tint(p.b, 0.3), corner=25)
    c.poly([(366, 324), (418, 324), (392, 274)], tint(p.a, 0.4))
    c.disc(378, 190, 12, tint(p.d, 0.4))


def bricks(c: Canvas, p: Palette) -> None:
    """Studded bricks, stepped like a stair."""
    c.shadow(320, 512, 210, 28, p.ink)
    rows = (
        (((225, p.a), (415, p.b)), 466),
        (((320, p.c),), 384),
        (((225, p.d), (415, p.a)), 302),
        (((320, p.b),), 220),
    )
    for cells, y in reversed(rows):
        for x, fill in cells:
            for stud in (-60, 0, 60):
                c.box(x + stud, y - 50, 38, 28, shade(fill, 0.12), corner=6)
                c.oval(x + stud, y - 60, 19, 7, tint(fill, 0.28))
    for cells, y in rows:
        for x, fill in cells:
            c.box(x, y, 184, 80, fill, corner=8)
            c.box(x, y + 33, 184, 14, shade(fill, 0.16), corner=7)
            c.box(x - 30, y - 27, 104, 8, tint(fill, 0.4), corner=4)


def castle(c: Canvas, p: Palette) -> None:
    """A castle with two towers, a gate and flags."""
    c.shadow(320, 512, 220, 28, p.ink)
    stone, dark = tint(p.d, 0.35), p.d
    c.box(320, 415, 240, 180, stone)
    for x in range(215, 440, 52):
        c.box(x, 318, 30, 34, stone)
    for x, roof in ((180, p.a), (460, p.b)):
        c.box(x, 385, 100, 240, dark)
        c.box(x, 272, 120, 26, shade(dark, 0.12), corner=4)
        c.poly([(x - 66, 262), (x + 66, 262), (x, 142)], roof)
        c.poly([(x, 142), (x + 66, 262), (x + 14, 262)], shade(roof, 0.14))
        c.line([(x, 144), (x, 104)], p.ink, 5)
        c.poly([(x + 2, 102), (x + 50, 117), (x + 2, 132)], p.c)
        c.box(x, 332, 28, 48, p.ink, corner=14)
        c.box(x, 428, 28, 40, shade(dark, 0.35), corner=14)
    c.pie(320, 440, 56, 180, 360, p.ink)
    c.box(320, 472, 112, 66, p.ink)
    c.pie(320, 440, 44, 180, 360, p.c)
    c.box(320, 472, 88, 66, p.c)
    for x in (298, 320, 342):
        c.line([(x, 402), (x, 502)], shade(p.c, 0.3), 3)
    for x, y in ((240, 362), (392, 374), (412, 462), (232, 440)):
        c.box(x, y, 30, 12, shade(stone, 0.14), corner=4)


def arches(c: Canvas, p: Palette) -> None:
    """Nested rainbow arches with a small sun."""
    c.shadow(320, 508, 215, 26, p.ink)
    colours = (p.a, p.b, mix(p.b, p.c, 0.5), p.c, p.d)
    for i, fill in enumerate(colours):
        radius = 206 - i * 38
        c.pie(320, 500, radius, 180, 360, fill)
        c.pie(320, 500, radius - 33, 180, 360, p.bottom)
    c.pie(320, 500, 40, 180, 360, tint(p.a, 0.3))
    c.disc(320, 218, 46, p.b)
    c.disc(306, 204, 13, tint(p.b, 0.45))
    c.box(210, 226, 60, 60, p.d, corner=10, turn=14)


def marble_run(c: Canvas, p: Palette) -> None:
    """Sloping ramps between posts, with marbles on their way."""
    c.shadow(320, 512, 200, 26, p.ink)
    for x in (168, 472):
        c.box(x, 330, 30, 350, shade(p.d, 0.08), corner=15)
        c.box(x, 494, 92, 26, p.d, corner=12)
    ramps = ((168, 178, 430, 238, p.a), (472, 268, 210, 328, p.b), (168, 358, 430, 418, p.c))
    for x1, y1, x2, y2, fill in ramps:
        c.line([(x1, y1 + 10), (x2, y2 + 10)], shade(fill), 26)
        c.line([(x1, y1), (x2, y2)], fill, 24)
    c.poly([(120, 104), (240, 104), (200, 162), (160, 162)], p.b)
    c.oval(180, 104, 60, 14, shade(p.b))
    for x, y, fill in ((318, 188, p.d), (330, 278, p.a), (250, 355, p.b), (452, 458, p.c)):
        c.disc(x, y, 24, fill)
        c.disc(x - 8, y - 8, 7, tint(fill, 0.6))
    c.disc(182, 92, 24, p.c)
    c.disc(175, 85, 7, tint(p.c, 0.6))


def rocket(c: Canvas, p: Palette) -> None:
    """A rocket above its plume, with stars."""
    c.shadow(320, 518, 130, 20, p.ink)
    for x, y, r in ((262, 492, 34), (378, 492, 34), (320, 496, 44)):
        c.disc(x, y, r, tint(p.bottom, 0.6))
    c.poly([(276, 408), (364, 408), (320, 500)], p.b)
    c.poly([(294, 408), (346, 408), (320, 464)], tint(p.b, 0.6))
    for side in (-1, 1):
        c.poly(
            [(320 + side * 62, 300), (320 + side * 132, 424), (320 + side * 46, 404)],
            p.a if side < 0 else shade(p.a),
        )
    body = [
        (320 + 78 * math.sin(t) * (0.9 + 0.1 * math.cos(t)), 254 - 158 * math.cos(t))
        for t in (2 * math.pi * i / 64 for i in range(64))
    ]
    c.poly(body, p.paper)
    c.poly([(x, y) for x, y in body if x >= 320], shade(p.paper, 0.1))
    c.poly([(x, y) for x, y in body if y <= 180], p.a)
    c.disc(320, 256, 44, p.d)
    c.disc(320, 256, 31, tint(p.c, 0.45))
    c.disc(309, 245, 10, p.paper)
    c.box(320, 398, 100, 28, p.d, corner=12)
    c.box(320, 344, 16, 64, p.c, corner=8)
    for x, y, r in ((142, 190, 22), (500, 150, 27), (480, 330, 17), (166, 344, 15)):
        c.poly(star(x, y, r), p.b)


def flask(c: Canvas, p: Palette) -> None:
    """A bubbling flask beside a test tube."""
    c.shadow(320, 512, 190, 26, p.ink)
    glass = tint(p.bottom, 0.65)
    rim = mix(p.d, p.bottom, 0.45)
    c.poly([(220, 170), (320, 170), (320, 280), (420, 470), (396, 510), (144, 510), (120, 470),
            (220, 280)], rim)  # fmt: skip
    c.poly([(228, 176), (312, 176), (312, 284), (410, 470), (391, 502), (149, 502), (130, 470),
            (228, 284)], glass)  # fmt: skip
    c.poly([(198, 352), (342, 352), (400, 466), (384, 490), (156, 490), (140, 466)], p.a)
    c.oval(270, 352, 72, 14, tint(p.a, 0.3))
    c.box(270, 166, 116, 26, p.ink, corner=13)
    for x, y, r in ((230, 430, 20), (300, 452, 13), (284, 396, 11), (338, 430, 15)):
        c.disc(x, y, r, tint(p.a, 0.45))
    for x, y, r, fill in ((262, 122, 18, p.b), (304, 88, 13, p.c), (226, 74, 10, p.d)):
        c.disc(x, y, r, fill)
        c.disc(x - r / 3, y - r / 3, r / 4, p.paper)
    c.box(474, 372, 84, 262, rim, corner=42)
    c.box(474, 372, 70, 248, glass, corner=35)
    c.box(474, 420, 56, 140, p.c, corner=28)
    c.box(474, 366, 56, 30, p.c)
    c.oval(474, 352, 28, 8, tint(p.c, 0.4))
    c.box(474, 250, 96, 22, p.ink, corner=11)
    c.disc(464, 430, 9, tint(p.c, 0.5))
    c.disc(486, 396, 7, tint(p.c, 0.5))
    c.line([(196, 396), (180, 430)], tint(p.a, 0.7), 9)


def telescope(c: Canvas, p: Palette) -> None:
    """A telescope on its tripod under a ringed planet."""
    c.shadow(300, 514, 180, 24, p.ink)
    for x in (190, 300, 410):
        c.line([(300, 330), (x, 500)], shade(p.d, 0.25), 16)
    c.box(290, 290, 230, 92, p.a, corner=12, turn=-32)
    c.box(386, 230, 92, 118, shade(p.a, 0.2), corner=14, turn=-32)
    c.box(182, 357, 86, 66, p.b, corner=10, turn=-32)
    c.box(140, 384, 30, 46, p.ink, corner=8, turn=-32)
    c.box(288, 268, 170, 14, tint(p.a, 0.4), corner=7, turn=-32)
    c.disc(300, 330, 34, p.d)
    c.disc(300, 330, 15, tint(p.d, 0.4))
    c.oval(178, 160, 96, 24, tint(p.c, 0.45), turn=-18)
    c.disc(178, 160, 56, p.c)
    c.line([(94, 190), (130, 186), (180, 174), (236, 152), (264, 132)], tint(p.c, 0.45), 12)
    for x, y, r in ((480, 130, 20), (520, 330, 16), (318, 110, 14)):
        c.poly(star(x, y, r), p.b)


def magnet(c: Canvas, p: Palette) -> None:
    """A horseshoe magnet catching gears and nuts."""
    c.shadow(320, 514, 170, 26, p.ink)
    c.pie(320, 262, 150, 180, 360, p.a)
    c.box(212, 330, 84, 140, p.a)
    c.box(428, 330, 84, 140, p.a)
    c.pie(320, 264, 67, 180, 360, p.top)
    c.box(320, 300, 133, 80, mix(p.top, p.bottom, 0.5))
    for x in (212, 428):
        c.box(x, 386, 84, 58, p.paper)
        c.box(x, 408, 84, 14, shade(p.paper, 0.12))
    c.arc(320, 262, 122, 200, 262, tint(p.a, 0.45), 12)
    for x, y, r, fill in ((216, 466, 40, p.b), (424, 464, 42, p.c), (320, 478, 30, p.d)):
        for i in range(8):
            angle = math.pi * i / 4
            c.disc(x + r * math.cos(angle), y + r * math.sin(angle), r * 0.24, fill)
        c.disc(x, y, r, fill)
        c.disc(x, y, r * 0.42, tint(p.bottom, 0.3))


def paints(c: Canvas, p: Palette) -> None:
    """A painter's palette with two brushes."""
    c.shadow(320, 512, 200, 26, p.ink)
    wood = (222, 174, 122)
    c.oval(308, 356, 196, 146, shade(wood, 0.12))
    c.oval(308, 346, 196, 146, wood)
    c.oval(404, 412, 40, 32, p.bottom)
    for x, y, fill in ((178, 348, p.a), (226, 268, p.b), (314, 240, p.c), (398, 276, p.d),
                       (214, 426, mix(p.a, p.b, 0.5)), (304, 446, mix(p.c, p.d, 0.5))):  # fmt: skip
        c.oval(x, y, 40, 34, fill)
        c.oval(x - 12, y - 10, 12, 8, tint(fill, 0.5))
    for x1, y1, x2, y2, fill in ((338, 372, 500, 120, p.a), (384, 356, 556, 176, p.d)):
        c.line([(x1, y1), (x2, y2)], p.paper, 17)
        mx, my = x1 + (x2 - x1) * 0.24, y1 + (y2 - y1) * 0.24
        c.line([(x1, y1), (mx, my)], (190, 196, 206), 22)
        c.disc(x1, y1, 20, fill)
        c.poly([(x1 - 20, y1 - 6), (x1 + 16, y1 + 14), (x1 - 26, y1 + 42)], fill)


def crayons(c: Canvas, p: Palette) -> None:
    """Crayons standing in a pot, with a scribble."""
    c.shadow(320, 512, 150, 26, p.ink)
    sticks = ((226, 250, -14, p.a), (290, 214, -4, p.b), (352, 222, 6, p.c), (414, 256, 15, p.d))
    for x, y, turn, fill in sticks:
        c.box(x, y + 60, 52, 240, fill, corner=6, turn=turn)
        c.box(x, y + 20, 52, 18, tint(fill, 0.5), turn=turn)
        lean = math.radians(turn)
        tip = (x + 120 * math.sin(lean), y + 60 - 120 * math.cos(lean))
        up = (math.sin(lean), -math.cos(lean))
        out = (math.cos(lean), math.sin(lean))
        c.poly(
            [
                (tip[0] - 21 * out[0], tip[1] - 21 * out[1]),
                (tip[0] + 21 * out[0], tip[1] + 21 * out[1]),
                (tip[0] + 9 * out[0] + 48 * up[0], tip[1] + 9 * out[1] + 48 * up[1]),
                (tip[0] - 9 * out[0] + 48 * up[0], tip[1] - 9 * out[1] + 48 * up[1]),
            ],
            shade(fill, 0.14),
        )
    c.poly([(188, 340), (452, 340), (424, 508), (216, 508)], p.paper)
    c.poly([(320, 340), (452, 340), (424, 508), (320, 508)], shade(p.paper, 0.06))
    c.box(320, 342, 284, 26, shade(p.paper, 0.12), corner=13)
    wave = [(232 + i * 5.5, 428 + 26 * math.sin(i / 2.6)) for i in range(33)]
    c.line(wave, p.a, 13)
    c.poly(star(320, 474, 17), p.b)


def yarn(c: Canvas, p: Palette) -> None:
    """Two balls of wool with needles."""
    c.shadow(320, 512, 200, 26, p.ink)
    for x1, y1, x2, y2 in ((180, 130, 380, 420), (420, 120, 250, 420)):
        c.line([(x1, y1), (x2, y2)], (222, 174, 122), 14)
        c.disc(x1, y1, 18, p.d)
    for x, y, r, fill in ((250, 378, 128, p.a), (438, 428, 80, p.c)):
        c.disc(x, y, r, fill)
        for i, (start, end) in enumerate(((150, 250), (160, 260), (172, 272))):
            c.arc(x + r * 0.3, y + r * 0.25, r * (0.62 + 0.22 * i), start, end, tint(fill), 9)
        for i in range(3):
            c.arc(x - r * 0.5, y - r * 0.5, r * (0.75 + 0.2 * i), 20, 76, shade(fill, 0.14), 9)
    c.line([(372, 462), (420, 508), (500, 512), (548, 492), (570, 508)], p.a, 9)


def xylophone(c: Canvas, p: Palette) -> None:
    """Seven coloured bars and two beaters."""
    c.shadow(320, 490, 230, 26, p.ink)
    wood = (214, 162, 110)
    c.poly([(96, 268), (560, 320), (560, 346), (96, 294)], wood)
    c.poly([(96, 462), (560, 404), (560, 430), (96, 490)], shade(wood, 0.12))
    colours = (p.a, p.b, p.c, p.d, tint(p.a, 0.3), tint(p.b, 0.3), tint(p.c, 0.3))
    for i, fill in enumerate(colours):
        x, height = 140 + i * 63, 286 - i * 24
        c.box(x, 378, 52, height, fill, corner=14)
        c.box(x - 12, 378, 9, height - 50, tint(fill, 0.3), corner=5)
        for end in (-1, 1):
            c.disc(x, 378 + end * (height / 2 - 24), 8, shade(fill, 0.3))
    for x1, y1, x2, y2, fill in ((250, 300, 420, 110, p.d), (384, 292, 536, 132, p.a)):
        c.line([(x1, y1), (x2, y2)], shade(wood, 0.3), 13)
        c.disc(x1, y1, 27, fill)
        c.disc(x1 - 9, y1 - 9, 8, tint(fill, 0.5))


def drum(c: Canvas, p: Palette) -> None:
    """A laced drum with crossed sticks."""
    c.shadow(320, 514, 180, 28, p.ink)
    c.box(320, 392, 320, 180, p.a)
    c.oval(320, 480, 160, 42, p.a)
    c.oval(320, 470, 166, 44, p.b)
    c.oval(320, 452, 160, 42, p.a)
    zigzag = [(166 + i * 44, 470 if i % 2 else 326) for i in range(8)]
    c.line(zigzag, p.paper, 9)
    for x, y in zigzag[1:-1]:
        c.disc(x, y + (14 if y > 400 else 6), 9, p.d)
    c.oval(320, 312, 172, 58, p.b)
    c.oval(320, 300, 172, 58, shade(p.b, 0.12))
    c.oval(320, 296, 154, 48, p.paper)
    for x1, y1, x2, y2 in ((268, 290, 464, 128), (372, 290, 176, 128)):
        c.line([(x1, y1), (x2, y2)], (206, 152, 100), 17)
        c.oval(x1, y1, 23, 18, (224, 176, 126))


def ukulele(c: Canvas, p: Palette) -> None:
    """A ukulele leaning in the light, with notes."""
    c.shadow(300, 514, 170, 26, p.ink)
    c.box(408, 200, 46, 250, shade(p.d, 0.1), corner=8, turn=36)
    c.box(496, 96, 70, 92, p.d, corner=14, turn=36)
    for dx, dy in ((-40, -12), (-16, -48), (28, 34), (48, 0)):
        c.disc(496 + dx, 96 + dy, 10, p.paper)
    c.disc(306, 330, 88, p.a)
    c.disc(240, 412, 112, p.a)
    c.box(276, 368, 120, 130, p.a, turn=36)
    c.disc(288, 352, 47, shade(p.a, 0.3))
    c.disc(288, 352, 36, p.ink)
    c.box(212, 452, 88, 22, p.ink, corner=8, turn=36)
    for offset in (-12, -4, 4, 12):
        c.line(
            [(216 + offset, 450 + offset * 0.7), (490 + offset, 92 + offset * 0.7)], p.paper, 2.4
        )
    c.arc(240, 412, 92, 130, 200, tint(p.a, 0.4), 11)
    for x, y, fill in ((140, 170, p.c), (236, 128, p.b)):
        c.oval(x, y + 56, 22, 17, fill, turn=-18)
        c.line([(x + 19, y + 52), (x + 19, y - 18)], fill, 8)
        c.line([(x + 19, y - 18), (x + 50, y + 2)], fill, 12)
