"""`./shop trace`: show the hops of an order."""

import shutil
import sys

import click

from shopctl.cli.options import json_option, print_json
from shopctl.project.layout import Layout

_WIDTH = 80


@click.command("trace")
@click.argument("id_", metavar="ORDER_OR_TRACE_ID")
@click.option("--all", "everything", is_flag=True, help="Also show successful calls to AWS.")
@json_option
def trace_command(id_: str, everything: bool, json_: bool) -> None:
    """Show each hop of an order, or of one trace.

    Each hop is shown below the one that caused it. Start times are relative to the first hop; `#2`
    is a second attempt.
    """
    from shopctl.local import telemetry, trace

    id_ = id_.strip()
    with telemetry.opened(Layout.find().telemetry) as stored:
        traces = trace.find(stored, id_)
    if json_:
        print_json(trace.as_json(traces))
        return
    columns = shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH
    for line in trace.lines(id_, traces, width=max(columns, _WIDTH), everything=everything):
        click.echo(line)
