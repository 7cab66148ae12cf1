"""The seed catalogue: the toys a new shop opens with, and their pictures."""

from __future__ import annotations

from importlib import resources

import msgspec

__all__ = ["SeedPrice", "SeedToy", "load"]


class SeedPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price in integer minor units of an ISO 4217 currency."""

    amount: int
    currency: str


class SeedToy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A toy as the seed catalogue knows it.

    ``key`` never changes once published: it finds the toy again when the catalogue is
    seeded a second time, and chooses the colours of its picture.
    """

    key: str
    name: str
    description: str
    category: str
    brand: str
    price: SeedPrice
    min_age: int
    attributes: dict[str, str]


def load() -> list[SeedToy]:
    """Read every toy of the seed catalogue, by category and then as the shelf is laid out.

    Returns
    -------
    list[SeedToy]
        All toys, in an order that is the same on every call and every machine.

    Raises
    ------
    msgspec.ValidationError
        A file holds a field that is missing, misspelt or of the wrong type.

    Examples
    --------
    >>> {toy.price.currency for toy in load()}
    {'AUD'}
    """
    shelves = resources.files(__name__).joinpath("toys").iterdir()
    files = sorted((f for f in shelves if f.name.endswith(".json")), key=lambda f: f.name)
    return [toy for f in files for toy in msgspec.json.decode(f.read_bytes(), type=list[SeedToy])]
