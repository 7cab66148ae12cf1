"""The search index: matching, sorting and paging."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.toys.search import Position, TableIndex, entry_of, fold, words_of
from contracts.money import Money
from contracts.toys import Toy, ToyQuery

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def toy(number: int, name: str = "Kite", **changes: Any) -> Toy:
    fields: dict[str, Any] = {
        "description": "",
        "category": "outdoor",
        "brand": "Windy",
        "price": Money(amount=1000, currency="AUD"),
        "min_age": 3,
        "attributes": {},
    }
    return Toy(
        id=f"toy_{number:03}",
        name=name,
        images=[],
        version=1,
        created_at=NOW,
        updated_at=NOW,
        **{**fields, **changes},
    )


def found(toys: Iterable[Toy], **query: Any) -> list[str]:
    index = TableIndex(lambda: [entry_of(item) for item in toys])
    return index.search(ToyQuery(**query), None).ids


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Wooden TRAIN", ["wooden", "train"]),
        ("Éclair à la crème", ["eclair", "a", "la", "creme"]),
        ("Straße", ["strasse"]),
        ("Bjørn's T-Rex_2", ["bjorn", "s", "t", "rex", "2"]),
        ("train train", ["train"]),
        ("!?", []),
    ],
)
def test_words_ignore_case_and_accents(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_fold_of_capital_dotted_i_has_no_combining_mark() -> None:
    assert fold("İSTANBUL") == "istanbul"


TRAIN = toy(
    1,
    "Wooden Train",
    description="Runs on every track",
    category="vehicles",
    brand="Brío",
    attributes={"color": "Signal Red"},
)


@pytest.mark.parametrize(
    "q", ["train", "TRA wood", "éVERy", "brio", "vehic", "sig red", "", "  ", "t t"]
)
def test_every_query_word_must_be_a_prefix(q: str) -> None:
    assert found([TRAIN], q=q) == ["toy_001"]


@pytest.mark.parametrize("q", ["rain", "train boat", "color", "trains", "ooden"])
def test_word_that_is_not_a_prefix_finds_nothing(q: str) -> None:
    assert found([TRAIN], q=q) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"category": "vehicles"}, True),
        ({"category": "Vehicles"}, False),
        ({"brand": "Brío"}, True),
        ({"brand": "Brio"}, False),
        ({"age": 3}, True),
        ({"age": 2}, False),
        ({"price_min": 1000, "price_max": 1000}, True),
        ({"price_min": 1001}, False),
        ({"price_max": 999}, False),
        ({"price_min": 2000, "price_max": 500}, False),
        ({"attributes": {"color": "Signal Red"}}, True),
        ({"attributes": {"color": "signal red"}}, False),
        ({"attributes": {"color": "Signal Red", "size": "L"}}, False),
    ],
)
def test_filters_match_exactly_and_bounds_are_inclusive(
    query: dict[str, Any], expected: bool
) -> None:
    assert bool(found([TRAIN], **query)) is expected


def test_relevance_ranks_name_matches_first() -> None:
    elsewhere = toy(3, "Track", description="for a train", category="train", brand="Train")
    prefix = toy(2, "Trainset")
    whole = toy(1, "Train")
    assert found([elsewhere, prefix, whole], q="train", sort="relevance") == [
        "toy_001",
        "toy_002",
        "toy_003",
    ]


SHELF = [
    toy(1, "Émile", price=Money(amount=500, currency="AUD")),
    toy(2, "dolls", price=Money(amount=900, currency="AUD")),
    toy(3, "Fort", price=Money(amount=500, currency="AUD")),
]


@pytest.mark.parametrize(
    ("sort", "numbers"),
    [
        ("newest", [3, 2, 1]),
        ("price", [1, 3, 2]),
        ("-price", [2, 3, 1]),
        ("name", [2, 1, 3]),
        ("relevance", [3, 2, 1]),
    ],
)
def test_sort_orders_and_ties(sort: str, numbers: list[int]) -> None:
    assert found(SHELF, sort=sort) == [f"toy_{number:03}" for number in numbers]


@pytest.mark.parametrize("sort", ["newest", "price", "-price", "name", "relevance"])
def test_paging_returns_each_toy_once_while_toys_are_added_and_deleted(sort: str) -> None:
    # GIVEN a catalogue with many ties, in which toys are added and deleted between pages
    shelf = {
        item.id: item
        for item in (
            toy(n, f"Toy {n % 4}", price=Money(amount=100 + n % 3, currency="AUD"))
            for n in range(100, 140)
        )
    }
    before = set(shelf)
    index = TableIndex(lambda: [entry_of(item) for item in shelf.values()])
    walked: list[str] = []
    after: Position | None = None
    added = 0
    while True:
        page = index.search(ToyQuery(sort=sort, limit=7), after)  # type: ignore[arg-type]
        walked += page.ids
        if page.last is None:
            break
        after = page.last
        # WHEN toys are added before and after the position, and its own toy is deleted
        added += 1
        for number in (added, 900 + added):
            shelf[f"toy_{number:03}"] = toy(number, f"Toy {number % 4}")
        del shelf[page.ids[-1]]
    # THEN no toy is returned twice and no original toy is missing
    assert len(walked) == len(set(walked))
    assert before <= set(walked)


def test_full_last_page_has_no_position() -> None:
    index = TableIndex(lambda: [entry_of(item) for item in SHELF])
    assert index.search(ToyQuery(limit=3), None).last is None
    assert index.search(ToyQuery(limit=2), None).last is not None
