"""`./shop alarms`: evaluate the alarms over the metrics of the local shop."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from shopctl.cli.options import json_option, print_json
from shopctl.project.layout import Layout

if TYPE_CHECKING:
    from shopctl.local.alarms.board import Board
    from shopctl.local.alarms.evaluation import Status


@click.command("alarms")
@click.option("--all", "all_", is_flag=True, help="Also show the alarms that do not fire.")
@json_option
def alarms_command(all_: bool, json_: bool) -> None:
    """Show the alarms that the metrics of the local shop fire.

    The alarms are those of the templates, with their thresholds and periods, except that a minute
    of a period is a second here. The state of an alarm follows from the metrics alone, so the shop
    may have stopped.
    """
    from shopctl.local import telemetry
    from shopctl.local.alarms import board

    layout = Layout.find()
    with telemetry.opened(layout.telemetry) as stored:
        found = board.evaluate(board.alarms(layout), stored)
    shown = found.statuses if all_ else found.firing
    if json_:
        print_json([_as_json(each) for each in shown])
        return
    click.echo(_summary(found))
    for each in shown:
        _print(each)


def _summary(found: "Board") -> str:
    firing, number = len(found.firing), len(found.statuses)
    which = f"{firing} of {number} alarms fire." if firing else f"None of {number} alarms fires."
    return f"{which} A minute of their periods is a second here."


def _print(status: "Status") -> None:
    from shopctl.local.alarms import definitions

    click.echo(f"\n{status.state:6} {status.alarm.name}{_since(status)}")
    click.echo(f"       {definitions.meaning(status.alarm)}.")
    for reason in status.why:
        click.echo(f"       - {reason}")
    click.echo(f"       {definitions.runbook(status.alarm)}")


def _since(status: "Status") -> str:
    return f" since {_time(status.since):%H:%M:%S} UTC" if status.since else ""


def _as_json(status: "Status") -> dict[str, Any]:
    from shopctl.local.alarms import definitions

    return {
        "name": status.alarm.name,
        "state": status.state,
        "since": f"{_time(status.since):%Y-%m-%dT%H:%M:%SZ}" if status.since else None,
        "why": status.why,
        "meaning": definitions.meaning(status.alarm),
        "runbook": definitions.runbook(status.alarm),
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
