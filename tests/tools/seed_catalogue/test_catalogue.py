"""The seed catalogue: what every toy holds, and what its picture must be."""

from __future__ import annotations

import hashlib
import io
import re
import statistics
import time
from collections import Counter

import pytest
from PIL import Image

from seed_catalogue import SeedToy, load
from seed_catalogue.pictures import CONTENT_TYPE, draw

TOYS = load()


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    # one toy in eight: every category
    return {toy.key: draw(toy) for toy in TOYS[::8]}


def test_the_shelves_are_full() -> None:
    # GIVEN the catalogue THEN it is large and wide enough to page, search and filter in
    assert len(TOYS) >= 216
    per_category = Counter(toy.category for toy in TOYS)
    assert len(per_category) >= 14
    assert min(per_category.values()) >= 10
    assert 12 <= len({toy.brand for toy in TOYS}) <= 20


@pytest.mark.parametrize("field", ["key", "name", "description"])
def test_no_two_toys_share(field: str) -> None:
    seen = Counter(getattr(toy, field) for toy in TOYS)
    assert [value for value, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.key)
def test_every_field_is_fit_for_the_shop(toy: SeedToy) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", toy.key)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", toy.category)
    assert 3 <= len(toy.name) <= 60
    assert 40 <= len(toy.description) <= 240
    assert toy.description[-1] in ".!?"
    assert toy.price.currency == "AUD"
    assert 500 <= toy.price.amount <= 50_000
    assert 0 <= toy.min_age <= 14
    assert toy.attributes
    for name, value in toy.attributes.items():
        assert re.fullmatch(r"[a-z_]+", name)
        assert value == value.strip() != ""


def test_the_order_is_the_same_every_time() -> None:
    assert [toy.key for toy in load()] == [toy.key for toy in TOYS]


def test_every_picture_decodes_at_its_size(pictures: dict[str, bytes]) -> None:
    for key, data in pictures.items():
        image = Image.open(io.BytesIO(data))
        image.load()
        assert (image.size, image.get_format_mimetype()) == ((640, 640), CONTENT_TYPE), key
        assert len(data) < 25_000, key
        # A scene, not a blank sheet.
        assert len(image.convert("RGB").quantize(16).getcolors() or []) >= 8, key


def test_drawing_twice_gives_the_same_bytes(pictures: dict[str, bytes]) -> None:
    for toy in TOYS[::32]:
        assert draw(toy) == pictures[toy.key]


def test_no_two_toys_have_the_same_picture(pictures: dict[str, bytes]) -> None:
    digests = {hashlib.sha256(data).digest() for data in pictures.values()}
    assert len(digests) == len(pictures)


def test_drawing_is_cheap_enough_to_seed_with() -> None:
    spent = []
    for toy in TOYS[::8]:
        started = time.process_time()
        draw(toy)
        spent.append(time.process_time() - started)
    assert statistics.median(spent) < 0.040
