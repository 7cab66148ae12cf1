"""Motifs with a face: dolls, soft animals, robots and the nursery."""

from __future__ import annotations

from seed_catalogue.canvas import Canvas, Colour, mix, shade, star, tint
from seed_catalogue.palettes import Palette

_SKIN: tuple[Colour, ...] = ((250, 214, 186), (224, 172, 132), (168, 114, 82), (122, 82, 60))
_BLUSH: Colour = (240, 138, 132)


def _face(c: Canvas, p: Palette, x: float, y: float, spread: float, *, eye: float = 9) -> None:
    """Draw two eyes, two cheeks and a smile about (x, y)."""
    for side in (-1, 1):
        c.disc(x + side * spread, y, eye, p.ink)
        c.disc(x + side * spread - eye * 0.3, y - eye * 0.35, eye * 0.32, (255, 255, 255))
    c.arc(x, y + spread * 0.28, spread * 0.46, 25, 155, p.ink, max(4.0, eye * 0.5))


def doll(c: Canvas, p: Palette) -> None:
    """A rag doll with bunches and a full skirt."""
    c.shadow(320, 514, 140, 24, p.ink)
    skin = _SKIN[(p.a[0] + p.b[1] + p.d[2]) // 5 % len(_SKIN)]
    hair = shade(p.b, 0.3) if skin[0] > 180 else (58, 40, 52)
    for side in (-1, 1):
        c.box(320 + side * 36, 474, 30, 64, skin, corner=10)
        c.box(320 + side * 40, 502, 52, 26, p.d, corner=13)
        c.line([(320 + side * 50, 340), (320 + side * 132, 400)], tint(p.a, 0.2), 36)
        c.disc(320 + side * 140, 407, 20, skin)
        c.disc(320 + side * 120, 214, 46, hair)
        c.box(320 + side * 94, 198, 24, 34, p.c, corner=8)
    c.poly([(282, 310), (358, 310), (440, 462), (200, 462)], p.a)
    c.box(320, 458, 246, 22, tint(p.a, 0.4), corner=11)
    c.poly([(292, 372), (348, 372), (386, 440), (254, 440)], p.paper)
    c.box(320, 368, 84, 16, p.c, corner=6)
    c.disc(320, 216, 104, hair)
    c.oval(320, 230, 90, 86, skin)
    c.pie(320, 204, 96, 190, 350, hair)
    for side in (-1, 1):
        c.disc(320 + side * 54, 258, 16, mix(skin, _BLUSH, 0.6))
    _face(c, p, 320, 236, 34)
    c.poly(star(320, 410, 15), p.b)


def peg_family(c: Canvas, p: Palette) -> None:
    """Four turned peg people of different sizes."""
    c.shadow(320, 512, 220, 26, p.ink)
    people = ((190, 1.0, p.a, 0), (310, 1.16, p.d, 1), (412, 0.74, p.b, 2), (490, 0.6, p.c, 3))
    for x, size, fill, tone in people:
        skin = _SKIN[(tone + p.a[2]) % 3]
        base, head = 506.0, 52 * size
        top = base - 210 * size
        c.poly([(x - 34 * size, top), (x + 34 * size, top), (x + 56 * size, base - 12),
                (x - 56 * size, base - 12)], fill)  # fmt: skip
        c.box(x, base - 12, 112 * size, 24, fill, corner=12)
        c.box(x, base - 66 * size, 90 * size, 16 * size, tint(fill, 0.45), corner=6)
        c.disc(x, top - head * 0.55, head, skin)
        c.pie(x, top - head * 0.6, head * 1.02, 180, 360, shade(fill, 0.35))
        c.box(x, top - head * 0.62, head * 2.3, 12 * size, shade(fill, 0.35), corner=6)
        _face(c, p, x, top - head * 0.32, 18 * size, eye=5.5 * size)


def dolls_house(c: Canvas, p: Palette) -> None:
    """A house with its front open on four rooms."""
    c.shadow(320, 514, 210, 26, p.ink)
    c.box(416, 150, 44, 90, shade(p.d, 0.2))
    c.poly([(116, 260), (524, 260), (320, 96)], p.a)
    c.poly([(176, 260), (464, 260), (320, 142)], tint(p.c, 0.55))
    c.disc(320, 216, 30, p.paper)
    c.disc(320, 216, 22, tint(p.d, 0.4))
    c.box(320, 382, 368, 250, p.paper)
    walls = (tint(p.b, 0.55), tint(p.d, 0.6), tint(p.a, 0.62), tint(p.c, 0.6))
    for i, wall in enumerate(walls):
        c.box(234 + 172 * (i % 2), 322 + 122 * (i // 2), 160, 110, wall)
    c.box(204, 362, 84, 24, p.d, corner=6)
    c.box(172, 340, 16, 64, shade(p.d, 0.2), corner=6)
    c.box(222, 346, 44, 16, p.paper, corner=8)
    c.line([(400, 268), (400, 292)], p.ink, 3)
    c.pie(400, 316, 28, 180, 360, p.b)
    c.box(440, 356, 56, 40, p.c, corner=8)
    c.box(220, 464, 76, 12, shade(p.a, 0.1), corner=5)
    for x in (192, 248):
        c.box(x, 482, 9, 34, shade(p.a, 0.1))
    c.disc(220, 446, 14, p.b)
    c.box(406, 462, 56, 74, p.a, corner=6)
    c.disc(424, 464, 5, p.paper)
    c.box(320, 508, 400, 18, shade(p.d, 0.1), corner=8)


def _seated(c: Canvas, p: Palette, fur: Colour) -> Colour:
    """Draw the body of a sitting soft toy and return its light colour."""
    light = tint(fur, 0.5)
    c.shadow(320, 514, 160, 26, p.ink)
    c.oval(320, 428, 104, 92, fur)
    c.oval(320, 442, 64, 62, light)
    for side in (-1, 1):
        c.oval(320 + side * 112, 400, 34, 60, fur, turn=-side * 32)
        c.oval(320 + side * 92, 484, 52, 40, fur)
        c.oval(320 + side * 94, 484, 30, 25, light)
    return light


def bear(c: Canvas, p: Palette) -> None:
    """A teddy bear with a bow tie."""
    fur = mix(p.b, (186, 126, 78), 0.7)
    light = _seated(c, p, fur)
    for side in (-1, 1):
        c.disc(320 + side * 88, 164, 44, fur)
        c.disc(320 + side * 88, 164, 25, light)
    c.oval(320, 242, 126, 112, fur)
    c.oval(320, 282, 58, 46, light)
    c.oval(320, 262, 22, 16, p.ink)
    for side in (-1, 1):
        c.disc(320 + side * 56, 228, 12, p.ink)
        c.disc(320 + side * 56 - 4, 224, 4, p.paper)
        c.disc(320 + side * 84, 268, 18, mix(fur, _BLUSH, 0.5))
        c.poly([(320, 356), (320 + side * 62, 330), (320 + side * 62, 386)], p.a)
        c.arc(320 + side * 13, 284, 13, 10, 170, p.ink, 5)
    c.disc(320, 357, 17, shade(p.a))


def hare(c: Canvas, p: Palette) -> None:
    """A long-eared hare with a scarf."""
    fur = mix(p.d, (214, 204, 214), 0.62)
    light = _seated(c, p, fur)
    for side in (-1, 1):
        c.oval(320 + side * 52, 128, 32, 92, fur, turn=side * 12)
        c.oval(320 + side * 52, 134, 17, 68, mix(light, _BLUSH, 0.45), turn=side * 12)
    c.oval(320, 262, 112, 100, fur)
    c.oval(320, 292, 46, 34, light)
    c.poly([(306, 274), (334, 274), (320, 290)], _BLUSH)
    for side in (-1, 1):
        c.disc(320 + side * 74, 290, 17, mix(fur, _BLUSH, 0.5))
        c.disc(320 + side * 48, 252, 12, p.ink)
        c.disc(320 + side * 48 - 4, 248, 4, p.paper)
        c.arc(320 + side * 11, 297, 11, 10, 170, p.ink, 4.5)
    c.box(320, 362, 150, 32, p.a, corner=16)
    c.box(364, 404, 36, 82, p.a, corner=10, turn=-8)
    c.box(368, 426, 37, 12, tint(p.a, 0.5), turn=-8)


def elephant(c: Canvas, p: Palette) -> None:
    """A small elephant with big ears."""
    skin = mix(p.d, (168, 182, 204), 0.55)
    light = _seated(c, p, skin)
    for side in (-1, 1):
        c.oval(320 + side * 132, 232, 76, 92, skin, turn=side * 8)
        c.oval(320 + side * 134, 236, 50, 66, mix(light, _BLUSH, 0.35), turn=side * 8)
    c.oval(320, 236, 110, 108, skin)
    c.line([(320, 270), (320, 330), (338, 366), (376, 372), (392, 352)], shade(skin, 0.06), 50)
    c.line([(296, 306), (340, 306)], shade(skin, 0.18), 6)
    c.line([(300, 332), (342, 328)], shade(skin, 0.18), 6)
    for side in (-1, 1):
        c.disc(320 + side * 52, 226, 12, p.ink)
        c.disc(320 + side * 52 - 4, 222, 4, p.paper)
        c.disc(320 + side * 74, 268, 17, mix(skin, _BLUSH, 0.5))
    c.poly([(268, 142), (372, 142), (320, 76)], p.a)
    c.disc(320, 76, 16, p.b)
    c.box(320, 140, 112, 16, tint(p.a, 0.5), corner=8)


def cat(c: Canvas, p: Palette) -> None:
    """A cat with whiskers and a collar."""
    fur = mix(p.a, (238, 168, 104), 0.7)
    light = _seated(c, p, fur)
    c.line([(424, 470), (484, 452), (500, 396), (482, 356)], fur, 34)
    c.disc(481, 352, 19, light)
    for side in (-1, 1):
        c.poly([(320 + side * 32, 172), (320 + side * 124, 214), (320 + side * 110, 104)], fur)
        c.poly([(320 + side * 58, 172), (320 + side * 106, 196), (320 + side * 100, 134)], p.c)
    c.oval(320, 246, 126, 104, fur)
    c.oval(320, 286, 62, 44, light)
    c.poly([(304, 262), (336, 262), (320, 280)], p.ink)
    for side in (-1, 1):
        c.disc(320 + side * 56, 238, 13, p.ink)
        c.disc(320 + side * 56 - 4, 233, 4.5, p.paper)
        c.arc(320 + side * 13, 284, 13, 10, 170, p.ink, 5)
        for lean in (-8, 10):
            c.line([(320 + side * 82, 280 + lean / 3), (320 + side * 146, 276 + lean)], p.paper, 4)
    for x in (-26, 0, 26):
        c.box(320 + x, 164, 11, 34 - abs(x) / 3, shade(fur, 0.2), corner=5)
    c.box(320, 352, 124, 20, p.d, corner=10)
    c.disc(320, 370, 15, p.b)


def penguin(c: Canvas, p: Palette) -> None:
    """A round penguin in a woolly hat."""
    beak = (250, 168, 64)
    coat = mix(p.d, (44, 54, 92), 0.8)
    c.shadow(320, 514, 130, 24, p.ink)
    for side in (-1, 1):
        c.oval(320 + side * 50, 500, 46, 18, beak)
        c.oval(320 + side * 142, 356, 30, 88, shade(coat, 0.2), turn=-side * 22)
    c.oval(320, 342, 142, 162, coat)
    c.oval(320, 386, 100, 112, p.paper)
    for side in (-1, 1):
        c.oval(320 + side * 42, 272, 52, 50, p.paper)
        c.disc(320 + side * 42, 270, 12, p.ink)
        c.disc(320 + side * 42 - 4, 266, 4, p.paper)
        c.disc(320 + side * 74, 304, 17, mix(p.paper, _BLUSH, 0.55))
    c.poly([(292, 292), (348, 292), (320, 326)], beak)
    c.pie(320, 226, 106, 180, 360, p.a)
    c.box(320, 224, 232, 36, tint(p.a, 0.45), corner=18)
    c.disc(320, 118, 30, p.paper)


def whale(c: Canvas, p: Palette) -> None:
    """A smiling whale with a spout."""
    skin = mix(p.d, (72, 132, 196), 0.7)
    c.shadow(320, 508, 220, 26, p.ink)
    c.poly([(470, 388), (548, 250), (590, 270), (586, 330), (520, 430)], skin)
    c.oval(556, 250, 46, 24, skin, turn=-38)
    c.oval(594, 292, 44, 22, skin, turn=18)
    c.oval(292, 386, 210, 116, skin)
    c.poly([(110, 426), (480, 426), (420, 486), (292, 502), (170, 482)], tint(skin, 0.62))
    for x in range(170, 400, 46):
        c.line([(x, 442), (x + 8, 486 - abs(x - 290) / 9)], tint(skin, 0.32), 6)
    c.disc(186, 372, 14, p.ink)
    c.disc(181, 367, 5, p.paper)
    c.disc(222, 404, 18, mix(skin, _BLUSH, 0.6))
    c.arc(150, 394, 26, 20, 110, p.ink, 6)
    c.oval(330, 438, 26, 56, shade(skin, 0.16), turn=34)
    for x, y, fill in ((270, 200, p.c), (232, 168, p.c), (308, 168, p.c)):
        c.line([(270, 264), (270, 210), (x, y)], tint(fill, 0.4), 13)
        c.disc(x, y, 17, tint(fill, 0.2))


def octopus(c: Canvas, p: Palette) -> None:
    """A plump octopus with curling arms."""
    skin = p.a
    c.shadow(320, 512, 200, 26, p.ink)
    arms = ((210, 400, 130, 440, 110, 490), (246, 440, 196, 490, 160, 500),
            (296, 450, 280, 490, 240, 504), (430, 400, 510, 440, 530, 490),
            (394, 440, 444, 490, 480, 500), (344, 450, 360, 490, 400, 504))  # fmt: skip
    for x1, y1, x2, y2, x3, y3 in arms:
        c.line([(x1, y1 - 50), (x1, y1), (x2, y2), (x3, y3)], shade(skin, 0.1), 40)
        c.disc(x3, y3 - 4, 11, tint(skin, 0.5))
    c.oval(320, 298, 156, 168, skin)
    c.oval(266, 196, 40, 24, tint(skin, 0.4), turn=-34)
    for side in (-1, 1):
        c.disc(320 + side * 56, 320, 34, p.paper)
        c.disc(320 + side * 52, 324, 18, p.ink)
        c.disc(320 + side * 52 - 6, 317, 6, p.paper)
        c.disc(320 + side * 108, 366, 19, mix(skin, _BLUSH, 0.6) if skin != p.b else p.d)
    c.arc(320, 366, 26, 20, 160, p.ink, 7)
    for x, y, r in ((330, 176, 13), (376, 204, 17), (402, 250, 10)):
        c.disc(x, y, r, tint(skin, 0.28))


def robot(c: Canvas, p: Palette) -> None:
    """A friendly robot with an aerial and a dial."""
    c.shadow(320, 514, 160, 26, p.ink)
    metal = tint(p.d, 0.3)
    for side in (-1, 1):
        c.box(320 + side * 56, 468, 40, 70, shade(metal, 0.25), corner=8)
        c.box(320 + side * 60, 498, 84, 32, p.ink, corner=14)
        c.line([(320 + side * 110, 356), (320 + side * 160, 386), (320 + side * 168, 430)],
               shade(metal, 0.25), 26)  # fmt: skip
        c.disc(320 + side * 170, 442, 28, p.a)
        c.disc(320 + side * 172, 450, 13, mix(p.top, p.bottom, 0.5))
        c.box(320 + side * 128, 218, 28, 60, p.a, corner=12)
    c.box(320, 384, 220, 140, metal, corner=26)
    c.box(320, 384, 150, 90, p.paper, corner=16)
    c.arc(286, 392, 24, 180, 360, p.ink, 7)
    c.line([(286, 392), (300, 374)], p.a, 6)
    for i, fill in enumerate((p.a, p.b, p.c)):
        c.disc(334 + i * 26 - 4, 376, 10, fill)
    c.box(352, 404, 66, 12, p.d, corner=6)
    c.box(320, 308, 60, 26, shade(metal, 0.25))
    c.box(320, 218, 232, 156, metal, corner=40)
    c.box(320, 222, 180, 104, p.ink, corner=34)
    for side in (-1, 1):
        c.disc(320 + side * 42, 214, 23, tint(p.c, 0.25))
        c.disc(320 + side * 42 - 7, 207, 7, p.paper)
    c.arc(320, 232, 22, 25, 155, tint(p.c, 0.25), 7)
    c.line([(320, 140), (320, 102)], shade(metal, 0.25), 9)
    c.disc(320, 94, 21, p.b)
    c.disc(313, 87, 6, tint(p.b, 0.6))


def robot_dog(c: Canvas, p: Palette) -> None:
    """A robot dog wagging an aerial."""
    c.shadow(310, 514, 190, 26, p.ink)
    metal = tint(p.c, 0.25)
    for x in (210, 268, 368, 424):
        c.box(x, 454, 36, 90, shade(metal, 0.25 if x in (268, 424) else 0.1), corner=10)
        c.box(x - 6, 496, 58, 26, p.ink, corner=12)
    c.line([(444, 356), (496, 300), (500, 250)], p.ink, 9)
    c.disc(500, 240, 20, p.b)
    c.box(326, 376, 270, 120, metal, corner=40)
    c.box(350, 372, 130, 62, p.paper, corner=18)
    for i, fill in enumerate((p.a, p.b, p.d)):
        c.disc(314 + i * 36, 372, 12, fill)
    c.box(204, 316, 44, 60, shade(metal, 0.25))
    c.box(194, 238, 190, 146, p.a, corner=38)
    c.box(146, 282, 112, 62, tint(p.a, 0.4), corner=26)
    c.oval(102, 266, 18, 14, p.ink)
    c.box(196, 222, 120, 48, p.ink, corner=24)
    for x in (172, 222):
        c.disc(x, 222, 14, tint(p.c, 0.5))
    c.line([(120, 296), (160, 300)], p.ink, 6)
    c.box(268, 216, 44, 104, shade(p.a, 0.25), corner=22, turn=-12)
    c.box(204, 330, 104, 20, p.b, corner=10)


def rover(c: Canvas, p: Palette) -> None:
    """A six-wheeled explorer on a dusty plain."""
    c.shadow(320, 512, 210, 26, p.ink)
    c.line([(176, 452), (250, 388), (320, 448)], p.ink, 15)
    c.line([(320, 448), (392, 388), (464, 452)], p.ink, 15)
    for x in (170, 320, 470):
        c.disc(x, 458, 50, p.ink)
        c.disc(x, 458, 30, tint(p.d, 0.3))
        c.disc(x, 458, 11, p.ink)
    c.box(320, 356, 300, 90, p.a, corner=20)
    c.box(320, 336, 300, 16, tint(p.a, 0.35), corner=8)
    c.poly([(330, 296), (520, 296), (556, 250), (366, 250)], p.d)
    for i in range(1, 4):
        c.line([(330 + i * 47, 294), (366 + i * 47, 252)], tint(p.d, 0.4), 4)
    c.line([(222, 316), (222, 190)], shade(p.a, 0.3), 17)
    c.box(222, 168, 120, 72, p.paper, corner=22)
    for x in (196, 250):
        c.disc(x, 168, 20, p.ink)
        c.disc(x - 5, 163, 7, tint(p.c, 0.5))
    for x, fill in ((220, p.b), (268, p.c), (316, p.paper)):
        c.disc(x, 364, 15, fill)
    c.line([(462, 320), (530, 372), (520, 420)], shade(p.a, 0.3), 13)
    c.disc(518, 428, 17, p.b)


def stacking_rings(c: Canvas, p: Palette) -> None:
    """Rings on a peg, the largest below."""
    c.shadow(320, 512, 160, 26, p.ink)
    wood = (222, 174, 122)
    c.box(320, 492, 270, 36, wood, corner=18)
    c.box(320, 300, 30, 330, shade(wood, 0.1), corner=15)
    colours = (p.a, p.b, p.c, p.d, mix(p.a, p.d, 0.5))
    for i, fill in enumerate(colours):
        y, width = 446 - i * 57, 262 - i * 36
        c.box(320, y, width, 58, fill, corner=29)
        c.box(320 - width * 0.16, y - 14, width * 0.42, 10, tint(fill, 0.45), corner=5)
        c.box(320, y + 20, width * 0.72, 8, shade(fill, 0.12), corner=4)
    c.disc(320, 148, 44, p.b)
    _face(c, p, 320, 144, 15, eye=5)


def rattle(c: Canvas, p: Palette) -> None:
    """A rattle with a star window."""
    c.shadow(320, 514, 150, 22, p.ink)
    wood = (226, 182, 132)
    c.box(382, 386, 40, 200, wood, corner=20, turn=-32)
    c.disc(438, 476, 38, p.c)
    c.disc(438, 476, 18, mix(p.bottom, p.ground, 0.3))
    c.disc(264, 236, 138, p.a)
    c.disc(264, 236, 104, p.paper)
    for x, y, r, fill in ((226, 262, 27, p.b), (296, 272, 23, p.c), (300, 212, 19, p.d)):
        c.disc(x, y, r, fill)
        c.disc(x - r / 3, y - r / 3, r / 4, tint(fill, 0.6))
    c.poly(star(232, 192, 33), p.a)
    c.arc(264, 236, 121, 200, 262, tint(p.a, 0.5), 12)
    for x, y, turn in ((440, 190, -20), (462, 250, 8), (410, 138, -44)):
        c.box(x, y, 44, 11, p.b, corner=5, turn=turn)


def duck(c: Canvas, p: Palette) -> None:
    """A bath duck on small waves."""
    yellow = mix(p.b, (255, 204, 64), 0.85)
    c.shadow(320, 506, 200, 26, p.ink)
    c.oval(330, 420, 168, 92, yellow)
    c.poly([(420, 380), (520, 318), (494, 440)], yellow)
    c.disc(244, 272, 96, yellow)
    c.box(262, 352, 120, 80, yellow, corner=30)
    c.oval(370, 412, 80, 48, shade(yellow, 0.1), turn=-12)
    c.oval(384, 398, 52, 24, tint(yellow, 0.3), turn=-12)
    c.oval(150, 292, 52, 20, p.a)
    c.oval(158, 308, 40, 14, shade(p.a, 0.14))
    c.disc(222, 250, 15, p.ink)
    c.disc(217, 245, 5, p.paper)
    c.disc(250, 300, 19, mix(yellow, _BLUSH, 0.5))
    c.pie(262, 190, 70, 180, 360, p.d)
    c.box(262, 190, 176, 20, shade(p.d, 0.16), corner=10)
    c.disc(262, 122, 13, p.a)
    sea = tint(mix(p.c, (64, 158, 198), 0.75), 0.2)
    for i in range(6):
        c.pie(120 + i * 80, 500, 46, 180, 360, sea)
    c.box(320, 506, 492, 22, sea, corner=11)


def mobile(c: Canvas, p: Palette) -> None:
    """A cot mobile of moon, stars and clouds."""
    c.shadow(320, 516, 150, 18, p.ink)
    wood = (222, 174, 122)
    c.line([(320, 60), (320, 146)], wood, 8)
    c.line([(130, 164), (320, 140), (510, 164)], wood, 16)
    c.disc(320, 140, 22, p.d)
    hung = ((140, 162, 300), (240, 150, 400), (400, 150, 390), (500, 162, 290))
    for x, y1, y2 in hung:
        c.line([(x, y1), (x, y2)], shade(p.ground, 0.3), 4)
    c.line([(320, 140), (320, 290)], shade(p.ground, 0.3), 4)
    c.disc(320, 326, 68, p.b)
    c.disc(350, 308, 55, mix(p.top, p.bottom, 0.45))
    c.poly(star(140, 320, 46), p.a)
    c.poly(star(500, 312, 46), p.c)
    for x, y, fill in ((240, 424, p.paper), (400, 414, tint(p.d, 0.55))):
        for dx, dy, r in ((-34, 8, 26), (0, -8, 36), (36, 8, 26)):
            c.disc(x + dx, y + dy, r, fill)
        c.box(x, y + 22, 112, 26, fill, corner=13)
    _face(c, p, 240, 424, 16, eye=5)
    _face(c, p, 400, 414, 16, eye=5)
