"""The figures of a soak test, printed by each run; ``--write`` writes them into docs/soak.md."""

import platform
from pathlib import Path

from support.paths import ROOT
from support.soak.audit import Audit
from support.soak.fault_injection import FaultInjector
from support.soak.plan import Plan
from support.soak.queues import Queues
from support.soak.shoppers import OrderLog

DOCUMENT = ROOT / "docs" / "soak.md"
_BEGIN, _END = "<!-- figures: written by", "<!-- end of figures -->"
_PINNED = {"requirements/aws.txt": "ministack", "requirements/tools.txt": "stripe"}


def render(
    plan: Plan,
    log: OrderLog,
    injector: FaultInjector,
    queues: Queues,
    result: Audit,
    recovery_seconds: float,
) -> list[str]:
    """Return the figures as lines of Markdown.

    Parameters
    ----------
    recovery_seconds
        Time from the last fault until no violation remained, in seconds.
    """
    figures = result.figures
    rows: dict[str, object] = {
        "orders accepted": f"{figures['orders accepted']} in {log.seconds:.0f} s",
        "orders cancelled by their customers": figures["orders cancelled"],
        **{
            f"orders with {name}": count
            for name, count in sorted(figures.items())
            if name.startswith("payment ")
        },
        "stored orders whose response was lost": figures["orders stored"]
        - figures["orders accepted"],
        **{
            name: figures[name]
            for name in (
                "charged",
                "refunded",
                "receipts archived",
                "emails sent",
                "second copies of emails",
                "crashes between SES's response and its record",
            )
        },
        "dead letters": queues.parked,
        "replayed dead letters": queues.replayed,
        "seconds from the last fault until no violation remained": f"{recovery_seconds:.0f}",
        "**violations**": f"**{len(result.violations)}**",
    }
    faults: dict[str, object] = dict(sorted(injector.injected.items()))
    faults["failed requests, sent again by shoppers"] = sum(
        count for status, count in log.statuses.items() if not 200 <= status < 300
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
    text = DOCUMENT.read_text()
    before, rest = text.split(_BEGIN, 1)
    marker, rest = rest.split("-->\n", 1)
    after = rest[rest.index(_END) :]
    DOCUMENT.write_text(f"{before}{_BEGIN}{marker}-->\n" + "\n".join(lines) + f"\n{after}")


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
