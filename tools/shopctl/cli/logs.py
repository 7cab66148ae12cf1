"""`./shop logs`: show what processes and functions logged."""

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

if TYPE_CHECKING:
    from shopctl.local.telemetry import Line

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# more than the store holds
_MOST_LINES = 1_000_000


@click.command("logs")
@click.argument("name", required=False, metavar="[SERVICE]")
@click.option("--service", metavar="SERVICE", help="The same as the argument.")
@click.option("--order", metavar="ID", help="Only lines about an order, and those of its traces.")
@click.option(
    "--level",
    type=click.Choice(_LEVELS, case_sensitive=False),
    default="DEBUG",
    help="Only lines of this level or a higher one. Plain text counts as INFO.",
)
@click.option("--json", "json_", is_flag=True, help="Print JSON lines and nothing else.")
@click.option("--follow", "-f", is_flag=True, help="Show new lines until Ctrl-C.")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(0, _MOST_LINES),
    default=50,
    show_default=True,
    help="How many of the last lines to show; for several processes, of each.",
)
def logs_command(
    name: str | None,
    service: str | None,
    order: str | None,
    level: str,
    json_: bool,
    follow: bool,
    lines: int,
) -> None:
    """Show the log of one service, function or process, or of all.

    Lines of functions are sorted by time. Logs of processes (aws, gateway, edge, …) come first,
    unless --order, --level or --json selects lines of functions.
    """
    from shopctl.local import logs, telemetry
    from shopctl.project import services

    if name and service and name != service:
        raise click.UsageError("The argument and --service name different services.")
    name = name or service
    layout = Layout.find()
    selective = bool(order or json_ or level != _LEVELS[0])
    processes = logs.files(layout.logs, None)
    chosen = [path for path in processes if name in (None, path.stem)]
    is_process = name is not None and bool(chosen)

    def find() -> list[Path]:
        return [] if selective else logs.files(layout.logs, name)

    def show(found: "Line | tuple[Path, str]") -> None:
        if isinstance(found, tuple):
            text = f"{found[0].stem} | {found[1]}"
        else:
            text = logs.as_json(found) if json_ else logs.readable(found, date.today())
        click.echo(text, color=False if json_ or os.environ.get("NO_COLOR") else None)

    for path in find():
        for line in logs.last_lines(path, lines):
            show((path, line))
    if is_process and not selective and not follow:
        return
    wanted = telemetry.LineFilter(order or "", name or "", level.upper())
    with telemetry.opened(layout.telemetry) as stored:
        if name and not is_process:
            names = [found.name for found in services.load(layout.apps)]
            logs.check_name(stored, name, names, [path.stem for path in processes])
        newest = stored.last_line_number()
        last = stored.last_lines(wanted, lines)
        if order and not last and not follow:
            raise ShopProblem(
                f"No stored line is about {order}.", "The response to POST /orders has the id."
            )
        for found in last:
            show(found)
        if follow:
            for new in logs.follow(stored, wanted, newest, find):
                show(new)
