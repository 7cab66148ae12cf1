"""The search index equals a fresh one after any changes, and a plain search of all documents."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.toys import columns, postings
from chalicelib.toys import index as engine
from chalicelib.toys.index import Change, Document, Page, Position, SearchIndex
from chalicelib.toys.words import alternatives, query_words, term_levels
from contracts.toys import ToyQuery

WORDS = (
    "red",
    "robot",
    "robots",
    "trex",
    "t-rex",
    "rex",
    "puzzle",
    "boxes",
    "box",
    "Spider",
    "man",
)
texts = st.lists(st.sampled_from((*WORDS, "\u6050\u7adc")), max_size=4).map(" ".join)
documents = st.builds(
    Document,
    name=texts,
    description=texts,
    category=st.sampled_from(("puzzles", "robots", "dolls")),
    brand=st.sampled_from(("Lego", "Red Box", "Rex")),
    amount=st.sampled_from((1, 99, 500, 1999, 2000, 10_000_000)),
    min_age=st.sampled_from((0, 3, 12)),
    attributes=st.dictionaries(
        st.sampled_from(("color", "size")), st.sampled_from(("red", "blue")), max_size=2
    ),
    updated_on=st.integers(739_000, 739_003),
)
toy_ids = st.integers(0, 12).map("toy_{:02}".format)
changes = st.lists(st.tuples(toy_ids, st.none() | documents), max_size=30)
queries = st.builds(
    ToyQuery,
    q=st.lists(
        st.sampled_from((*WORDS, "r", "ro", "pu", "spiderman", "robto", "rexx", "zzzz", "\u6050")),
        max_size=3,
    ).map(" ".join),
    category=st.none() | st.sampled_from(("puzzles", "robots", "none")),
    brand=st.none() | st.sampled_from(("Lego", "Red Box")),
    age=st.none() | st.sampled_from((0, 3, 99)),
    price_min=st.none() | st.sampled_from((0, 99, 2000)),
    price_max=st.none() | st.sampled_from((98, 1999, 20_000_000)),
    attributes=st.dictionaries(st.just("color"), st.sampled_from(("red", "green")), max_size=1),
    sort=st.sampled_from(("relevance", "newest", "price", "-price", "name")),
    limit=st.sampled_from((1, 3, 100)),
)
FACETS = ("category", "brand", "age", "price")


def fresh(toys: dict[str, Document]) -> SearchIndex:
    index = SearchIndex.empty()
    index.apply(Change(number, *toy) for number, toy in enumerate(sorted(toys.items()), start=1))
    return index


def pages(index: SearchIndex, query: ToyQuery) -> list[Page]:
    found = [index.search(query, None, FACETS)]
    while found[-1].last is not None:
        found.append(index.search(query, found[-1].last, FACETS))
    return found


@pytest.fixture(autouse=True, params=[0, 2, 1000], ids=["all at once", "some", "one by one"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FEW", request.param)
    monkeypatch.setattr(engine, "_SAMPLE", request.param)
    monkeypatch.setattr(columns, "_FEW_ADDED", request.param)
    monkeypatch.setattr(postings, "_FEW_ADDED", request.param)


PROPERTY = settings(max_examples=40, deadline=None)


@PROPERTY
@given(
    batches=st.lists(st.tuples(changes, st.booleans()), max_size=4),
    asked=st.lists(queries, min_size=1, max_size=4),
)
def test_index_after_changes_equals_a_fresh_one(
    batches: Sequence[tuple[list[tuple[str, Document | None]], bool]], asked: list[ToyQuery]
) -> None:
    index = SearchIndex.empty()
    toys: dict[str, Document] = {}
    number = 0
    for batch, reload in batches:
        for toy_id, document in batch:
            number += 1
            index.apply([Change(number, toy_id, document)])
            toys.pop(toy_id, None)
            if document is not None:
                toys[toy_id] = document
        pages(index, asked[0])  # what it keeps of this search must not be out of date later
        if reload:
            index = SearchIndex.load(index.dump())
    assert index.sequence == number
    assert len(index) == len(toys)
    expected = fresh(toys)
    for query in asked:
        assert pages(index, query) == pages(expected, query)
    for text in ("r", "re", "spider", "lego"):
        assert index.suggest(text, 3) == expected.suggest(text, 3)
    listed = [(toy.id, toy.name, toy.updated_on.toordinal()) for toy in index.part(1)]
    assert listed == [(key, toy.name, toy.updated_on) for key, toy in sorted(toys.items())]
    assert index.categories == sorted({toy.category for toy in toys.values()})


def matches(document: Document, query: ToyQuery, without: str = "") -> bool:
    levels = term_levels(
        document.name,
        document.brand,
        document.category,
        document.attributes.values(),
        document.description,
    )
    return (
        all(
            any(term.startswith(word.prefixes) or term in word.exact for term in levels)
            for word in alternatives(query_words(query.q))
        )
        and (without == "category" or query.category in (None, document.category))
        and (without == "brand" or query.brand in (None, document.brand))
        and (without == "age" or query.age is None or document.min_age <= query.age)
        and (
            without == "price"
            or (query.price_min or 0) <= document.amount <= (query.price_max or 10**9)
        )
        and all(document.attributes.get(name) == item for name, item in query.attributes.items())
    )


SORT_KEYS: dict[str, Any] = {
    "newest": lambda toy: toy[0],
    "price": lambda toy: (toy[1].amount, toy[0]),
    "-price": lambda toy: (toy[1].amount, toy[0]),
    "name": lambda toy: (toy[1].name.lower(), toy[0]),
}


@PROPERTY
@given(toys=st.dictionaries(toy_ids, documents), query=queries)
def test_search_equals_a_search_of_all_documents(
    toys: dict[str, Document], query: ToyQuery
) -> None:
    found = pages(fresh(toys), query)
    ids = [toy_id for page in found for toy_id in page.ids]
    expected = {toy_id for toy_id, document in toys.items() if matches(document, query)}
    words_found = any(matches(document, ToyQuery(q=query.q)) for document in toys.values())
    if query.q and not words_found:  # typos and split words are tolerated
        expected = set(ids)
    assert len(ids) == len(set(ids))
    assert set(ids) == expected
    assert all(page.total == len(ids) for page in found)
    if query.sort != "relevance":
        ordered = sorted(
            ((toy_id, toys[toy_id]) for toy_id in ids),
            key=SORT_KEYS[query.sort],
            reverse=query.sort in ("newest", "-price"),
        )
        assert ids == [toy_id for toy_id, _ in ordered]
    if query.q and not words_found:
        return
    for facet, value_of in (
        ("category", lambda document: document.category),
        ("brand", lambda document: document.brand),
        ("age", lambda document: str(document.min_age)),
    ):
        counted = Counter(
            value_of(document)  # type: ignore[no-untyped-call]
            for document in toys.values()
            if matches(document, query, without=facet)
        )
        assert found[0].facets[facet] == counted


def test_all_at_once_equals_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that both ways to compute a result give the same scores."""
    toys = {
        f"toy_{number:03}": Document(
            name=" ".join(WORDS[number % 7 : number % 7 + number % 4]),
            description=" ".join(WORDS[number % 5 : number % 5 + 3] * (number % 3 + 1)),
            category="robots",
            brand="Red Box" if number % 2 else "Lego",
            amount=number,
            min_age=3,
            attributes={},
            updated_on=739_000,
        )
        for number in range(200)
    }
    index = fresh(toys)
    found: list[list[tuple[list[str], Position | None]]] = []
    for few in (0, 1000):
        monkeypatch.setattr(engine, "FEW", few)
        found.append(
            [
                (page.ids, page.last)
                for q in ("red", "ro", "red robot", "t rex puzzle", "spiderman")
                for page in pages(index, ToyQuery(q=q, sort="relevance", limit=20))
            ]
        )
    assert found[0] == found[1]
