"""`./shop metrics`: summarize the metrics of the local shop."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from shopctl.cli.options import Moment, json_option, print_json
from shopctl.project.layout import Layout

if TYPE_CHECKING:
    from shopctl.local.metrics import Summary


@click.command("metrics")
@click.argument("name", required=False)
@click.option(
    "--since",
    type=Moment(),
    default="1h",
    show_default=True,
    help="A time such as 2026-11-24T03:00:00Z, or an age such as 90m.",
)
@json_option
def metrics_command(name: str | None, since: datetime, json_: bool) -> None:
    """Summarize all metrics, or those named NAME by their dimensions.

    NAME is a metric's name or a part of it.
    """
    from shopctl.local import metrics, telemetry

    with telemetry.opened(Layout.find().telemetry) as stored:
        names = metrics.names_like(stored, name) if name else [None]
        values = [value for each in names for value in stored.values(each, since=since.timestamp())]
    summaries = metrics.summarize(values, by_dimensions=bool(name))
    if json_:
        print_json([asdict(summary) for summary in summaries])
        return
    if not summaries:
        click.echo(f"No value of {name or 'any metric'} since {since:%Y-%m-%d %H:%M:%S} UTC.")
        return
    _print(summaries)


def _print(summaries: "list[Summary]") -> None:
    heads = ("count", "sum", "avg", "p50", "p95", "last")
    click.echo(f"{'':32}{''.join(f'{head:>8}' for head in heads)}")
    shown = ""
    for summary in summaries:
        unit = "" if summary.unit in ("None", "Count") else f" ({summary.unit})"
        title = f"{summary.namespace} {summary.name}{unit}"
        label = ", ".join(f"{value}" for value in summary.dimensions.values())
        if label and title != shown:
            click.echo(title)
        shown = title
        label = f"  {label}" if label else title
        if len(label) > 31:
            click.echo(label)
            label = ""
        total = summary.sum if summary.is_total else None
        numbers = (total, summary.average, summary.p50, summary.p95, summary.last)
        row = "".join(f"{_short(number):>8}" for number in (summary.count, *numbers))
        click.echo(f"{label:32}{row}")


def _short(number: float | None) -> str:
    """Return a number in at most seven characters."""
    if number is None:
        return "-"
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e5, "k")):
        if abs(number) >= limit:
            return f"{number / (1e3 if suffix == 'k' else limit):.1f}{suffix}"
    return f"{number:.0f}" if number == int(number) or abs(number) >= 1000 else f"{number:.3g}"
