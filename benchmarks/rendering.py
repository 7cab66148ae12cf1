"""The report of ``tox -e bench``, in Markdown."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import search

import comparison

WHY_COLD = (
    "Importing PynamoDB, and botocore with it, takes most of the time: "
    "[ADR 0037](../docs/decisions/0037-aws-client.md) describes what was tried."
)
WHY_WARM = (
    "It validates the order, and checks its idempotency key, with one request to DynamoDB as in "
    "the peers: [ADR 0037](../docs/decisions/0037-aws-client.md) has the figures of other runs."
)
WHY_LAPTOP = (
    "The processor is the limit, mainly for the embedded AWS and the functions of payments: "
    "[ADR 0005](../docs/decisions/0005-embedded-aws.md) describes what was tried."
)
WHY_PAYMENTS = (
    "The receipt typesetter and its fonts alone exceed the limit: "
    "[ADR 0039](../docs/decisions/0039-packages-and-receipts.md) compares other libraries and "
    "measures the cold start."
)


@dataclass(frozen=True)
class Row:
    """A row of the first table.

    Attributes
    ----------
    what
        What was measured.
    figure
        The result, as a reader sees it.
    value
        The number to compare with the target; ``None`` if there is no target.
    limit
        The target.
    unit
        Unit of the target, with a space before it if there is one.
    at_least
        Whether the target is a lower limit.
    why
        Why the target is missed, if it is, with a link to what was tried.
    """

    what: str
    figure: str
    value: float | None = None
    limit: float = 0
    unit: str = ""
    at_least: bool = False
    why: str = ""

    @property
    def target(self) -> str:
        """The target in words; empty if there is none."""
        if self.value is None:
            return ""
        return f"at {'least' if self.at_least else 'most'} {self.limit:g}{self.unit}"

    @property
    def is_missed(self) -> bool:
        """Whether the target is missed."""
        if self.value is None:
            return False
        return self.value < self.limit if self.at_least else self.value > self.limit


def report(result: Mapping[str, Any]) -> str:
    """Return the measurements as Markdown."""
    about = result["machine"]
    rows = [
        *_starts(result["up"]),
        *_idle(result),
        *_load(result["load"]),
        *_search_rows(result["search"]),
        *_peer_rows(result["peers"]["cases"]),
        *_baseline_rows(result["functions"], result["baseline"]),
        *_package_rows(result["peers"]["packages"]),
    ]
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
        *(f"| {row.what} | {row.figure} | {row.target} |" for row in rows),
        "",
        *_missed([row for row in rows if row.is_missed]),
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


def _missed(rows: Sequence[Row]) -> Iterator[str]:
    if rows:
        yield from ("## Missed targets", "")
        for row in rows:
            yield f"- {row.what}: {row.figure}, target {row.target}. {row.why}".rstrip()
        yield ""


def _starts(up: Mapping[str, float]) -> Iterator[Row]:
    if "cold_up" in up:
        yield Row("`./shop up` from a fresh clone, empty caches", f"{up['cold_up']} s")
        yield Row("… and the first order paid", f"{up['cold_paid']} s", up["cold_paid"], 45, " s")
    yield Row(
        "`./shop up` again, nothing changed",
        f"{up['warm_up']} s",
        up["warm_up"],
        5,
        " s",
        why=WHY_LAPTOP,
    )
    yield Row("… and the first order paid", f"{up['warm_paid']} s")


def _idle(result: Mapping[str, Any]) -> Iterator[Row]:
    idle, memory = result["idle"], result["memory"]
    yield Row("accepted to paid, idle, p50 / p95 / p99", _ms(idle["paid"]))
    yield _p95("accepted to emailed, idle", idle["mailed"], 3000)
    for name, cuts in result["reads"].items():
        yield _p95(name, cuts, 100)
    order = result["processor"]
    whole = sum(order.values())
    yield Row(
        "processor time per order, from browsing to the email", f"{whole:.0f} ms", whole, 110,
        " ms", why=WHY_LAPTOP,
    )  # fmt: skip
    yield Row(
        "… of which in the functions of payments", f"{order['payments']:.0f} ms",
        order["payments"], 30, " ms", why=WHY_LAPTOP,
    )  # fmt: skip
    yield Row(
        "memory when idle, PSS (RSS)",
        f"{memory['proportional']:.0f} MiB ({memory['resident']:.0f} MiB)",
        memory["proportional"], 1536, " MiB",
    )  # fmt: skip


def _load(under: Mapping[str, Any]) -> Iterator[Row]:
    each, peak = under["per_second"], under["memory_peak"]
    yield Row(
        f"orders placed in {under['seconds']} s by {under['clients']} clients",
        f"{under['accepted']} ({each} per second), {under['errors']} failed",
        each, 25, " per second", at_least=True, why=WHY_LAPTOP,
    )  # fmt: skip
    once = under["charged_once"]
    yield Row(
        "… of these, charged exactly once and emailed", str(once), once, under["accepted"],
        at_least=True,
    )  # fmt: skip
    yield Row("… response time, p50 / p95 / p99", _ms(under["answered"]))
    yield _p95("… accepted to emailed", under["mailed"], 5000)
    yield Row(
        "peak memory under load, PSS (RSS)",
        f"{peak['proportional']:.0f} MiB ({peak['resident']:.0f} MiB)",
        peak["proportional"], 1536, " MiB",
    )  # fmt: skip


def _search_rows(found: Mapping[str, Any]) -> Iterator[Row]:
    same = [
        times["100000"] / times["1000"]
        for name, times in found["kinds"].items()
        if name.startswith("same 20 toys")
    ]
    yield Row(
        f"search, {len(same)} kinds of query that match the same 20 toys: processor time with "
        "100,000 toys divided by that with 1,000, median and maximum",
        f"{statistics.median(same):.2f}, {max(same):.2f}", max(same), 2,
    )  # fmt: skip
    slowest = max(times["100000"] for times in found["kinds"].values())
    yield Row(
        f"search with 100,000 toys, slowest of {len(found['kinds'])} kinds of query",
        f"{slowest:.0f} ms", slowest, 50, " ms",
    )  # fmt: skip
    relevance = found["ndcg_at_10"]
    yield Row(
        f"search relevance: NDCG@10 over {found['judged_queries']} judged queries",
        f"{relevance:.3f}", relevance, 0.9, at_least=True,
    )  # fmt: skip


def _peer_rows(cases: Mapping[str, Any]) -> Iterator[Row]:
    for case, title in comparison.CASES.items():
        for what, label, packaged in (
            ("cpu", "cold start, peers packaged as pip installs them", "natural"),
            ("cpu", "cold start, peers packaged as the shop's functions", "treated"),
            ("warm", "warm", "treated"),
        ):
            ratios = [
                cases[case][what][f"{peer} {packaged}"]["shop"][1] for peer in comparison.PEERS
            ]
            has_target = packaged == "treated" and (what == "warm" or case == "get-toy")
            yield Row(
                f"{title}, {label}: processor time divided by that of boto3 / Chalice / FastAPI / "
                "Powertools",
                " / ".join(f"{ratio:.2f}" for ratio in ratios),
                ratios[0] if has_target else None, 0.7, " times boto3",
                why=WHY_WARM if what == "warm" else WHY_COLD,
            )  # fmt: skip


def _baseline_rows(functions: Mapping[str, Any], baseline: str) -> Iterator[Row]:
    if baseline:
        # some functions did not exist at that commit
        ratios = {
            name: one["cpu"]["/baseline"][1]
            for name, one in functions.items()
            if "/baseline" in one["cpu"]
        }
        largest = max(ratios, key=lambda name: ratios[name])
        yield Row(
            f"cold start of {len(ratios)} functions: processor time divided by that at commit "
            f"{baseline}, median and maximum",
            f"{statistics.median(ratios.values()):.2f}, {ratios[largest]:.2f} ({largest})",
            ratios[largest], 0.85, why=WHY_COLD,
        )  # fmt: skip


def _package_rows(packages: Mapping[str, int]) -> Iterator[Row]:
    megabytes = {name: size / 1e6 for name, size in packages.items()}
    payments = megabytes.pop("payments")
    largest = max(megabytes.values())
    yield Row("largest package other than payments, zipped", f"{largest:.1f} MB", largest, 6, " MB")
    yield Row(
        "payments package, zipped", f"{payments:.1f} MB", payments, 16, " MB",
        why=WHY_PAYMENTS,
    )  # fmt: skip


def _p95(what: str, cuts: Mapping[str, float], limit: float) -> Row:
    return Row(f"{what}, p50 / p95 / p99", _ms(cuts), cuts["p95"], limit, " ms (p95)")


def _processor_section(result: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Processor time per order", "")
    yield (
        "Milliseconds per order, by process; functions are counted under their service. The first "
        "column is an order of one toy on an idle shop, including one request each for a list of "
        "toys, a toy and the placed order. The second is an order under load, without other "
        "requests."
    )
    yield from ("", "| process | browsing to the email | under load |", "|---|--:|--:|")
    alone, loaded = result["processor"], result["load"]["processor"]
    for name in sorted(alone, key=lambda name: -alone[name]):
        yield f"| {name} | {alone[name]} | {loaded.get(name, 0)} |"
    yield f"| **total** | **{sum(alone.values()):.1f}** | **{sum(loaded.values()):.1f}** |"
    yield ""


_GROWTH = (
    "`tox -e bench -- --growth` measures lists, search and reconciliation in a running shop of "
    "100,000 toys and orders, compared with a small one: [docs/scale.md](../docs/scale.md)."
)


def _search_section(found: Mapping[str, Any]) -> Iterator[str]:
    sizes = sorted(int(size) for size in next(iter(found["kinds"].values())))
    yield from ("## Search", "")
    yield (
        "Processor time of the search index for each kind of query, including facet counts. "
        "Whatever the size of the catalogue, a search takes one read unit, plus one for each toy "
        "that it returns: `tests/component/test_toy_search_cost.py` counts them."
    )
    yield from ("", *search.table(found["kinds"], sizes), "", search.summary(found, sizes[-1]), "")
    yield from (_GROWTH, "")


def _ms(cuts: Mapping[str, float]) -> str:
    return " / ".join(f"{value:.0f}" for value in cuts.values()) + " ms"
