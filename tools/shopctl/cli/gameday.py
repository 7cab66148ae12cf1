"""`./shop gameday`: rehearse an incident on the running local shop."""

import math

import click

from shopctl.cli.options import json_option, print_json, running
from shopctl.cli.output import ChangingCommand
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


def _finite(_context: click.Context, _option: click.Parameter, seconds: float) -> float:
    if not math.isfinite(seconds):
        raise click.BadParameter(f"{seconds} is not a number of seconds.")
    return seconds


@click.command("gameday", cls=ChangingCommand)
@click.argument("name", required=False)
@click.option("--repair", is_flag=True, help="Also run the runbook's steps, and verify the repair.")
@click.option("--end", is_flag=True, help="End all injected faults.")
@click.option(
    "--patience",
    type=click.FloatRange(1),
    callback=_finite,
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the alarms, and for the shop to recover.",
)
@json_option
def gameday_command(
    name: str | None, repair: bool, end: bool, patience: float, json_: bool
) -> None:
    """Rehearse an incident on the running local shop.

    Breaks the shop while customers keep ordering, and waits for the alarms that should fire.
    Without NAME, lists the incidents.
    """
    from shopctl.local.gameday.incidents import INCIDENTS
    from shopctl.local.gameday.play import Play
    from shopctl.local.gameday.world import World

    if end and (name is not None or repair):
        raise click.UsageError("--end takes neither a NAME nor --repair.")
    if repair and name is None:
        raise click.UsageError("--repair needs the NAME of an incident.")
    if json_ and (end or name is not None):
        raise click.UsageError("--json applies only to the list of incidents.")
    layout = Layout.find()
    if end:
        world = World(layout, running(layout))
        world.require("aws", "gateway")
        world.end_faults()
        click.echo("All injected faults have ended. The runbooks repair what they left behind.")
        return
    if name is None:
        listed = [
            {
                "name": incident.name,
                "title": incident.title,
                "alarms": incident.alarms,
                "runbook": f"docs/runbooks/{incident.runbook}.md",
            }
            for incident in INCIDENTS
        ]
        if json_:
            print_json(listed)
            return
        for incident in INCIDENTS:
            click.echo(f"{incident.name:24}{incident.title}")
        return
    found = next((incident for incident in INCIDENTS if incident.name == name), None)
    if found is None:
        raise ShopProblem(
            f"There is no incident {name}.",
            f"Name one of {', '.join(incident.name for incident in INCIDENTS)}.",
        )
    world = World(layout, running(layout))
    world.require("aws", "gateway", "edge")
    play = Play(world, found, click.echo, patience)
    if repair:
        play.run()
    else:
        play.begin()
