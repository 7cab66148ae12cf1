"""Motifs that roll, fly, float or are carried out of doors."""

from __future__ import annotations

import math

from seed_catalogue.canvas import Canvas, Colour, mix, shade, star, tint
from seed_catalogue.palettes import Palette

_SEA: Colour = (64, 158, 198)


def _wheel(c: Canvas, p: Palette, x: float, y: float, r: float, hub: Colour) -> None:
    c.disc(x, y, r, p.ink)
    c.disc(x, y, r * 0.62, hub)
    c.disc(x, y, r * 0.26, p.paper)


def car(c: Canvas, p: Palette) -> None:
    """A small round car in profile."""
    c.shadow(320, 500, 230, 26, p.ink)
    c.pie(316, 340, 134, 180, 360, shade(p.a, 0.06))
    c.pie(316, 340, 108, 180, 360, tint(p.c, 0.62))
    c.box(316, 290, 20, 110, shade(p.a, 0.06))
    c.box(320, 396, 424, 118, p.a, corner=50)
    c.box(320, 356, 396, 40, tint(p.a, 0.22), corner=20)
    c.box(320, 436, 424, 22, p.d, corner=11)
    for x in (206, 438):
        c.disc(x, 446, 66, shade(p.a, 0.3))
        _wheel(c, p, x, 452, 54, p.b)
    c.disc(520, 382, 24, (255, 226, 140))
    c.box(116, 384, 20, 42, p.b, corner=8)
    c.box(348, 380, 44, 11, p.paper, corner=5)
    c.poly([(246, 236), (300, 236), (268, 330), (216, 330)], tint(p.c, 0.8))


def truck(c: Canvas, p: Palette) -> None:
    """A lorry with a tall box and a star on it."""
    c.shadow(320, 500, 240, 26, p.ink)
    c.box(238, 312, 300, 236, p.a, corner=18)
    c.box(238, 212, 300, 34, tint(p.a, 0.3), corner=14)
    c.poly(star(238, 318, 66), tint(p.b, 0.15))
    c.box(466, 376, 150, 148, p.d, corner=26)
    c.box(432, 388, 80, 124, p.d)
    c.box(484, 350, 86, 62, tint(p.c, 0.65), corner=14)
    c.poly([(462, 322), (486, 322), (466, 380), (444, 380)], tint(p.c, 0.85))
    c.box(318, 446, 456, 26, p.ink, corner=10)
    c.disc(534, 414, 16, (255, 226, 140))
    for x in (176, 280, 472):
        _wheel(c, p, x, 456, 48, p.b)


def digger(c: Canvas, p: Palette) -> None:
    """An excavator with its arm up."""
    c.shadow(320, 508, 230, 26, p.ink)
    c.line([(316, 330), (440, 190), (528, 300)], p.b, 42)
    c.line([(316, 330), (440, 190), (528, 300)], tint(p.b, 0.25), 14)
    for x, y in ((440, 190), (528, 300)):
        c.disc(x, y, 19, p.ink)
    c.poly([(480, 318), (576, 318), (566, 396), (512, 410), (470, 370)], p.d)
    for x in (490, 516, 542):
        c.poly([(x - 12, 396), (x + 14, 396), (x, 428)], p.d)
    c.box(226, 348, 230, 130, p.b, corner=24)
    c.box(254, 270, 140, 140, p.b, corner=22)
    c.box(262, 268, 98, 92, tint(p.c, 0.65), corner=14)
    c.box(158, 366, 66, 60, shade(p.b, 0.2), corner=12)
    c.box(226, 398, 240, 18, p.a, corner=9)
    c.box(240, 458, 330, 86, p.ink, corner=43)
    for x in (122, 182, 240, 298, 358):
        c.disc(x, 458, 23, tint(p.ink, 0.35))
        c.disc(x, 458, 9, p.b)


def train(c: Canvas, p: Palette) -> None:
    """A steam engine with a puff of cloud."""
    c.shadow(320, 506, 230, 24, p.ink)
    c.box(320, 500, 520, 12, shade(p.ground, 0.25), corner=6)
    for x, y, r in ((432, 110, 26), (386, 92, 34), (338, 110, 26), (460, 150, 17)):
        c.disc(x, y, r, tint(p.bottom, 0.75))
    c.poly([(420, 190), (496, 190), (478, 282), (438, 282)], p.ink)
    c.box(458, 190, 96, 24, p.a, corner=10)
    c.box(390, 340, 260, 128, p.a, corner=50)
    c.box(372, 296, 200, 14, tint(p.a, 0.4), corner=7)
    for x in (330, 410):
        c.box(x, 340, 14, 128, p.b)
    c.box(188, 318, 158, 212, p.d, corner=14)
    c.box(188, 206, 196, 30, shade(p.d, 0.22), corner=12)
    c.box(188, 284, 98, 84, tint(p.c, 0.65), corner=12)
    c.pie(326, 276, 32, 180, 360, p.b)
    c.box(316, 418, 424, 34, shade(p.a, 0.25), corner=10)
    c.poly([(516, 404), (566, 470), (504, 470)], p.b)
    c.disc(512, 330, 22, (255, 226, 140))
    _wheel(c, p, 180, 440, 58, p.c)
    for x in (326, 408, 476):
        _wheel(c, p, x, 458, 38, p.c)
    c.line([(180, 452), (326, 466), (408, 466)], p.b, 11)


def tram(c: Canvas, p: Palette) -> None:
    """A tram or bus with passengers at the windows."""
    c.shadow(320, 506, 240, 24, p.ink)
    c.box(320, 502, 540, 11, shade(p.ground, 0.25), corner=5)
    c.line([(250, 180), (320, 110), (390, 180)], p.ink, 8)
    c.line([(236, 108), (404, 108)], p.ink, 8)
    c.box(320, 330, 452, 280, p.a, corner=40)
    c.box(320, 200, 404, 34, tint(p.paper, 0.2), corner=16)
    c.box(320, 402, 452, 46, p.paper)
    c.box(320, 446, 452, 24, shade(p.a, 0.22), corner=10)
    skins = ((250, 214, 186), (168, 114, 82), (224, 172, 132))
    for i in range(4):
        x = 158 + i * 108
        c.box(x, 294, 84, 108, tint(p.c, 0.68), corner=16)
        if i < 3:
            c.disc(x, 316, 25, skins[i])
            c.pie(x, 310, 27, 180, 360, (p.d, p.b, p.ink)[i])
            c.box(x, 344, 60, 18, (p.b, p.d, p.c)[i], corner=9)
    c.disc(518, 402, 17, (255, 226, 140))
    c.disc(320, 402, 20, p.b)
    for x in (196, 444):
        _wheel(c, p, x, 466, 40, p.b)


def plane(c: Canvas, p: Palette) -> None:
    """A stubby propeller plane among clouds."""
    c.shadow(320, 520, 150, 16, p.ink)
    for x, y in ((130, 420), (512, 170)):
        for dx, dy, r in ((-40, 8, 28), (0, -8, 40), (42, 8, 28)):
            c.disc(x + dx, y + dy, r, tint(p.top, 0.75))
        c.box(x, y + 20, 138, 32, tint(p.top, 0.75), corner=16)
    c.poly([(104, 196), (166, 196), (214, 300), (130, 310)], p.d)
    c.oval(324, 320, 214, 86, p.a)
    c.poly([(120, 286), (230, 260), (200, 380)], p.a)
    c.oval(324, 350, 190, 52, shade(p.a, 0.14))
    c.oval(370, 272, 66, 50, tint(p.c, 0.6))
    c.oval(324, 316, 212, 48, p.a)
    c.poly([(250, 326), (374, 326), (300, 450), (208, 450)], p.b)
    c.poly([(262, 326), (300, 326), (246, 450), (208, 450)], tint(p.b, 0.3))
    c.oval(536, 320, 28, 40, p.paper)
    c.oval(556, 320, 11, 108, p.ink, turn=10)
    c.disc(556, 320, 17, p.b)
    for x in (410, 452, 250):
        c.disc(x, 312, 15, p.paper)


def boat(c: Canvas, p: Palette) -> None:
    """A sailing boat on waves."""
    c.shadow(320, 512, 210, 20, p.ink)
    sea = mix(p.d, _SEA, 0.75)
    c.box(322, 258, 14, 300, (178, 128, 86), corner=7)
    c.poly([(338, 118), (338, 372), (500, 372)], p.paper)
    c.poly([(338, 250), (338, 372), (500, 372), (420, 250)], tint(p.b, 0.25))
    c.poly([(306, 160), (306, 372), (188, 372)], p.b)
    c.poly([(328, 112), (328, 78), (396, 95)], p.a)
    c.poly([(130, 392), (530, 392), (458, 492), (202, 492)], p.a)
    c.poly([(130, 392), (530, 392), (514, 414), (146, 414)], tint(p.a, 0.35))
    for x in (260, 330, 400):
        c.disc(x, 446, 17, p.paper)
        c.disc(x, 446, 11, p.d)
    for i in range(7):
        c.pie(88 + i * 78, 502, 45, 180, 360, sea if i % 2 else tint(sea, 0.14))
    c.box(320, 506, 550, 28, tint(sea, 0.07), corner=14)


def tug(c: Canvas, p: Palette) -> None:
    """A tug boat with a funnel and a smile."""
    c.shadow(320, 514, 210, 20, p.ink)
    sea = mix(p.d, _SEA, 0.75)
    for x, y, r in ((268, 112, 22), (234, 92, 28), (200, 112, 20)):
        c.disc(x, y, r, tint(p.top, 0.75))
    c.box(282, 208, 74, 130, p.b, corner=8)
    c.box(282, 162, 90, 30, p.ink, corner=8)
    c.box(330, 318, 230, 120, p.paper, corner=18)
    c.box(392, 264, 130, 76, p.paper, corner=16)
    c.box(396, 222, 156, 24, p.d, corner=12)
    c.box(402, 270, 74, 44, tint(p.c, 0.6), corner=12)
    for x in (262, 330, 398):
        c.disc(x, 334, 21, p.d)
        c.disc(x, 334, 13, tint(p.c, 0.6))
    c.poly([(106, 382), (560, 356), (500, 492), (180, 492)], p.a)
    c.line([(110, 386), (556, 361)], shade(p.a, 0.25), 20)
    c.disc(470, 416, 12, p.ink)
    c.disc(516, 412, 10, p.ink)
    c.arc(492, 426, 18, 20, 160, p.ink, 6)
    for x in (190, 270, 350):
        c.disc(x, 440, 24, p.ink)
        c.disc(x, 440, 10, p.a)
    for i in range(7):
        c.pie(88 + i * 78, 506, 40, 180, 360, tint(sea, 0.15 if i % 2 else 0.28))
    c.box(320, 508, 550, 24, tint(sea, 0.2), corner=12)


def bucket(c: Canvas, p: Palette) -> None:
    """A beach pail, a spade and a starfish."""
    c.shadow(310, 512, 210, 26, p.ink)
    c.line([(500, 470), (456, 196)], (206, 152, 100), 19)
    c.arc(449, 164, 30, 0, 360, p.d, 16)
    c.poly([(458, 392), (536, 380), (550, 466), (516, 510), (472, 478)], p.d)
    c.arc(286, 262, 118, 180, 360, p.ink, 10)
    c.poly([(154, 262), (418, 262), (384, 506), (188, 506)], p.a)
    c.poly([(286, 262), (418, 262), (384, 506), (286, 506)], shade(p.a, 0.1))
    c.oval(286, 262, 132, 28, mix(p.b, (240, 214, 160), 0.65))
    c.pie(286, 260, 96, 180, 360, mix(p.b, (240, 214, 160), 0.65))
    c.box(286, 280, 286, 32, tint(p.a, 0.35), corner=16)
    c.poly(star(286, 398, 66, waist=0.5), p.b)
    for dx, dy in ((0, 0), (0, -28), (24, -8), (-24, -8), (15, 22), (-15, 22)):
        c.disc(286 + dx, 396 + dy, 6, tint(p.b, 0.6))
    c.disc(102, 490, 26, p.c)
    c.arc(102, 490, 14, 180, 470, tint(p.c, 0.5), 6)


def kite(c: Canvas, p: Palette) -> None:
    """A diamond kite with a ribboned tail."""
    c.shadow(330, 522, 120, 14, p.ink)
    for x, y in ((140, 184), (500, 400)):
        for dx, dy, r in ((-38, 8, 26), (0, -8, 38), (40, 8, 26)):
            c.disc(x + dx, y + dy, r, tint(p.top, 0.75))
        c.box(x, y + 19, 130, 30, tint(p.top, 0.75), corner=15)
    tail = [(294.0 - i * 3.2 + 30 * math.sin(i / 3), 366 + i * 6.0) for i in range(26)]
    c.line(tail, p.ink, 5)
    for i, fill in ((6, p.a), (12, p.c), (18, p.b), (24, p.d)):
        knot_x, knot_y = tail[i]
        for side in (-1, 1):
            end = knot_x + side * 34
            c.poly([(knot_x, knot_y), (end, knot_y - 17), (end, knot_y + 17)], fill)
    top, right, low, left = (380.0, 90.0), (500.0, 216.0), (292.0, 372.0), (222.0, 148.0)
    cross = (347.0, 186.0)
    for one, two, fill in (
        (top, right, p.a),
        (right, low, p.b),
        (low, left, p.c),
        (left, top, p.d),
    ):
        c.poly([one, two, cross], fill)
    for one, two in ((top, low), (left, right)):
        c.line([one, two], p.paper, 6)


def ball(c: Canvas, p: Palette) -> None:
    """A beach ball with a bat beside it."""
    c.shadow(310, 508, 200, 28, p.ink)
    c.box(470, 360, 86, 250, (226, 182, 132), corner=24, turn=16)
    c.box(510, 212, 32, 110, p.d, corner=14, turn=16)
    c.disc(262, 358, 148, p.paper)
    for i, fill in enumerate((p.a, p.b, p.d)):
        middle = 90 + i * 120 - 30
        points = [(262.0, 318.0)]
        for step in range(13):
            angle = math.radians(middle - 30 + 60 * step / 12)
            points.append((262 + 148 * math.cos(angle), 358 + 148 * math.sin(angle)))
        c.poly(points, fill)
    c.oval(262, 318, 24, 19, p.c)
    c.arc(262, 358, 122, 205, 245, tint(p.paper, 0.6), 12)
    c.disc(468, 478, 33, p.a)
    c.arc(468, 478, 20, 130, 250, tint(p.a, 0.6), 5)


def bubbles(c: Canvas, p: Palette) -> None:
    """Floating bubbles above a wand and a bottle."""
    c.shadow(340, 514, 170, 22, p.ink)
    sky = mix(p.top, p.bottom, 0.4)
    spots = ((176, 210, 84, p.c), (330, 136, 56, p.a), (460, 200, 70, p.d), (300, 300, 44, p.b),
             (152, 372, 36, p.d))  # fmt: skip
    for x, y, r, hue in spots:
        c.disc(x, y, r, mix(sky, hue, 0.55))
        c.disc(x, y, r * 0.92, mix(sky, hue, 0.18))
        c.arc(x, y, r * 0.7, 195, 255, (255, 255, 255), r * 0.13)
        c.disc(x + r * 0.42, y + r * 0.42, r * 0.09, (255, 255, 255))
    c.box(424, 434, 136, 150, p.a, corner=26)
    c.box(424, 344, 76, 40, p.d, corner=10)
    c.box(424, 440, 136, 70, p.paper)
    c.poly(star(424, 440, 27), p.b)
    c.line([(232, 500), (258, 420)], p.b, 15)
    c.arc(270, 384, 34, 0, 360, p.b, 13)


def tent(c: Canvas, p: Palette) -> None:
    """A play tent with bunting."""
    c.shadow(320, 512, 230, 26, p.ink)
    for side in (-1, 1):
        c.line([(320 - side * 34, 96), (320 + side * 212, 500)], (190, 138, 92), 15)
    c.poly([(320, 128), (520, 500), (120, 500)], p.paper)
    for i in range(4):
        top = 0.2 + i * 0.2
        half_top, half_low = 200 * top, 200 * (top + 0.1)
        y1, y2 = 128 + 372 * top, 128 + 372 * (top + 0.1)
        c.poly([(320 - half_top, y1), (320 + half_top, y1), (320 + half_low, y2),
                (320 - half_low, y2)], tint(p.a, 0.2))  # fmt: skip
    c.poly([(320, 236), (398, 500), (242, 500)], shade(p.d, 0.35))
    c.poly([(320, 236), (242, 500), (214, 500), (262, 390)], p.a)
    c.poly([(320, 236), (398, 500), (426, 500), (378, 390)], p.a)
    for x, y in ((262, 392), (378, 392)):
        c.disc(x, y, 11, p.b)
    for i, fill in enumerate((p.b, p.c, p.d, p.a, p.b, p.c, p.d)):
        left, top = 92 + i * 70, 96 + 34 * math.sin(math.pi * i / 6)
        c.poly([(left - 5, top), (left + 41, top + 4), (left + 17, top + 44)], fill)


def garden(c: Canvas, p: Palette) -> None:
    """A sunflower, a trowel and a snail of a watering can."""
    c.shadow(320, 512, 220, 24, p.ink)
    leaf = mix(p.c, (84, 160, 96), 0.7)
    c.line([(216, 500), (216, 270)], leaf, 15)
    c.oval(264, 410, 52, 22, leaf, turn=-28)
    c.oval(168, 440, 52, 22, shade(leaf, 0.1), turn=28)
    petal = mix(p.b, (255, 196, 54), 0.75)
    for i in range(12):
        angle = math.pi * i / 6
        c.oval(216 + 74 * math.cos(angle), 214 + 74 * math.sin(angle), 42, 23,
               petal if i % 2 else tint(petal, 0.25), turn=30 * i)  # fmt: skip
    c.disc(216, 214, 56, (126, 82, 60))
    c.disc(216, 214, 40, (146, 98, 70))
    c.arc(496, 400, 54, 250, 450, p.d, 17)
    c.poly([(366, 330), (490, 330), (506, 504), (350, 504)], p.a)
    c.line([(360, 440), (290, 350)], p.a, 24)
    c.oval(282, 340, 34, 14, shade(p.a, 0.2), turn=-52)
    c.oval(428, 330, 62, 15, shade(p.a, 0.25))
    c.box(428, 442, 142, 22, tint(p.a, 0.4))
    for x, y in ((250, 376), (262, 402), (236, 396)):
        c.oval(x, y, 6, 10, p.d)


def scooter(c: Canvas, p: Palette) -> None:
    """A kick scooter with streamers."""
    c.shadow(320, 510, 220, 24, p.ink)
    c.line([(430, 440), (386, 170)], p.a, 24)
    c.line([(330, 180), (442, 160)], p.ink, 19)
    for x, y in ((336, 179), (436, 161)):
        c.line([(x, y), (x + (10 if x > 400 else -10), y - 2)], p.b, 28)
    for dx, dy, fill in ((-52, 50, p.c), (-34, 62, p.b), (-68, 34, p.d)):
        c.line([(322, 184), (322 + dx * 0.6, 190 + dy * 0.4), (322 + dx, 184 + dy)], fill, 7)
    c.line([(430, 420), (396, 440), (170, 440)], p.a, 30)
    c.line([(392, 432), (190, 432)], tint(p.a, 0.35), 10)
    c.pie(158, 462, 60, 180, 330, p.d)
    _wheel(c, p, 160, 464, 46, p.b)
    _wheel(c, p, 442, 464, 46, p.b)
    c.box(402, 292, 100, 66, p.d, corner=18, turn=-9)
    c.poly(star(402, 292, 23), p.b)


def balance_bike(c: Canvas, p: Palette) -> None:
    """A child's bike with a basket."""
    c.shadow(320, 512, 230, 22, p.ink)
    for x in (176, 464):
        c.disc(x, 420, 90, p.ink)
        c.disc(x, 420, 68, mix(p.bottom, p.ground, 0.3))
        for i in range(4):
            angle = math.pi * i / 4
            dx, dy = 66 * math.cos(angle), 66 * math.sin(angle)
            c.line([(x - dx, 420 - dy), (x + dx, 420 + dy)], p.paper, 5)
        c.disc(x, 420, 19, p.b)
    c.line([(176, 420), (258, 290), (414, 274)], p.a, 21)
    c.line([(176, 420), (318, 420), (414, 280)], p.a, 21)
    c.line([(318, 420), (244, 250)], p.a, 18)
    c.line([(464, 420), (408, 222), (372, 200)], p.a, 21)
    c.box(240, 238, 110, 32, p.d, corner=16, turn=-5)
    c.line([(372, 200), (344, 202)], p.ink, 21)
    c.poly([(432, 226), (540, 226), (522, 314), (452, 314)], (224, 178, 126))
    c.box(486, 228, 122, 18, (196, 146, 98), corner=9)
    for x in (462, 486, 510):
        c.line([(x, 246), (x, 304)], (196, 146, 98), 6)
    c.disc(468, 204, 22, p.b)
    c.disc(506, 206, 20, p.c)


def rocking_horse(c: Canvas, p: Palette) -> None:
    """A rocking horse on long runners."""
    c.shadow(320, 516, 220, 20, p.ink)
    coat = mix(p.b, (236, 206, 168), 0.6)
    c.arc(320, 210, 286, 50, 130, p.a, 25)
    for x1, x2 in ((236, 206), (398, 440)):
        c.line([(x1, 380), (x2, 478)], shade(coat, 0.12), 32)
    c.line([(176, 300), (130, 340), (124, 400)], p.d, 34)
    c.oval(306, 330, 138, 78, coat)
    c.poly([(366, 344), (350, 286), (432, 152), (494, 186), (440, 330)], coat)
    c.oval(498, 196, 68, 40, coat, turn=24)
    c.oval(544, 220, 27, 23, tint(coat, 0.4), turn=24)
    c.poly([(432, 164), (448, 108), (474, 156)], coat)
    for i in range(6):
        c.disc(420 - i * 13, 152 + i * 27, 26, p.d)
    c.disc(486, 182, 10, p.ink)
    c.disc(552, 218, 5, p.ink)
    c.line([(470, 216), (516, 172)], p.a, 9)
    c.line([(486, 226), (400, 262)], p.a, 7)
    c.pie(298, 282, 76, 0, 180, p.c)
    c.box(298, 276, 164, 26, shade(p.c, 0.2), corner=13)
    c.line([(298, 350), (298, 396)], p.ink, 7)
    c.box(298, 404, 48, 14, p.b, corner=7)
