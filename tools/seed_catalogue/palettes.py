"""Colour schemes of the catalogue's pictures."""

from __future__ import annotations

from dataclasses import dataclass

from seed_catalogue.canvas import Colour

__all__ = ["PALETTES", "Palette"]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one picture: a quiet background and four accents that go together."""

    top: Colour
    bottom: Colour
    ground: Colour
    a: Colour
    b: Colour
    c: Colour
    d: Colour
    ink: Colour = (58, 46, 82)
    paper: Colour = (255, 250, 240)

    def rotated(self, steps: int) -> Palette:
        """Return the same scheme with its accents in other places."""
        ring = [self.a, self.b, self.c, self.d]
        a, b, c, d = (ring[(i + steps) % 4] for i in range(4))
        return Palette(self.top, self.bottom, self.ground, a, b, c, d, self.ink, self.paper)


def _scheme(*colours: str) -> Palette:
    top, bottom, ground, a, b, c, d = (
        (int(h[0:2], 16), int(h[2:4], 16), int(h[4:6], 16)) for h in colours
    )
    return Palette(top, bottom, ground, a, b, c, d)


PALETTES: tuple[Palette, ...] = (
    # background top, bottom, ground; four accents
    _scheme("fdeede", "fbd9c0", "f5c4a3", "e4572e", "f3a712", "2a9d8f", "3f6c9b"),  # apricot
    _scheme("e4f4f6", "c5e7ea", "a6d6d8", "ef6f6c", "ffc857", "2e86ab", "5b5f97"),  # lagoon
    _scheme("fff5d9", "fde6a9", "f6d27f", "e76f51", "2a9d8f", "457b9d", "f28482"),  # wattle
    _scheme("f0ebfb", "dccff5", "c7b5ea", "8361c4", "ff8fa3", "ffc75f", "38a3a5"),  # lilac
    _scheme("e8f6e6", "cbe8c9", "abd6aa", "3a9d6e", "f4a259", "e4576b", "4472a8"),  # meadow
    _scheme("ffe9ec", "fdcfd6", "f6b3bf", "e2557b", "f9b54c", "4a9fc4", "6a67b5"),  # sorbet
    _scheme("e6f0fd", "c9dff8", "aacbee", "3d73c9", "ff9f5a", "f05d75", "34a796"),  # morning
    _scheme("fbf1e4", "efdcc3", "e2c6a2", "b8623c", "5c8d76", "e0a63a", "3d6a85"),  # sandstone
    _scheme("e3f7f1", "bfeadd", "9bdac8", "17a398", "ff7f6b", "ffcf56", "5a61a8"),  # mint
    _scheme("f5f0ff", "d9e2fb", "bccdf3", "5b6ee1", "ff7aa2", "ffb84d", "2fb5a6"),  # twilight
)
