"""The report of ``tox -e bench``, in Markdown."""

import statistics
from collections.abc import Iterator, Mapping
from typing import Any

import search

import comparison

PACKAGE_LIMITS = {"payments": 16.0}
OTHER_LIMIT = 6.0
"""How large a package should be at most, zipped, in MB."""


def report(result: Mapping[str, Any]) -> str:
    """Return the measurements as Markdown."""
    about = result["machine"]
    lines = [
        "# Benchmark",
        "",
        "Written by `tox -e bench -- --write`. The times are from one machine and vary between "
        "runs: compare them only within a run.",
        "",
        f"{about['cores']} cores ({about['processor']}), {about['system']}, "
        f"Python {about['python']}, {about['packages']}; commit {about['commit']}.",
        "",
        "| what | figure | target |",
        "|---|---|---|",
        *_starts(result["up"]),
        *_idle(result),
        *_load(result),
        *_search_rows(result["search"]),
        *comparison.summary_rows(result["peers"]),
        *_package_rows(result["peers"]["packages"]),
        "",
        *_processor_section(result),
        *comparison.details(
            result["functions"], result["peers"], result["rounds"], result["baseline"]
        ),
        *_search_section(result["search"]),
    ]
    return "\n".join(lines) + "\n"


def with_figures(readme: str, report: str) -> str:
    """Return the README with the report's first table between its figures markers."""
    table = "\n".join(
        line for line in report.split("\n## ")[0].splitlines() if line.startswith("|")
    )
    before, rest = readme.split("<!-- figures", 1)
    mark, rest = rest.split("-->\n", 1)
    after = rest[rest.index("<!-- end of figures -->") :]
    return f"{before}<!-- figures{mark}-->\n{table}\n{after}"


def _starts(up: Mapping[str, float]) -> Iterator[str]:
    if "cold_up" in up:
        yield f"| `./shop up` from a fresh clone, empty caches | {up['cold_up']} s | |"
        yield f"| … and the first order paid | {up['cold_paid']} s | 45 s |"
    yield f"| `./shop up` again, nothing changed | {up['warm_up']} s | 5 s |"
    yield f"| … and the first order paid | {up['warm_paid']} s | |"


def _idle(result: Mapping[str, Any]) -> Iterator[str]:
    idle, memory = result["idle"], result["memory"]
    yield f"| accepted to paid, idle, p50 / p95 / p99 | {_ms(idle['paid'])} ms | |"
    yield f"| accepted to emailed, idle, p50 / p95 / p99 | {_ms(idle['mailed'])} ms | p95 3000 ms |"
    for name, cuts in result["reads"].items():
        yield f"| {name}, p50 / p95 / p99 | {_ms(cuts)} ms | p95 100 ms |"
    yield (
        "| processor time of an order, from browsing to the email | "
        f"{sum(result['processor'].values()):.0f} ms | 110 ms |"
    )
    yield (
        f"| memory when idle, PSS (RSS) | {memory['proportional']} MiB "
        f"({memory['resident']} MiB) | 1536 MiB |"
    )


def _load(result: Mapping[str, Any]) -> Iterator[str]:
    under = result["load"]
    yield (
        f"| orders placed in {under['seconds']} s by {under['clients']} clients | "
        f"{under['accepted']} ({under['per_second']} per second), {under['errors']} failed | "
        "25 per second |"
    )
    yield f"| … of these, charged exactly once and emailed | {under['charged_once']} | all |"
    yield f"| … response time, p50 / p95 / p99 | {_ms(under['answered'])} ms | |"
    yield f"| … accepted to emailed, p50 / p95 / p99 | {_ms(under['mailed'])} ms | p95 5000 ms |"
    yield (
        f"| peak memory under load, PSS (RSS) | {under['memory_peak']['proportional']:.0f} MiB "
        f"({under['memory_peak']['resident']:.0f} MiB) | 1536 MiB |"
    )


def _search_rows(found: Mapping[str, Any]) -> Iterator[str]:
    ratios = {group: _ratios(found["kinds"], group) for group in search.GROUPS}
    same = ratios["same 20 toys"]
    yield (
        f"| search, {len(same)} kinds of query that match the same 20 toys: processor time at "
        f"100,000 toys divided by that at 1,000, median and largest | "
        f"{statistics.median(same):.2f}, {max(same):.2f} | 2 |"
    )
    slowest = max(times["100000"] for times in found["kinds"].values())
    yield (
        f"| search at 100,000 toys, the slowest of {len(found['kinds'])} kinds of query | "
        f"{slowest:.0f} ms | 50 ms |"
    )
    yield (
        f"| relevance of search: NDCG@10 of {found['judged_queries']} judged queries | "
        f"{found['ndcg_at_10']:.3f} | 0.9 |"
    )


def _package_rows(packages: Mapping[str, int]) -> Iterator[str]:
    payments = packages["payments"] / 1e6
    largest = max(size for name, size in packages.items() if name != "payments") / 1e6
    limit = PACKAGE_LIMITS["payments"]
    yield f"| the largest package but payments, zipped | {largest:.1f} MB | {OTHER_LIMIT:.0f} MB |"
    yield f"| … payments, which has fonts for receipts | {payments:.1f} MB | {limit:.0f} MB |"


def _processor_section(result: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Processor time of an order", "")
    yield (
        "Milliseconds by process; functions are named after their service. The first column is an "
        "order of one toy on an idle shop, after a list of toys and the page of a toy, and with "
        "one look at the order. The second is an order under load, with nothing beside it."
    )
    yield from ("", "| process | browsing to the email | under load |", "|---|--:|--:|")
    alone, loaded = result["processor"], result["load"]["processor"]
    for name in sorted(alone, key=lambda name: -alone[name]):
        yield f"| {name} | {alone[name]} | {loaded.get(name, 0)} |"
    yield f"| **total** | **{sum(alone.values()):.1f}** | **{sum(loaded.values()):.1f}** |"
    yield ""


_GROWTH = (
    "`tox -e bench -- --growth` measures lists, search and reconciliation in a running shop of "
    "100,000 toys and orders, beside a small one: [docs/scale.md](../docs/scale.md)."
)


def _search_section(found: Mapping[str, Any]) -> Iterator[str]:
    sizes = sorted(int(size) for size in next(iter(found["kinds"].values())))
    yield from ("## Search", "")
    yield (
        "Processor time of the search index for each kind of query, counted facets included. "
        "Whatever the size of the catalogue, a search takes one read unit and one for each toy "
        "that it shows: `tests/component/test_toy_search_cost.py` counts them."
    )
    yield from ("", *search.table(found["kinds"], sizes), "", search.summary(found, sizes[-1]), "")
    yield from (_GROWTH, "")


def _ratios(kinds: Mapping[str, Any], group: str) -> list[float]:
    return [
        times["100000"] / times["1000"] for name, times in kinds.items() if name.startswith(group)
    ]


def _ms(cuts: Mapping[str, float]) -> str:
    return " / ".join(f"{value:.0f}" for value in cuts.values())
