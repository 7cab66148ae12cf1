"""The toys of the seed catalogue: enough for a shop, and valid in every field."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from seed_catalogue import SeedToy, load

TOYS = load()


def test_catalogue_is_large_enough_to_page_search_and_filter() -> None:
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
def test_every_field_is_valid(toy: SeedToy) -> None:
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


def test_order_is_the_same_on_every_load() -> None:
    assert [toy.key for toy in load()] == [toy.key for toy in TOYS]
