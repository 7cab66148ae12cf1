"""The search index in memory: matching, ranking, sorting, paging, facets and changes."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
import pytest

from chalicelib.toys import index as engine
from chalicelib.toys.index import Change, Document, Position, SearchIndex, UnknownFormatError
from contracts.toys import CatalogueOutline, CataloguePart, ListedToy, ToyQuery


def document(name: str = "Kite", **changes: Any) -> Document:
    fields: dict[str, Any] = {
        "description": "",
        "category": "outdoor",
        "brand": "Windy",
        "amount": 1000,
        "min_age": 3,
        "attributes": {},
        "updated_on": 739_000,
    }
    return Document(name=name, **{**fields, **changes})


def index_of(*documents: Document) -> SearchIndex:
    index = SearchIndex.empty()
    index.apply(
        Change(number, f"toy_{number:03}", item) for number, item in enumerate(documents, start=1)
    )
    return index


def found(index: SearchIndex, **query: Any) -> list[int]:
    page = index.search(ToyQuery(**query))
    return [int(toy_id.removeprefix("toy_")) for toy_id in page.ids]


def finds(name: str, q: str, **changes: Any) -> bool:
    return bool(found(index_of(document(name, **changes)), q=q))


TRAIN = document(
    "Wooden Train",
    description="Runs on every track",
    category="vehicles",
    brand="Brío",
    attributes={"color": "Signal Red"},
)


@pytest.mark.parametrize(
    "q", ["train", "TRA wood", "éVERy", "brio", "vehic", "sig red", "", "  ", "t t", "trains"]
)
def test_every_query_word_must_be_a_prefix(q: str) -> None:
    assert found(index_of(TRAIN), q=q) == [1]


@pytest.mark.parametrize("q", ["rain boat", "train boat", "color", "ooden boat", "!?", "-"])
def test_word_that_is_not_a_prefix_finds_nothing(q: str) -> None:
    assert found(index_of(TRAIN), q=q) == []


@pytest.mark.parametrize(
    "texts",
    [
        ("lego's", "legos", "LEGO\u2019S", "Lego"),
        ("t-rex", "trex", "t rex", "T\u2011Rex"),
        ("spiderman", "spider man", "Spider-Man"),
        ("dollhouse", "dolls house", "dolls' house", "doll house", "doll-house"),
        ("puzzle", "puzzles"),
        ("pony", "ponies"),
        ("box", "boxes"),
        ("house", "houses"),
        ("mouse", "mice"),
        ("shoe", "shoes"),
        ("movie", "movies"),
        ("1000", "1,000"),
        ("café", "cafe", "CAFÉ"),
    ],
)
def test_spellings_find_each_other(texts: tuple[str, ...]) -> None:
    for name in texts:
        for q in texts:
            assert finds(f"Red {name} set", q), (name, q)


@pytest.mark.parametrize("q", ["恐竜", "竜", "ぱずる", "ズル", "木製 パズル", "퍼즐"])
def test_words_inside_cjk_text_are_found(q: str) -> None:
    assert finds("木製恐竜パズルぱずる 공룡퍼즐", q)


def test_dinosaurs_are_not_in_text_without_them() -> None:
    assert not finds("木製パズル", "恐竜")


@pytest.mark.parametrize(
    "q", ["dinosuar", "dinosar", "dinnosaur", "dinasaur", "dinosau", "ainosaur"]
)
def test_one_typo_is_tolerated(q: str) -> None:
    assert finds("Dinosaur", q)


def test_typo_is_tolerated_only_when_nothing_else_is_found() -> None:
    index = index_of(document("Boats"), document("Coats"))
    assert found(index, q="boats") == [1]
    assert not finds("Dinosaur", "dinasuar")
    assert not finds("Car", "bar")


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
    assert bool(found(index_of(TRAIN), **query)) is expected


def test_relevance_ranks_name_before_brand_before_description() -> None:
    index = index_of(
        document("Track", description="for a train"),
        document("Track", brand="Train"),
        document("Train"),
        document("Trainset"),
    )
    assert found(index, q="train", sort="relevance") == [3, 4, 2, 1]


SHELF = [
    document("Émile", amount=500),
    document("dolls", amount=900),
    document("Fort", amount=500),
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
    assert found(index_of(*SHELF), sort=sort) == numbers


def as_sent(position: Position) -> Position:
    """Return a position as it comes back in a cursor."""
    value, toy_id = json.loads(json.dumps(position))
    return value, toy_id


def walk(index: SearchIndex, query: ToyQuery) -> Iterable[str]:
    after: Position | None = None
    while True:
        page = index.search(query, after)
        yield from page.ids
        if page.last is None:
            return
        after = as_sent(page.last)


@pytest.mark.parametrize("sort", ["newest", "price", "-price", "name", "relevance"])
@pytest.mark.parametrize("q", ["", "toy blue"])
def test_paging_returns_each_toy_once_while_toys_are_added_and_deleted(sort: str, q: str) -> None:
    # GIVEN a catalogue with many ties
    index = index_of(
        *(
            document(f"Toy {n % 4}", amount=100 + n % 3, description="blue " * (n % 5 + 1))
            for n in range(300)
        )
    )
    sequence = index.sequence
    walked: list[str] = []
    for toy_id in walk(index, ToyQuery(q=q, sort=sort, limit=7)):  # type: ignore[arg-type]
        # WHEN toys are added and the last one that was returned is deleted
        sequence += 2
        index.apply(
            [
                Change(sequence, f"toy_9{sequence}", document("Toy 3", description="blue")),
                Change(sequence + 1, toy_id, None),
            ]
        )
        walked.append(toy_id)
    # THEN no toy is returned twice and no original toy is missing
    assert len(walked) == len(set(walked))
    assert {f"toy_{n:03}" for n in range(1, 301)} <= set(walked)


@pytest.mark.parametrize("q", ["red robot", "red robto"])
def test_paging_by_relevance_is_consistent_when_words_become_frequent(q: str) -> None:
    # GIVEN toys that match two words differently well
    names = ("red", "robot", "red robot", "reds robots x y z")
    texts = ("red robot", "a red one and a robot " * 3)
    index = index_of(
        *(
            document(names[n % 4], description=f"{texts[n % 2]} {'x ' * (n % 7)}")
            for n in range(60)
        ),
        *[document("Boat")] * 300,
    )
    before = set(index.search(ToyQuery(q="red robot", limit=100)).ids)
    sequence = index.sequence
    walked = []
    for number, toy_id in enumerate(walk(index, ToyQuery(q=q, sort="relevance", limit=7))):
        walked.append(toy_id)
        # WHEN many toys with one of the words, and one with the misspelled word, are added
        sequence += 1
        added = document("Red") if number else document("Robto", description="red")
        index.apply([Change(sequence, f"toy_9{sequence}", added)])
    # THEN every toy that was there at the start is returned once
    assert len(walked) == len(set(walked))
    assert before <= set(walked)


def test_position_of_another_release_gives_the_first_page() -> None:
    index = index_of(TRAIN)
    assert index.search(ToyQuery(q="train", sort="relevance"), (20, "toy_999")).ids == ["toy_001"]


def test_compound_is_found_in_two_words_of_a_description() -> None:
    assert finds("Costume", "spiderman", description="Climb like a spider, little man")
    assert not finds("Costume", "spiderman", description="Climb like a spider")


def test_filter_that_excludes_what_the_words_find_does_not_find_typos() -> None:
    index = index_of(document("Boats", category="boats"), document("Coats", category="coats"))
    assert found(index, q="boats", category="coats") == []
    assert found(index, q="boatz", category="coats") == []
    assert found(index, q="coatz", category="coats") == [2]


def test_replaced_toy_does_not_count_as_a_match_of_its_former_words() -> None:
    def position(index: SearchIndex) -> Position | None:
        return index.search(ToyQuery(q="kite red", sort="relevance", limit=1)).last

    toys = [document("Kite", description="Red")] * 4 + [document("Red boat")] * 4
    index = SearchIndex.load(index_of(*toys).dump())
    index.apply([Change(9, "toy_001", document("Red boat"))])
    expected = position(index_of(document("Red boat"), *toys[1:]))
    assert position(index) == expected
    assert position(SearchIndex.load(index.dump())) == expected


def test_full_last_page_has_no_position() -> None:
    index = index_of(*SHELF)
    assert index.search(ToyQuery(limit=3)).last is None
    assert index.search(ToyQuery(limit=2)).last is not None


def test_facets_are_counted_as_if_their_own_filter_were_absent() -> None:
    index = index_of(
        document(category="kites", brand="A", min_age=3, amount=999),
        document(category="kites", brand="B", min_age=5, amount=1000),
        document(category="games", brand="A", min_age=3, amount=2500),
    )
    page = index.search(
        ToyQuery(category="kites", brand="A", price_max=2000),
        facets=("category", "brand", "age", "price"),
    )
    assert page.ids == ["toy_001"]
    assert page.total == 1
    assert page.facets == {
        "category": {"kites": 1},
        "brand": {"A": 1, "B": 1},
        "age": {"3": 1},
        "price": {"500-999": 1},
    }


def test_changes_are_applied_once_and_in_order() -> None:
    index = index_of(document("Kite"))
    index.apply([Change(3, "toy_001", document("Boat"))])
    index.apply([Change(2, "toy_001", document("Plane"))])
    assert index.sequence == 3
    assert found(index, q="boat") == [1]
    index.apply([Change(4, "toy_001", None), Change(5, "toy_404", None)])
    assert found(index) == []
    assert index.sequence == 5


def test_loaded_snapshot_equals_the_index() -> None:
    index = index_of(TRAIN, *SHELF)
    loaded = SearchIndex.load(index.dump())
    assert loaded.sequence == 4
    assert found(loaded, q="train") == [1]


SNAPSHOT = index_of(TRAIN, *SHELF).dump()


@pytest.mark.parametrize(
    "snapshot",
    [
        b"",
        b"nonsense",
        SNAPSHOT.replace(b"toys-index-", b"toys-index-99", 1),
        SNAPSHOT[:-10],
        SNAPSHOT[:40] + bytes(20) + SNAPSHOT[60:],
    ],
    ids=["empty", "nonsense", "another format", "truncated", "damaged"],
)
def test_snapshot_that_cannot_be_read_is_refused(snapshot: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        SearchIndex.load(snapshot)


def test_parts_have_every_toy_once_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PART", 2)
    days = [date(2026, 1, day) for day in (5, 3, 4, 9, 2)]
    index = index_of(*(document(f"Toy {day}", updated_on=day.toordinal()) for day in days))
    # WHEN one toy is deleted and another changed
    changed = document("Toy", updated_on=date(2026, 2, 1).toordinal())
    index.apply([Change(6, "toy_004", None), Change(7, "toy_001", changed)])
    for one in (index, SearchIndex.load(index.dump())):
        assert one.part_days() == [date(2026, 2, 1), date(2026, 1, 4)]
        listed = [[(toy.id, toy.name) for toy in one.part(number)] for number in (1, 2, 3)]
        assert listed == [
            [("toy_001", "Toy"), ("toy_002", "Toy 2026-01-03")],
            [("toy_003", "Toy 2026-01-04"), ("toy_005", "Toy 2026-01-02")],
            [],
        ]
        assert one.part(2)[1].updated_on == date(2026, 1, 2)
    assert SearchIndex.empty().part_days() == []


def test_largest_lists_fit_an_answer_of_lambda() -> None:
    text = "\U0001f9f8" * 120
    toy = ListedToy(id=f"toy_{'0' * 26}", name=text, updated_on=date(2026, 1, 2))
    for answer in (
        CataloguePart(items=[toy] * engine.PART),
        CatalogueOutline(parts=[], categories=[text[:60]] * engine._MAX_CATEGORIES),
    ):
        # the body is a string in the function's result
        assert len(json.dumps(msgspec.json.encode(answer).decode())) < 6 * 1024 * 1024


def test_categories_are_those_of_toys() -> None:
    index = index_of(document(), document(category="art"), document(category="balls"))
    index.apply([Change(4, "toy_003", None)])
    assert index.categories == ["art", "outdoor"]


def test_suggestions_are_brands_and_names_without_duplicates() -> None:
    index = index_of(
        document("Legend Puzzle", brand="Lego"),
        document("Brick Box", brand="Lego"),
        document("LEGEND puzzle", brand="Other"),
        document("Legend Puzzle", brand="Other"),
        document("My Legs", brand="Other"),
    )
    assert index.suggest("le", 10) == ["Lego", "Legend Puzzle", "My Legs"]
    assert index.suggest("le", 1) == ["Lego"]
    assert index.suggest("!", 10) == []


def test_suggestions_tolerate_a_typo_but_are_no_words_of_descriptions() -> None:
    index = index_of(document("Dinosaur Puzzle", description="for children"), document("Kite"))
    assert index.suggest("dinosuar", 10) == ["Dinosaur Puzzle"]
    assert index.suggest("puzzle di", 10) == ["Dinosaur Puzzle"]
    assert index.suggest("children", 10) == []
