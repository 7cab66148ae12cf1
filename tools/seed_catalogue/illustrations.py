"""What each seed picture shows: the objects and layouts that ``pictures.toml`` names by hand."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Annotated, Literal

import msgspec

__all__ = ["Drawable", "Illustration", "Layout", "drawables", "illustrations"]

Layout = Literal[
    "one", "close-up", "pair", "facing", "beside", "topped", "pile", "trio", "row", "steps",
    "stack", "fan", "gears", "hanging",
]  # fmt: skip


class Drawable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One object that pictures can show.

    Parameters
    ----------
    emoji
        The file's name in the Fluent Emoji package, without its ending.
    hue
        How far to turn every color, in steps of 1/256 of the color circle.
    gray
        Removes all color, for an object made of steel.
    """

    emoji: str
    hue: int = 0
    gray: bool = False


class Illustration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one picture shows.

    Parameters
    ----------
    objects
        Names of one to three drawables, the main one first.
    layout
        How the objects are arranged.
    shows
        The alternative text, where the list of the objects' names would not read well.
    """

    objects: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=3)]
    layout: Layout
    shows: str | None = None

    @property
    def description(self) -> str:
        """Describe the picture in a phrase, for its alternative text."""
        if self.shows:
            return self.shows
        *others, last = self.objects
        phrase = f"{', '.join(others)} and {last}" if others else last
        return phrase[0].upper() + phrase[1:]


class _Views(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first: Illustration
    second: Illustration | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    objects: dict[str, Drawable]
    toys: dict[str, _Views]


@functools.cache
def _file() -> _File:
    text = resources.files("seed_catalogue").joinpath("pictures.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _File)


def drawables() -> dict[str, Drawable]:
    """Return every object that a picture may show, by its name.

    Raises
    ------
    msgspec.ValidationError
        If ``pictures.toml`` has a field that is missing, unknown or of the wrong type.
    """
    return dict(_file().objects)


def illustrations() -> dict[str, list[Illustration]]:
    """Return the one or two views of every toy, by the toy's key.

    Raises
    ------
    msgspec.ValidationError
        If ``pictures.toml`` has a field that is missing, unknown or of the wrong type.
    """
    return {
        key: [view for view in (views.first, views.second) if view]
        for key, views in _file().toys.items()
    }
