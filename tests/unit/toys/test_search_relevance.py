"""The relevance of search results over the seed catalogue, measured on judged queries."""

import statistics

import seed_catalogue
from support.relevance import JUDGED, ndcg


def test_judged_queries_name_existing_toys_once() -> None:
    known = {toy.key for toy in seed_catalogue.load()}
    assert len({judged["text"] for judged in JUDGED}) == len(JUDGED) >= 60
    for judged in JUDGED:
        keys = [key for grade in ("1", "2", "3") for key in judged.get(grade, ())]
        assert len(keys) == len(set(keys)) > 0, judged["text"]
        assert set(keys) <= known, judged["text"]


def test_results_are_relevant() -> None:
    scores = ndcg()
    mean = statistics.mean(scores.values())
    worst = sorted(scores.items(), key=lambda score: score[1])[:10]
    assert mean >= 0.9, f"NDCG@10 is {mean:.3f}; worst: {worst}"
