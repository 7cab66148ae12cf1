"""The relevance of search results over the seed catalogue, measured on judged queries."""

import math
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import seed_catalogue
from chalicelib.toys.index import Change, Document, SearchIndex
from contracts.toys import ToyQuery

JUDGED: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("judged_queries.toml").read_text("utf-8")
)["queries"]


def test_judged_queries_name_existing_toys_once() -> None:
    known = {toy.key for toy in seed_catalogue.load()}
    assert len({judged["text"] for judged in JUDGED}) == len(JUDGED) >= 60
    for judged in JUDGED:
        keys = [key for grade in ("1", "2", "3") for key in judged.get(grade, ())]
        assert len(keys) == len(set(keys)) > 0, judged["text"]
        assert set(keys) <= known, judged["text"]


def gain(grades: Iterable[int]) -> float:
    """Return the discounted cumulative gain of the first ten results."""
    return sum((2**grade - 1) / math.log2(rank + 2) for rank, grade in enumerate(grades))


def test_results_are_relevant(record_property: Callable[[str, object], None]) -> None:
    index = SearchIndex.empty()
    index.apply(
        Change(
            number,
            toy.key,
            Document(
                name=toy.name,
                description=toy.description,
                category=toy.category,
                brand=toy.brand,
                amount=toy.price.amount,
                min_age=toy.min_age,
                attributes=toy.attributes,
            ),
        )
        for number, toy in enumerate(seed_catalogue.load(), start=1)
    )
    scores = {}
    for judged in JUDGED:
        grades = {key: grade for grade in (1, 2, 3) for key in judged.get(str(grade), ())}
        found = index.search(ToyQuery(q=judged["text"], sort="relevance", limit=10)).ids
        best = sorted(grades.values(), reverse=True)[:10]
        scores[judged["text"]] = gain(grades.get(key, 0) for key in found) / gain(best)
    ndcg = sum(scores.values()) / len(scores)
    record_property("ndcg_at_10", round(ndcg, 3))
    worst = sorted(scores.items(), key=lambda score: score[1])[:10]
    assert ndcg >= 0.9, f"NDCG@10 is {ndcg:.3f}; worst: {worst}"
