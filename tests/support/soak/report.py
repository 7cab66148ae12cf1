"""The figures of a soak: printed by each run, written into docs/soak.md by one that is told to."""

import platform
from collections import Counter
from pathlib import Path

from support.running_shop import ROOT
from support.soak.audit import Audit
from support.soak.plan import Plan
from support.soak.queues import Queues
from support.soak.shoppers import Sales
from support.soak.weather import Weather

PAGE = ROOT / "docs" / "soak.md"
_BEGIN, _END = "<!-- figures: written by", "<!-- end of figures -->"
_PINNED = {"requirements/aws.txt": "ministack", "requirements/tools.txt": "stripe"}


def lines_of(
    plan: Plan, sales: Sales, weather: Weather, queues: Queues, result: Audit, quiet: float
) -> list[str]:
    """Return the figures as Markdown."""
    counted = result.figures
    rows: dict[str, object] = {
        "orders accepted": f"{counted['orders accepted']} in {sales.seconds:.0f} s",
        "… that nobody was told of, and stand all the same": counted["orders stored"]
        - counted["orders accepted"],
        "… cancelled by their customers": counted["orders cancelled"],
        **_prefixed("… payment {}", "payments ", counted),
        "charged": counted["charged"],
        "refunded": counted["refunded"],
        "receipted": counted["receipted"],
        "e-mailed": counted["mailed"],
        "second copies of e-mails": counted["second copies of e-mails"],
        "… where a process died between SES's answer and the record": counted[
            "died between SES's answer and the record"
        ],
        "parked": queues.parked,
        "replayed": queues.replayed,
        "seconds from the last fault until all was as promised": f"{quiet:.0f}",
        "**what broke**": f"**{len(result.breaches)}**",
    }
    faults: dict[str, object] = dict(sorted(weather.done.items()))
    faults["requests that were not answered well, and sent again"] = sum(
        count for status, count in sales.answers.items() if not 200 <= status < 300
    )
    return [
        f"The {plan.name} soak, seed {plan.seed}; {_machine()}.",
        "",
        *_table("what", rows),
        "",
        *_table("fault", faults),
    ]


def write(lines: list[str]) -> None:
    """Put the figures between the marks of docs/soak.md."""
    text = PAGE.read_text()
    before, rest = text.split(_BEGIN, 1)
    mark, rest = rest.split("-->\n", 1)
    after = rest[rest.index(_END) :]
    PAGE.write_text(f"{before}{_BEGIN}{mark}-->\n" + "\n".join(lines) + f"\n{after}")


def _prefixed(name: str, prefix: str, counted: Counter[str]) -> dict[str, object]:
    return {
        name.format(key.removeprefix(prefix)): count
        for key, count in sorted(counted.items())
        if key.startswith(prefix)
    }


def _table(head: str, rows: dict[str, object]) -> list[str]:
    return [f"| {head} | count |", "|---|---|", *(f"| {key} | {rows[key]} |" for key in rows)]


def _machine() -> str:
    model = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    versions = [
        line.split(" ")[0].replace("==", " ")
        for path, package in _PINNED.items()
        for line in (ROOT / path).read_text().splitlines()
        if line.startswith(f"{package}==")
    ]
    return (
        f"{len(model)} cores ({model[0] if model else platform.processor()}), "
        f"{platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, {', '.join(versions)}"
    )
