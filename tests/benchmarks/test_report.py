"""The benchmark's report: every figure of a run is in it, and the README quotes its first table."""

from typing import Any

import pytest

from support.paths import ROOT

CUTS = {"p50": 1.0, "p95": 2.0, "p99": 3.0}
FIGURE = {"ms": 4.0, "quartiles": [3.0, 4.0, 5.0], "shop": [0.4, 0.5, 0.6]}
PEERS = [f"{peer} {kind}" for peer in ("boto3", "chalice", "fastapi", "powertools")
         for kind in ("natural", "treated")]  # fmt: skip
CASE = {what: dict.fromkeys(["shop", *PEERS], FIGURE) for what in ("cpu", "wall", "warm")}
KINDS = {f"{group}: word": {"1000": 2.0, "100000": 3.0}
         for group in ("same 20 toys", "no toy", "every toy")}  # fmt: skip
RESULT: dict[str, Any] = {
    "machine": dict.fromkeys(("cores", "processor", "system", "python", "packages", "commit"), "x"),
    "up": {"cold_up": 30.1, "cold_paid": 31.2, "warm_up": 4.3, "warm_paid": 5.4},
    "idle": {"paid": CUTS, "mailed": CUTS},
    "reads": {"GET /toys/{id}": CUTS},
    "processor": {"aws": 50.5, "payments": 20.25},
    "memory": {"proportional": 700, "resident": 1400},
    "load": {
        "seconds": 60, "clients": 4, "accepted": 1600, "per_second": 26.7, "errors": 1,
        "answered": CUTS, "mailed": CUTS, "charged_once": 1599, "processor": {"aws": 40.0},
        "memory_peak": {"proportional": 900.0, "resident": 1800.0},
    },
    "rounds": 9,
    "baseline": "77ff54f",
    "functions": {
        "toys GET": {
            "wall": {"now": 200.0},
            "cpu": {"now": 199.0, "/bare": [0.6, 0.7, 0.8], "/baseline": [0.5, 0.55, 0.6]},
        },
        "new": {"wall": {"now": 2.0}, "cpu": {"now": 1.0, "/bare": [0.6, 0.7, 0.8]}},
    },
    "peers": {
        "cases": {"get-toy": CASE, "create-order": CASE},
        "sizes": dict.fromkeys(["get-toy", "create-order", *PEERS], 2_000_000),
        "packages": {"toys": 2_300_000, "payments": 35_300_000},
    },
    "search": {
        "kinds": KINDS, "judged_queries": 90, "ndcg_at_10": 0.942, "snapshot_bytes": 1_000_000,
        **dict.fromkeys(
            ("load_ms", "first_search_ms", "change_ms", "dump_after_changes_ms", "build_ms",
             "memory_mb"), 7.0,
        ),
    },
}  # fmt: skip


@pytest.fixture
def rendering(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import rendering

    return rendering


def test_report_has_all_figures(rendering: Any) -> None:
    report = rendering.report(RESULT)
    for row in (
        "| … and the first order paid | 31.2 s | at most 45 s |",
        "| processor time per order, from browsing to the email | 71 ms | at most 110 ms |",
        "| orders placed in 60 s by 4 clients | 1600 (26.7 per second), 1 failed | at least 25 per"
        " second |",
        "| largest package other than payments, zipped | 2.3 MB | at most 6 MB |",
        "| aws | 50.5 | 40.0 |",
        "| toys GET | 200.0 | 199.0 | 0.70 (0.60 to 0.80) | 0.55 (0.50 to 0.60) |  |  |",
        "| new | 2.0 | 1.0 | 0.70 (0.60 to 0.80) |  |  |  |",
        "| every toy: word | 2.000 ms | 3.000 ms | 1.50 |",
    ):
        assert row in report.splitlines()
    assert "commit 77ff54f" in report


def test_missed_targets_are_listed_with_the_reason(rendering: Any) -> None:
    missed = rendering.report(RESULT).split("## Missed targets\n\n")[1].split("\n\n")[0]
    first, second = missed.splitlines()
    assert first == ("- … of these, charged exactly once and emailed: 1599, target at least 1600.")
    assert second.startswith("- payments package, zipped: 35.3 MB, target at most 16 MB. ")
    assert "0039-packages-and-receipts.md" in second


def test_readme_gets_the_first_table_of_the_report(rendering: Any) -> None:
    readme = "# Shop\n<!-- figures: x -->\n| old |\n<!-- end of figures -->\nMore\n"
    report = "# Benchmark\n\n| a | b |\n|---|---|\n| c | d |\n\n## More\n\n| e |\n"
    assert rendering.with_figures(readme, report) == (
        "# Shop\n<!-- figures: x -->\n| a | b |\n|---|---|\n| c | d |\n<!-- end of figures -->\n"
        "More\n"
    )
