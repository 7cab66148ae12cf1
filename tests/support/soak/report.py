"""The figures of a soak: each run prints them; ``--write`` puts them into docs/soak.md."""

import platform
from collections import Counter
from pathlib import Path

from support.paths import ROOT
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
        "stored orders whose response was lost": counted["orders stored"]
        - counted["orders accepted"],
        "… cancelled by their customers": counted["orders cancelled"],
        **_prefixed("… payment {}", "payments ", counted),
        "charged": counted["charged"],
        "refunded": counted["refunded"],
        "receipts archived": counted["receipts archived"],
        "emails sent": counted["mailed"],
        "second copies of emails": counted["second copies of e-mails"],
        "crashes between SES's response and its record": counted[
            "died between SES's answer and the record"
        ],
        "dead letters": queues.parked,
        "replayed dead letters": queues.replayed,
        "seconds from the last fault until no violation remained": f"{quiet:.0f}",
        "**violations**": f"**{len(result.breaches)}**",
    }
    faults: dict[str, object] = dict(sorted(weather.done.items()))
    faults["failed requests, sent again by shoppers"] = sum(
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
    """Write the figures between the markers in docs/soak.md."""
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
