"""Takes a shop that was killed back to one moment, and says what was restored and what was lost."""

import datetime
import json
import subprocess
import sys
from typing import Any

from shopctl.local import environment
from shopctl.local.progress import Progress
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_TABLES = {"orders": "orders", "payments": "transactions", "file-manager": "files"}
"""What the items of a service's table are, by service."""


def is_needed(layout: Layout) -> bool:
    """Return whether the embedded AWS has changes that it did not save at its end."""
    return (layout.home / "aws" / "unclean").exists()


def recover(layout: Layout, progress: Progress) -> None:
    """Make AWS, gateway and emails agree after a kill, while none of the processes runs.

    Raises
    ------
    ShopProblem
        If a journal or snapshot cannot be changed.
    """
    if not is_needed(layout):
        return
    found = _run(
        str(layout.aws_python), str(layout.tools / "embedded_aws"),
        "--home", str(layout.home), "--recover",
        layout=layout,
    )  # fmt: skip
    snapshot = found["manifest"] or {}
    cut: dict[str, Any] = {"file": None, "ledger": []}
    gateway = layout.home / "gateway"
    # without a snapshot, nothing is left that the gateway's payments could belong to
    size = snapshot.get("gateway_position", 0 if not snapshot else None)
    if size is not None and gateway.exists():
        cut = _run(
            sys.executable, "-m", "gateway_simulator.cut",
            "--state", str(gateway), "--size", str(size),
            layout=layout,
        )  # fmt: skip
    for line in report(found, cut, datetime.datetime.now(datetime.UTC)):
        progress.warn(line)


def report(found: dict[str, Any], cut: dict[str, Any], now: datetime.datetime) -> list[str]:
    """Describe what was restored and what was lost.

    Parameters
    ----------
    found
        What the embedded AWS has recovered.
    cut
        What was cut off the gateway's journal.
    now
        The present time in UTC.
    """
    snapshot = found["manifest"]
    if snapshot is None:
        lines = ["The shop was killed before anything was saved. It starts empty."]
    else:
        moment = datetime.datetime.fromisoformat(snapshot["moment"])
        restored = _restored(snapshot.get("counts", {}))
        lines = [
            "The shop was killed. It continues from the state of"
            f" {moment.astimezone():%H:%M:%S on %d %B %Y}: {restored}.",
            f"Lost: everything after that moment, {_span(now - moment)} before this start.",
        ]
    if found["damaged"]:
        lines.append(
            "The newest snapshot was damaged; the one before it was restored."
            " The damaged one is kept in aws/state.damaged."
        )
    if found["objects"]:
        lines.append(f"{_count(found['objects'], 'file in S3', 'files in S3')} rolled back.")
    if found["emails"]:
        lines.append(f"{_count(found['emails'], 'later email')} moved to mail-after-snapshot.")
    if cut["file"]:
        lines.append(
            f"The gateway was rolled back too; what it had recorded since is in {cut['file']}."
        )
    if cut["ledger"]:
        lines.append("These are cut off; if the order was restored, it is charged again, once:")
    for entry in cut["ledger"]:
        lines.append(
            f"  {entry['type']} {entry['status']} {entry['shown']} for {entry['order_id']}"
        )
    return lines


def _restored(counts: dict[str, Any]) -> str:
    tables = counts.get("tables", {})
    parts = [
        f"{tables.get(f'toyshop-local-{service}', 0):,} {what}" for service, what in _TABLES.items()
    ]
    pending = counts.get("records", 0) + counts.get("events", 0)
    return ", ".join(parts) + f"; {_count(pending, 'pending event')} to deliver"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _span(difference: datetime.timedelta) -> str:
    seconds = int(difference.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _run(*command: str, layout: Layout) -> dict[str, Any]:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=environment.variables(PYTHONPATH=str(layout.tools)),
    )
    if done.returncode:
        raise ShopProblem(
            f"The data of the killed shop cannot be restored: {done.stderr.strip()[-400:]}",
            "End the processes that still use it, and run the command again.",
        )
    return dict(json.loads(done.stdout))
