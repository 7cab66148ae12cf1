"""`./shop alarms`: show which alarms fire, locally or on a stage."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click

from shopctl.cli.options import condition, json_option, print_json
from shopctl.project import running_shop
from shopctl.project.layout import Layout

_LOCAL = "local"


class _Shown(NamedTuple):
    name: str
    state: str
    since: float | None
    why: tuple[str, ...]
    description: str


@click.command("alarms")
@click.option("--stage", default=_LOCAL, show_default=True, help="A stage of stages.toml.")
@click.option("--all", "all_", is_flag=True, help="Also show the alarms that do not fire.")
@json_option
def alarms_command(stage: str, all_: bool, json_: bool) -> None:
    """Show the alarms that fire, locally or on a stage.

    Locally, the alarms of the templates are evaluated over the metrics of the local shop, even if
    it is stopped. Thresholds are as on a stage, but a minute of a period is a second. A line on
    standard error says if the shop or one of its processes does not run.
    """
    layout = Layout.find()
    found = list(_evaluated(layout) if stage == _LOCAL else _read(layout, stage))
    if stage == _LOCAL:
        _report_absence(layout)
    firing = [each for each in found if each.state == "ALARM"]
    shown = found if all_ else firing
    if json_:
        print_json([_as_json(each) for each in shown])
        return
    fires = "fires" if len(firing) == 1 else "fire"
    which = f"{len(firing)} of {len(found)} alarms {fires}." if firing else "No alarm fires."
    scale = " A minute of their periods is a second here." if stage == _LOCAL else ""
    click.echo(f"{which}{scale}")
    _print(shown)


def _report_absence(layout: Layout) -> None:
    state = condition(running_shop.read(layout.state))
    if state.absent:
        meaning = "may not show it" if state.is_measured else "tell nothing about now"
        click.echo(f"{state.absent}: the alarms {meaning}. Run ./shop up.", err=True)


def _evaluated(layout: Layout) -> Iterator[_Shown]:
    from shopctl.local import telemetry
    from shopctl.local.alarms import board

    with telemetry.opened(layout.telemetry) as stored:
        found = board.evaluate(board.alarms(layout), stored)
    for each in found.statuses:
        alarm = each.alarm
        yield _Shown(alarm.name, each.state, each.since, each.why, alarm.description)


def _read(layout: Layout, stage: str) -> Iterator[_Shown]:
    from shopctl.aws.target import find_target
    from shopctl.operating import alarms

    for each in alarms.of_stage(find_target(layout, stage)):
        yield _Shown(each.name, each.state, each.since, (each.why,), each.description)


def _print(shown: Iterable[_Shown]) -> None:
    from shopctl.deploying.alarms import resources

    for each in shown:
        meaning, runbook = resources.parts_of(each.description)
        since = f" since {_time(each.since):%Y-%m-%d %H:%M:%S} UTC" if each.since else ""
        click.echo(f"\n{each.state:6} {each.name}{since}")
        click.echo(f"       {meaning}")
        for reason in each.why:
            click.echo(f"       - {reason}")
        click.echo(f"       {runbook}")


def _as_json(shown: _Shown) -> dict[str, Any]:
    from shopctl.deploying.alarms import resources

    meaning, runbook = resources.parts_of(shown.description)
    return {
        "name": shown.name,
        "state": shown.state,
        "since": f"{_time(shown.since):%Y-%m-%dT%H:%M:%SZ}" if shown.since else None,
        "why": list(shown.why),
        "meaning": meaning,
        "runbook": runbook,
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
