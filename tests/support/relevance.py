"""How relevant search results are: queries over the seed catalogue with judged toys."""

import math
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import seed_catalogue
from chalicelib.toys.index import Change, Document, SearchIndex
from contracts.toys import ToyQuery

JUDGED: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("judged_queries.toml").read_text("utf-8")
)["queries"]


def ndcg() -> dict[str, float]:
    """Return the normalized discounted cumulative gain of the first ten results, by query."""
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
                updated_on=0,
            ),
        )
        for number, toy in enumerate(seed_catalogue.load(), start=1)
    )
    scores = {}
    for judged in JUDGED:
        grades = {key: grade for grade in (1, 2, 3) for key in judged.get(str(grade), ())}
        found = index.search(ToyQuery(q=judged["text"], sort="relevance", limit=10)).ids
        best = sorted(grades.values(), reverse=True)[:10]
        scores[judged["text"]] = _gain(grades.get(key, 0) for key in found) / _gain(best)
    return scores


def _gain(grades: Iterable[int]) -> float:
    return sum((2**grade - 1) / math.log2(rank + 2) for rank, grade in enumerate(grades))
