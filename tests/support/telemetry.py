"""A telemetry store with given rows."""

import json
from pathlib import Path
from typing import Any

from embedded_aws.telemetry.lines import rows
from embedded_aws.telemetry.spans import decode
from embedded_aws.telemetry.store import Metric, Store
from support.spans import MadeSpan, datagram

NOON = 1_796_040_000.0
"""12:00 UTC on 30 November 2026."""


def write(
    path: Path,
    *,
    printed: dict[str, list[Any]] | None = None,
    spans: list[MadeSpan] | None = None,
    metrics: list[Metric] | None = None,
    start: float = NOON,
) -> None:
    """Add rows to a store.

    Parameters
    ----------
    path
        The database.
    printed
        What functions printed, by name without ``toyshop-local-``; objects are printed as JSON.
    spans, metrics
        Spans, whose times count from ``start``, and values of metrics.
    """
    store = Store(path)
    for function, lines in (printed or {}).items():
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        store.add(lambda f=function, t=text: list(rows(f"toyshop-local-{f}", t, start)))  # type: ignore[misc]
    for span in spans or []:
        store.add(lambda s=span: list(decode(datagram(s, start_ns=int(start * 1e9)))))  # type: ignore[misc]
    store.add(lambda: metrics or [])
    store.close()


def metric(
    name: str, value: float, at: float = NOON, namespace: str = "ToyShop", **dimensions: str
) -> Metric:
    """Return a value of a metric."""
    return Metric(at, namespace, name, json.dumps(dimensions, sort_keys=True), value, "Count")
