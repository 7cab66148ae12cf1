"""The seed catalogue: the toys a new shop opens with, and their pictures."""

from __future__ import annotations

from importlib import resources

import msgspec

from seed_catalogue.illustrations import illustrations

__all__ = ["SeedPicture", "SeedPrice", "SeedToy", "load", "pictures"]


class SeedPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price in integer minor units of an ISO 4217 currency."""

    amount: int
    currency: str


class SeedToy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A toy of the seed catalogue.

    ``key`` identifies the toy when the catalogue is seeded again, and names its pictures.
    """

    key: str
    name: str
    description: str
    category: str
    brand: str
    price: SeedPrice
    min_age: int
    attributes: dict[str, str]


class SeedPicture(msgspec.Struct, frozen=True):
    """A picture of a toy.

    Parameters
    ----------
    filename
        The file's name in the folder ``pictures``.
    content_type
        The media type of the file.
    content
        The encoded image, 800 by 800 pixels.
    alt
        The alternative text: the toy's name and what the picture shows.
    """

    filename: str
    content_type: str
    content: bytes
    alt: str


def load() -> list[SeedToy]:
    """Read every toy of the seed catalogue, ordered by category and position in its file.

    Returns
    -------
    list[SeedToy]
        All toys, in the same order on every call and every machine.

    Raises
    ------
    msgspec.ValidationError
        If a file has a field that is missing, misspelled or of the wrong type.

    Examples
    --------
    >>> {toy.price.currency for toy in load()}
    {'AUD'}
    """
    shelves = resources.files("seed_catalogue").joinpath("toys").iterdir()
    files = sorted((f for f in shelves if f.name.endswith(".json")), key=lambda f: f.name)
    return [toy for f in files for toy in msgspec.json.decode(f.read_bytes(), type=list[SeedToy])]


def pictures(toy: SeedToy) -> list[SeedPicture]:
    """Read the pictures of a toy, the main view first.

    Parameters
    ----------
    toy
        A toy of the catalogue.

    Raises
    ------
    KeyError
        If ``pictures.toml`` does not name the toy.
    FileNotFoundError
        If a picture has not been composed yet.
    """
    folder = resources.files("seed_catalogue").joinpath("pictures")
    found = []
    for number, view in enumerate(illustrations()[toy.key], start=1):
        filename = f"{toy.key}.webp" if number == 1 else f"{toy.key}-{number}.webp"
        content = folder.joinpath(filename).read_bytes()
        alt = f"{toy.name}: {view.description[0].lower()}{view.description[1:]}"
        found.append(SeedPicture(filename, "image/webp", content, alt))
    return found
