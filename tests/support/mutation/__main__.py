"""Measures which mutants of the code that carries the promise the tests find."""

import argparse
import itertools
import json
import os
import sys
import time
import tomllib
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from support.mutation.operators import Mutant, mutants_of
from support.mutation.report import Found, as_document, score, summary
from support.mutation.runs import (
    CallRecorder,
    Covered,
    calls_of,
    collected,
    in_children,
    plant,
    preload,
    run_anew,
    run_items,
)
from support.paths import ROOT

MODULES = (
    *(
        f"libs/chassis/src/chassis/{name}.py"
        for name in (
            "breaker",
            "client",
            "consumer",
            "contention",
            "context",
            "cursors",
            "ids",
            "parking",
            "parsing",
            "preconditions",
            "records",
            "redaction",
            "relay",
            "retry",
        )
    ),
    *(
        f"apps/payments/chalicelib/payments/{name}.py"
        for name in (
            "auditing",
            "charging",
            "domain",
            "events",
            "fulfillment",
            "gateway",
            "ledger",
            "reversals",
            "store",
            "transactions",
            "webhooks",
        )
    ),
    *(
        f"apps/orders/chalicelib/orders/{name}.py"
        for name in ("domain", "events", "service", "store")
    ),
    *(
        f"apps/storefront_api/chalicelib/storefront_api/{name}.py"
        for name in ("authorizer", "ordering", "reconciliation")
    ),
)
"""The modules that carry the promise of exactly one charge, relative to the root."""
NEAREST_TESTS = ("tests/unit", "tests/component", "tests/contract")
NOT_NEAR = ("tests/unit/repository", "tests/unit/toys", "tests/contract/test_evolution.py")
WORLD = (
    "tests/simulation/stateful/test_seeded_runs.py",
    "tests/simulation/stateful/test_stale_reads.py::test_change_of_the_same_moment_is_seen",
)
WARM_UP = (
    "tests/component/test_health.py",
    "tests/component/test_storefront_api.py::TestUsers",
    "tests/component/test_toys.py::TestToys::test_create",
)
"""Tests that leave no thread behind, which a forked process would lack."""
WORLD_RUNS = "--runs=200"
KNOWN = ROOT / "tests/support/mutation/known.toml"
REPORT = ROOT / "docs/mutants.md"
MOST_SECONDS = 90
"""How long the tests of one tier may take for one mutant."""
SAMPLE = 60
SEED = 20261129
TARGET = 0.97


def main(argv: list[str]) -> int:
    """Run the tests against mutants and print which survive.

    Returns
    -------
    int
        0 if the tests find at least ``TARGET`` of those that are not known to be equivalent.
    """
    parser = argparse.ArgumentParser(
        prog="./shop test -e mutants --",
        description="Plants small faults in the code that carries the promise of exactly one"
        " charge, one at a time, and runs the nearest tests and then the simulated world on each.",
    )
    parser.add_argument("--all", action="store_true", help="All mutants.")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="How many without --all.")
    parser.add_argument("--seed", type=int, default=SEED, help="Chooses the sample.")
    parser.add_argument("--only", default="", help="Mutants with this text in their names.")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="Processes.")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path(os.devnull),
        help="Keeps what was found; mutants found before are not run again.",
    )
    parser.add_argument("--again", action="store_true", help="Only mutants in --results.")
    parser.add_argument("--write", action="store_true", help=f"Write {REPORT.relative_to(ROOT)}.")
    options = parser.parse_args(argv)
    os.chdir(ROOT)
    mutants = [mutant for path in MODULES for mutant in mutants_of(ROOT, path)]
    equivalent, survivors = _known("equivalent"), _known("survivor")
    if unknown := (equivalent.keys() | survivors) - {mutant.name for mutant in mutants}:
        print(*sorted(unknown), "do not exist any more: delete them.", sep="\n", file=sys.stderr)
        return 2
    chosen = [mutant for mutant in mutants if options.only in mutant.name]
    chosen.sort(key=lambda mutant: mutant.rank(options.seed))
    known = json.loads(options.results.read_text()) if options.results.is_file() else {}
    if options.again:
        chosen = [mutant for mutant in chosen if mutant.name in known]
    elif not options.all and not options.only:
        chosen = chosen[: options.sample]
    begin = time.monotonic()
    found = []
    left = []
    for mutant in chosen:
        if mutant.name in equivalent:
            continue
        if mutant.name in known and known[mutant.name][1]:
            found.append(Found(mutant, *known[mutant.name]))
        else:
            left.append(mutant)

    def tell(each: Found) -> None:
        found.append(each)
        known[each.mutant.name] = each.tier, each.by
        options.results.write_text(json.dumps(known, indent=1))
        print(f"{len(found)} {each.tier}: {each.mutant.name}: {each.by or 'survives'}", flush=True)

    _run(left, options.workers, tell)
    print(summary(chosen, found, equivalent), f"{time.monotonic() - begin:.0f} s")
    if options.write:
        REPORT.write_text(as_document(chosen, found, equivalent, survivors, len(mutants)))
    return 0 if score(found) >= TARGET else 1


def _known(kind: str) -> dict[str, str]:
    """Return the reason for each mutant that is listed as ``equivalent`` or ``survivor``."""
    groups = tomllib.loads(KNOWN.read_text())[kind]
    return {mutant: group["reason"] for group in groups for mutant in group["mutants"]}


def _run(mutants: Sequence[Mutant], workers: int, tell: Callable[[Found], None]) -> None:
    """Run the nearest tests, then the simulated world, and tell what becomes of each mutant."""
    preload()
    covered = _covered(workers)
    failures: Counter[tuple[str, str]] = Counter()

    def tests_of(mutant: Mutant, tier: str) -> list[str]:
        tests = _tests_of(mutant, covered[tier])
        # a test that has found another mutant of the module is likely to find this one
        return sorted(tests, key=lambda test: -failures[mutant.path, test])

    def run_all(mutants: Sequence[Mutant], run: Callable[[Mutant, list[str]], str]) -> None:
        tasks = deque((number, "nearest") for number in range(len(mutants)))

        def run_task(task: tuple[int, str]) -> str:
            number, tier = task
            tests = tests_of(mutants[number], tier)
            return run(mutants[number], tests) if tests else ""

        for (number, tier), failed in in_children(run_task, tasks, workers):
            mutant, by = mutants[number], "the limit of time" if failed is None else failed
            failures[mutant.path, by] += 1
            if by or tier == "world":
                tell(Found(mutant, tier if by else "", by))
            else:
                tasks.appendleft((number, "world"))

    imported = [mutant for mutant in mutants if mutant.first_line is None]
    run_all(imported, lambda mutant, tests: run_anew(mutant, tests, [WORLD_RUNS]))

    def use(items: list[pytest.Item]) -> None:
        by_id = {item.nodeid: item for item in items}
        # what libraries load when they are first used is then shared by all forked processes
        run_items([item for item in items if item.nodeid.startswith(WARM_UP)])

        def run(mutant: Mutant, tests: list[str]) -> str:
            plant(mutant)
            return run_items([by_id[test] for test in tests])

        run_all([mutant for mutant in mutants if mutant.first_line is not None], run)

    collected([*NEAREST_TESTS, *WORLD, WORLD_RUNS], use)


def _covered(workers: int) -> dict[str, dict[str, Covered]]:
    """Return for each tier what each test calls.

    Raises
    ------
    RuntimeError
        If a test fails.
    """
    files = [
        str(path)
        for folder in NEAREST_TESTS
        for path in sorted(Path(folder).rglob("test_*.py"))
        if not str(path).startswith(NOT_NEAR)
    ]
    shares = {"world": [*WORLD, WORLD_RUNS]}
    for number in range(2 * workers):
        shares[f"nearest {number}"] = files[number :: 2 * workers]
    covered: dict[str, dict[str, Covered]] = {"nearest": {}, "world": {}}

    def record(share: str) -> dict[str, Covered]:
        calls: dict[str, Covered] = {}
        recorder = CallRecorder(MODULES)
        # a busy machine is not a failure
        tests = [*shares[share], "--timeout=300"]
        collected(tests, lambda items: calls.update(calls_of(items, recorder)))
        return calls

    for share, calls in in_children(record, deque(shares), workers):
        if calls is None:
            raise RuntimeError("without any mutant, the tests take too long")
        covered[share.partition(" ")[0]] |= calls
    return covered


def _tests_of(mutant: Mutant, covered: dict[str, Covered]) -> list[str]:
    """Return the tests that call the mutant's function, those that call least else first.

    They take no longer than `MOST_SECONDS`. For a fault outside of functions, tests that call any
    function of the module count.
    """
    path = str(ROOT / mutant.path)

    def is_near(test: Covered) -> bool:
        if mutant.first_line is None:
            return any(file == path for file, _line in test.functions)
        return (path, mutant.first_line) in test.functions

    near = sorted(
        (len(test.functions), test.seconds, name) for name, test in covered.items() if is_near(test)
    )
    seconds = itertools.accumulate(seconds for _, seconds, _ in near)
    return [name for (_, _, name), total in zip(near, seconds, strict=True) if total < MOST_SECONDS]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
