"""`./shop rollback`: roll services back to their previous release."""

import click

from shopctl.cli.options import stage_option
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("rollback", cls=ChangingCommand)
@stage_option
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
def rollback_command(stage: str, services: tuple[str, ...]) -> None:
    """Roll services back to their previous release."""
    from shopctl.aws.target import find_target
    from shopctl.deploying import rollback

    rollback.roll_back(find_target(Layout.find(), stage, services), click.echo)
