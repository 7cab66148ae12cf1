"""The relevance of search results over the seed catalogue, measured on judged queries."""

import tomllib
from pathlib import Path
from typing import Any

import seed_catalogue

JUDGED: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("judged_queries.toml").read_text("utf-8")
)["queries"]


def grades_of(judged: dict[str, Any]) -> dict[str, int]:
    return {key: grade for grade in (3, 2, 1) for key in judged.get(str(grade), ())}


def test_judged_queries_name_existing_toys_once() -> None:
    known = {toy.key for toy in seed_catalogue.load()}
    assert len({judged["text"] for judged in JUDGED}) == len(JUDGED) >= 60
    for judged in JUDGED:
        keys = [key for grade in ("1", "2", "3") for key in judged.get(grade, ())]
        assert len(keys) == len(set(keys)) > 0, judged["text"]
        assert set(keys) <= known, judged["text"]
