"""`./shop seed`: fill the catalogue."""

import click

from shopctl.cli.options import running
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("seed", cls=ChangingCommand)
def seed_command() -> None:
    """Add the toys of the seed catalogue that are not in the shop."""
    from shopctl.local.progress import Progress
    from shopctl.local.up import fill

    layout = Layout.find()
    fill(layout, running(layout), Progress())
