"""Simulates orders at 1 to 10,000 a second through the limits of ``limits.toml``, with SimPy.

    python benchmarks/scale/simulate.py [--write]

Orders arrive at random (Poisson). Each passes the limits in the order of the file: where a client
is refused, the order is gone; elsewhere it waits until the limit lets it through. Many orders a
second are simulated in groups, so that a run takes seconds. ``--write`` writes the tables of
``docs/scale.md``.
"""

import argparse
import json
import random
import re
import statistics
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import simpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
DOCUMENT = ROOT / "docs/scale.md"
RATES = (1, 10, 30, 100, 300, 1000, 3000, 10_000)
SECONDS = 60
SPARE = 1.5
"""A limit that is raised is raised to this multiple of what is needed."""
LATENCY = 1.5
"""Seconds from an order to its email without any wait: the durations of ``limits.toml``, two
deliveries by a stream and two by SNS."""

LOCAL = ROOT / "benchmarks/report.json"
"""What the benchmark has measured on a laptop."""


@dataclass(frozen=True)
class Limit:
    """Something that lets only so many orders through.

    Attributes
    ----------
    capacity
        Orders per second.
    slots
        How many are in it at the same time at most; 0 if that is not limited.
    """

    name: str
    capacity: float
    slots: int
    rejects: bool
    own: bool
    turn: str
    source: str


def limits() -> list[Limit]:
    """Return the limits of the file."""
    found = []
    table = tomllib.loads(Path(__file__).with_name("limits.toml").read_text())
    for one in table["limit"]:
        if slots := one.get("concurrent", 0):
            capacity = slots / one["seconds"]
        else:
            capacity = one["per_second"] / one["uses"]
        common = (one["rejects"], one["own"], one["turn"], one["source"])
        found.append(Limit(one["name"], capacity, slots, *common))
    return found


@dataclass(frozen=True)
class Outcome:
    """What became of a minute of orders.

    Attributes
    ----------
    accepted
        Part of the orders that were accepted.
    emailed
        Median and 95th percentile of the seconds from an accepted order to its email.
    backlog
        Accepted orders without an email at the end of the minute.
    """

    accepted: float
    emailed: tuple[float, float]
    backlog: int


def simulate(
    rate: float, through: list[Limit], seconds: float = SECONDS, latency: float = LATENCY
) -> Outcome:
    """Return what becomes of orders that arrive at a rate.

    Parameters
    ----------
    latency
        Seconds from an order to its email without any wait.
    """
    # the same arrivals in every run
    chance = random.Random(1)
    group = max(1.0, rate / 100)
    world = simpy.Environment()
    refusing = [_Bucket(limit) for limit in through if limit.rejects]
    waiting = [(simpy.Resource(world), limit) for limit in through if not limit.rejects]
    times: list[float] = []
    counts = {"arrived": 0, "accepted": 0, "late": 0}

    def order() -> Iterator[Any]:
        began = world.now
        for resource, limit in waiting:
            with resource.request() as turn:
                yield turn
                yield world.timeout(group / limit.capacity)
        yield world.timeout(latency)
        times.append(world.now - began)
        counts["late"] += world.now > seconds + latency

    def shoppers() -> Iterator[Any]:
        while True:
            yield world.timeout(chance.expovariate(rate / group))
            if world.now > seconds:
                return
            counts["arrived"] += 1
            if all(bucket.takes(world.now, group) for bucket in refusing):
                counts["accepted"] += 1
                world.process(order())

    world.process(shoppers())
    world.run()
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    accepted = counts["accepted"] / counts["arrived"]
    return Outcome(accepted, (statistics.median(times), cuts[18]), round(counts["late"] * group))


class _Bucket:
    """A token bucket of two seconds, as API Gateway's burst is of the route for orders."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.tokens = 2 * limit.capacity
        self.at = 0.0

    def takes(self, now: float, number: float) -> bool:
        """Take tokens if there are enough."""
        filled = self.tokens + (now - self.at) * self.limit.capacity
        self.tokens, self.at = min(2 * self.limit.capacity, filled), now
        # a group that is larger than what is left takes the rest and some of what comes
        if self.tokens <= 0:
            return False
        self.tokens -= number
        return True


def raised(rate: float, found: list[Limit]) -> list[Limit]:
    """Return limits that a rate fits into, with some to spare."""
    need = rate * SPARE
    return [replace(one, capacity=max(one.capacity, need)) for one in found]


def limits_table(found: list[Limit]) -> Iterator[str]:
    """Yield a table of the limits, the lowest first."""
    yield "| limit | orders a second | beyond it | what to turn | source |"
    yield "|---|---:|---|---|---|"
    for one in sorted(found, key=lambda one: one.capacity):
        link = f"[quota]({one.source})" if one.source.startswith("http") else f"`{one.source}`"
        effect = "refused" if one.rejects else "waits"
        yield f"| {one.name} | {one.capacity:,.0f} | {effect} | {one.turn} | {link} |"


def rates_table(found: list[Limit]) -> Iterator[str]:
    """Yield a table of the rates: with the default limits, and with those raised that need it."""
    from shopctl.operating import prices, usage_cost

    costs = usage_cost.of_mix(usage_cost.MIX, prices.of_region(prices.DEFAULT_REGION))
    each = sum(costs.values(), Decimal(0))
    yield (
        "| orders a second | accepted | emailed after, p50 / p95 | waiting after a minute | "
        "limits to raise | emailed after, raised | US dollars an hour |"
    )
    yield "|---:|---:|---:|---:|---:|---:|---:|"
    for rate in RATES:
        now, then = simulate(rate, found), simulate(rate, raised(rate, found))
        reached = sum(one.capacity < rate * SPARE for one in found)
        yield (
            f"| {rate:,} | {now.accepted:.0%} | {_seconds(now)} | {now.backlog:,} | {reached} | "
            f"{_seconds(then)} | {each * rate * 3600:,.2f} |"
        )


def local_table() -> Iterator[str]:
    """Yield a table that compares the model with the shop on a laptop, whose limit is its cores."""
    measured = json.loads(LOCAL.read_text())
    load, about = measured["load"], measured["machine"]
    cores, milliseconds = int(about["cores"]), sum(load["processor"].values())
    limit = Limit("cores", cores / milliseconds * 1000, cores, False, True, "", "")
    alone = measured["idle"]["mailed"]["p50"] / 1000
    simulated = simulate(load["per_second"], [limit], latency=alone)
    emailed = " / ".join(f"{load['mailed'][cut] / 1000:.1f} s" for cut in ("p50", "p95"))
    yield (
        "| commit | cores | processor time of an order | orders accepted a second | "
        "emailed after, p50 / p95, simulated | measured |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    yield (
        f"| {about['commit']} | {cores} | {milliseconds:.0f} ms | {load['per_second']} | "
        f"{_seconds(simulated)} | {emailed} |"
    )


def _seconds(outcome: Outcome) -> str:
    return " / ".join(f"{value:.1f} s" for value in outcome.emailed)


def document(text: str) -> str:
    """Return the document with its tables."""
    found = limits()
    tables = {
        "limits": limits_table(found),
        "rates": rates_table(found),
        "local": local_table(),
    }
    for name, table in tables.items():
        lines = "\n".join(table)
        text, count = re.subn(
            rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)",
            lambda match, lines=lines: f"{match[1]}{lines}\n{match[2]}",
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(name)
    return text


def main() -> None:
    """Print the tables, and write them with ``--write``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/scale.md")
    options = parser.parse_args()
    text = document(DOCUMENT.read_text())
    print(text)
    if options.write:
        DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
