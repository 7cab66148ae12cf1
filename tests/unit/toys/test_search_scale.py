"""The work of a search follows the toys that match, not the catalogue.

The kinds of query are those that ``benchmarks/search.py`` measures. Work is counted in executed
bytecodes, which other load on the machine does not change. Functions in C that process all toys at
once are not counted in bytecodes; a separate test checks that no query with few matches calls them.
"""

import sys
from collections.abc import Callable
from functools import cache
from importlib import util
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from chalicelib.toys import rows as sets
from chalicelib.toys.index import Change, SearchIndex
from contracts.toys import ToyQuery

_PATH = Path(__file__).parents[3] / "benchmarks" / "search.py"
_SPEC = util.spec_from_file_location("search_benchmark", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
benchmark: Any = util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(benchmark)

SMALL, LARGE = 1_000, 12_000


@cache
def index_of(size: int) -> SearchIndex:
    index: SearchIndex = benchmark.index_of(size)
    return index


def work(action: Callable[[], Any]) -> int:
    """Return the number of bytecodes that an action executes."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def names(kinds: list[Any]) -> dict[str, Any]:
    return {"argvalues": kinds, "ids": [kind[0] for kind in kinds]}


def test_at_least_twenty_kinds_of_query_are_measured() -> None:
    assert len(benchmark.FEW_MATCH) >= 20
    assert len(benchmark.ALL_MATCH) >= 15


@pytest.mark.parametrize("kind", **names(benchmark.FEW_MATCH + benchmark.NONE_MATCH))
def test_work_does_not_grow_with_the_catalogue(kind: Any) -> None:
    small = benchmark.prepared(index_of(SMALL), kind)
    large = benchmark.prepared(index_of(LARGE), kind)
    assert small().total == large().total
    assert work(large) <= 1.5 * work(small)


@pytest.mark.parametrize("kind", **names(benchmark.FEW_MATCH))
def test_query_with_few_matches_never_processes_all_toys(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = benchmark.prepared(index_of(LARGE), kind)

    def fail(*arguments: object) -> None:
        raise AssertionError("All toys are processed")

    for name in ("bits_of", "bits_of_flags", "flags_of", "rows_of"):
        monkeypatch.setattr(sets, name, fail)
    assert action().total == benchmark.MATCHES


@pytest.mark.parametrize("kind", **names(benchmark.ALL_MATCH))
def test_work_for_each_toy_is_bounded_if_all_match(kind: Any) -> None:
    action = benchmark.prepared(index_of(LARGE), kind)
    assert action().total == LARGE
    # the lists of words, prices and attributes are read; the rest is done for all toys at once
    words = len(kind[1].get("q", "").split())
    lists = ("price_min" in kind[1]) + ("attributes" in kind[1])
    by_relevance = bool(words) and kind[1].get("sort") == "relevance"
    assert work(action) <= LARGE * (25 * words + 10 * lists + 15 * by_relevance) + 20_000


def test_change_does_not_process_all_toys() -> None:
    toy = next(iter(benchmark.catalogue(SMALL)))

    def changes(size: int) -> Callable[[], None]:
        index = SearchIndex.load(index_of(size).dump())
        index.apply([Change(10**6, "toy_first", toy[1])])
        return lambda: index.apply([Change(10**6 + 1, *toy)])

    assert work(changes(LARGE)) <= 1.5 * work(changes(SMALL))


def test_first_search_after_loading_finds_what_the_index_found() -> None:
    loaded = SearchIndex.load(index_of(LARGE).dump())
    query = ToyQuery(q="zeppelin", sort="relevance")
    assert loaded.search(query) == index_of(LARGE).search(query)
