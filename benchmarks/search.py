"""Measures the search index: ``python benchmarks/search.py``.

Prints the CPU time of each kind of query at 1,000, 10,000 and 100,000 toys, and how relevant the
results of judged queries are. Some kinds match the same 20 toys at each size, others match no toy
or every toy.
"""

import argparse
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    str(ROOT / path)
    for path in ("apps/toys", "libs/contracts/src", "libs/chassis/src", "tools", "tests")
]

import seed_catalogue  # noqa: E402
from chalicelib.toys.index import Change, Document, Facet, SearchIndex  # noqa: E402
from contracts.toys import ToyQuery  # noqa: E402
from support.relevance import ndcg  # noqa: E402

SIZES = (1_000, 10_000, 100_000)
MATCHES = 20
FACETS: tuple[Facet, ...] = ("category", "brand", "age", "price")


def catalogue(size: int) -> Iterator[tuple[str, Document]]:
    """Yield toys with texts from the seed catalogue, in the order of their ids.

    ``MATCHES`` of them, evenly spread, differ from all others in every respect; every toy has the
    words ``toy`` and ``children``.
    """
    chance = random.Random(size)
    toys = seed_catalogue.load()
    words = [word for toy in toys for word in toy.name.split()]
    sentences = [part for toy in toys for part in toy.description.split(". ")]
    brands = [f"{chance.choice(words)} & {chance.choice(words)}" for _ in range(200)]
    for number in range(size):
        toy = chance.choice(toys)
        name = " ".join(chance.sample(words, chance.randint(2, 4)))
        description = ". ".join(chance.sample(sentences, chance.randint(1, 3)))
        special = number % (size // MATCHES) == 0
        yield (
            f"toy_{number:026}",
            Document(
                name=f"Zeppelin Airship {name}" if special else f"{name} {number % 9973}",
                description=f"A toy for children. {description}",
                category="airships" if special else toy.category,
                brand="Skyhook" if special else chance.choice(brands),
                amount=7_000_000 + number if special else chance.randint(500, 20_000),
                min_age=0 if special else chance.randint(1, 12),
                attributes={"safe": "yes", **({"gas": "helium"} if special else toy.attributes)},
                updated_on=739_000,
            ),
        )


def index_of(size: int) -> SearchIndex:
    """Return the index of a catalogue."""
    index = SearchIndex.empty()
    index.apply(Change(number, *toy) for number, toy in enumerate(catalogue(size), start=1))
    return SearchIndex.load(index.dump())


Kind = tuple[str, dict[str, Any], Sequence[Facet], int]
"""A name, a query, the facets to count and how much of the result precedes the page, in percent."""

FEW_MATCH: list[Kind] = [
    ("word", {"q": "zeppelin", "sort": "relevance"}, (), 0),
    ("two words", {"q": "zeppelin airship", "sort": "relevance"}, (), 0),
    ("prefix", {"q": "zepp", "sort": "relevance"}, (), 0),
    ("plural", {"q": "zeppelins", "sort": "relevance"}, (), 0),
    ("compound", {"q": "zeppelinairship", "sort": "relevance"}, (), 0),
    ("category", {"category": "airships"}, (), 0),
    ("brand", {"brand": "Skyhook"}, (), 0),
    ("age", {"age": 0}, (), 0),
    ("price range", {"price_min": 7_000_000, "price_max": 8_000_000}, (), 0),
    ("attribute", {"attributes": {"gas": "helium"}}, (), 0),
    ("sorted by newest", {"q": "zeppelin", "sort": "newest"}, (), 0),
    ("sorted by price", {"q": "zeppelin", "sort": "price"}, (), 0),
    ("sorted by price, descending", {"q": "zeppelin", "sort": "-price"}, (), 0),
    ("sorted by name", {"q": "zeppelin", "sort": "name"}, (), 0),
    ("second page", {"q": "zeppelin", "sort": "relevance", "limit": 10}, (), 50),
    ("facets", {"q": "zeppelin"}, FACETS, 0),
    ("word and brand", {"q": "zeppelin", "brand": "Skyhook"}, (), 0),
    ("word of every toy and brand", {"q": "toy", "brand": "Skyhook", "sort": "relevance"}, (), 0),
    ("word and all filters", {
        "q": "airship", "category": "airships", "brand": "Skyhook", "age": 0,
        "price_min": 7_000_000, "attributes": {"gas": "helium"},
    }, (), 0),
    ("word and facets, by relevance", {"q": "toy zeppelin", "sort": "relevance"}, FACETS, 0),
    ("typo", {"q": "zepelin", "sort": "relevance"}, (), 0),
]  # fmt: skip

NONE_MATCH: list[Kind] = [
    ("unknown word", {"q": "xylophonist"}, (), 0),
    ("word of every toy and unknown word", {"q": "toy xylophonist"}, (), 0),
    ("no words", {"q": "!?"}, (), 0),
]

ALL_MATCH: list[Kind] = [
    ("everything, newest", {}, (), 0),
    ("everything by price", {"sort": "price"}, (), 0),
    ("everything by price, descending", {"sort": "-price"}, (), 0),
    ("everything by name", {"sort": "name"}, (), 0),
    ("deep page, newest", {}, (), 90),
    ("deep page by price", {"sort": "price"}, (), 90),
    ("deep page by name", {"sort": "name"}, (), 90),
    ("everything and facets", {}, FACETS, 0),
    ("word", {"q": "toy"}, (), 0),
    ("word, by relevance", {"q": "toy", "sort": "relevance"}, (), 0),
    ("two words, by relevance", {"q": "toy children", "sort": "relevance"}, (), 0),
    ("prefix, by relevance", {"q": "t", "sort": "relevance"}, (), 0),
    ("deep page of a word, by relevance", {"q": "toy", "sort": "relevance"}, (), 50),
    ("word and facets, by relevance", {"q": "toy", "sort": "relevance"}, FACETS, 0),
    ("two words and facets, by price", {"q": "toy children", "sort": "price"}, FACETS, 0),
    ("age and facets", {"age": 99}, FACETS, 0),
    ("price range and facets", {"price_min": 1, "price_max": 10_000_000}, FACETS, 0),
    ("attribute and facets", {"attributes": {"safe": "yes"}}, FACETS, 0),
    ("all of these", {
        "q": "toy", "age": 99, "price_min": 1, "attributes": {"safe": "yes"}, "sort": "relevance",
    }, FACETS, 0),
]  # fmt: skip


GROUPS = {"same 20 toys": FEW_MATCH, "no toy": NONE_MATCH, "every toy": ALL_MATCH}


def expected(group: str, size: int) -> int:
    """Return how many toys a query of a group matches."""
    return {"same 20 toys": MATCHES, "no toy": 0}.get(group, size)


def prepared(index: SearchIndex, kind: Kind) -> Callable[[], Any]:
    """Return a function that runs a query of some kind."""
    _, fields, facets, share = kind
    query = ToyQuery(**fields)
    after = None
    if share:
        everything = index.search(ToyQuery(**{**fields, "limit": 1})).total * share // 100
        after = index.search(ToyQuery(**{**fields, "limit": max(1, everything)})).last
    return lambda: index.search(query, after, facets)


def cpu(actions: Mapping[int, Callable[[], Any]], seconds: float) -> dict[int, float]:
    """Return the CPU time of each action in milliseconds: the median of interleaved rounds."""
    times: dict[int, list[float]] = {size: [] for size in actions}
    for action in actions.values():
        action()
    started = time.process_time()
    while time.process_time() - started < seconds or len(times[min(times)]) < 5:
        for size, action in actions.items():
            before = time.process_time()
            for _ in range(5):
                action()
            times[size].append((time.process_time() - before) * 200)
    return {size: statistics.median(measured) for size, measured in times.items()}


def resident_with(snapshot: bytes) -> float:
    """Return how many MB a process grows by when it loads a snapshot and answers all queries."""
    script = (
        "import gc, sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import search\n"
        "def resident():\n"
        "    return int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 1e6\n"
        "before = resident()\n"
        "index = search.SearchIndex.load(sys.stdin.buffer.read())\n"
        "for kind in search.FEW_MATCH + search.NONE_MATCH + search.ALL_MATCH:\n"
        "    search.prepared(index, kind)()\n"
        "gc.collect()\n"
        "print(resident() - before)\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent)]
    result = subprocess.run(command, input=snapshot, stdout=subprocess.PIPE, check=True)
    return float(result.stdout)


def measure(sizes: Sequence[int], seconds: float) -> dict[str, Any]:
    """Return all figures; times are CPU time in milliseconds."""
    indexes = {}
    for size in sizes:
        started = time.process_time()
        indexes[size] = index_of(size)
        build = time.process_time() - started
    kinds = {}
    for group, members in GROUPS.items():
        for kind in members:
            actions = {size: prepared(index, kind) for size, index in indexes.items()}
            found = {size: action().total for size, action in actions.items()}
            if found != {size: expected(group, size) for size in sizes}:
                raise SystemExit(f"{kind[0]} found {found}")
            kinds[f"{group}: {kind[0]}"] = cpu(actions, seconds)
    largest = indexes[max(sizes)]
    snapshot = largest.dump()
    started = time.process_time()
    loaded = SearchIndex.load(snapshot)
    load = time.process_time() - started
    started = time.process_time()
    loaded.search(ToyQuery(q="zeppelin"), None, FACETS)
    first = time.process_time() - started
    toys = list(catalogue(1_000))[:100]
    loaded.apply([Change(10**9, *toys[0])])  # the first one reads the ids
    started = time.process_time()
    loaded.apply(Change(10**9 + number, *toy) for number, toy in enumerate(toys, start=1))
    change = (time.process_time() - started) / len(toys)
    started = time.process_time()
    loaded.dump()
    relevance = ndcg()
    return {
        "kinds": kinds,
        "ndcg_at_10": statistics.mean(relevance.values()),
        "judged_queries": len(relevance),
        "build_ms": build * 1000,
        "memory_mb": resident_with(snapshot),
        "snapshot_bytes": len(snapshot),
        "load_ms": load * 1000,
        "first_search_ms": first * 1000,
        "change_ms": change * 1000,
        "dump_after_changes_ms": (time.process_time() - started) * 1000,
    }


def measure_fts5(size: int, seconds: float) -> None:
    """Print the size and times of SQLite's FTS5 for some queries, without facets and filters."""
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE VIRTUAL TABLE toys USING fts5(name, brand, rest, description, content='', "
        "detail=column, prefix='1 2 3', tokenize='unicode61 remove_diacritics 2')"
    )
    database.executemany(
        "INSERT INTO toys(rowid, name, brand, rest, description) VALUES (?, ?, ?, ?, ?)",
        (
            (row, toy.name, toy.brand, f"{toy.category} {' '.join(toy.attributes.values())}",
             toy.description)
            for row, (_, toy) in enumerate(catalogue(size))
        ),
    )  # fmt: skip
    database.execute("INSERT INTO toys(toys) VALUES ('optimize')")
    database.commit()
    started = time.process_time()
    snapshot = database.serialize()
    loaded = sqlite3.connect(":memory:")
    loaded.deserialize(snapshot)
    print(
        f"\nFTS5 of SQLite {sqlite3.sqlite_version}, {size:,} toys: {len(snapshot) / 1e6:.1f} MB, "
        f"copied in {(time.process_time() - started) * 1000:.0f} ms\n\n"
        "| query | matching toys | matching toys and BM25 |\n|---|--:|--:|"
    )
    score = "bm25(toys, 10, 5, 3, 1)"
    for words in ("zeppelin", "toy", "toy children", "t*"):
        actions = {
            number: partial(
                lambda columns, words: loaded.execute(
                    f"SELECT {columns} FROM toys WHERE toys MATCH ?",
                    (words,),
                ).fetchall(),
                columns,
                words,
            )
            for number, columns in enumerate(("rowid", f"rowid, {score}"))
        }
        times = cpu(actions, seconds)
        print(f"| {words} | {times[0]:.2f} ms | {times[1]:.2f} ms |")


def table(kinds: Mapping[str, Any], sizes: Sequence[int]) -> Iterator[str]:
    """Yield the lines of a Markdown table of the CPU time of each kind of query."""
    yield "| query | " + " | ".join(f"{size:,} toys" for size in sizes) + " | ratio |"
    yield "|---|" + "--:|" * (len(sizes) + 1)
    for name, times in kinds.items():
        by_size = {int(size): time for size, time in times.items()}
        cells = " | ".join(f"{by_size[size]:.3f} ms" for size in sizes)
        yield f"| {name} | {cells} | {by_size[sizes[-1]] / by_size[sizes[0]]:.2f} |"


def summary(figures: Mapping[str, Any], size: int) -> str:
    """Return a sentence on the other measurements, for the largest catalogue."""
    return (
        f"The snapshot of {size:,} toys is {figures['snapshot_bytes'] / 1e6:.1f} MB and loads "
        f"in {figures['load_ms']:.0f} ms; the first search takes {figures['first_search_ms']:.1f} "
        f"ms, a change {figures['change_ms']:.2f} ms, a snapshot after 100 changes "
        f"{figures['dump_after_changes_ms']:.0f} ms, and building the index "
        f"{figures['build_ms'] / 1000:.1f} s. It uses {figures['memory_mb']:.0f} MB of memory. "
        f"NDCG@10 over {figures['judged_queries']} judged queries of the seeded catalogue: "
        f"{figures['ndcg_at_10']:.3f}."
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU time for each kind")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--fts5", action="store_true", help="measure SQLite's FTS5 too")
    arguments = parser.parse_args()
    figures = measure(arguments.sizes, arguments.seconds)
    print("\n".join(table(figures["kinds"], arguments.sizes)))
    print(f"\n{summary(figures, arguments.sizes[-1])}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    if arguments.fts5:
        measure_fts5(arguments.sizes[-1], arguments.seconds)


if __name__ == "__main__":
    main()
