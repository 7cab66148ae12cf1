"""`./shop rollback`: return services to their previous release."""

import click

from shopctl.cli.options import stage_option
from shopctl.project.layout import Layout


@click.command("rollback")
@stage_option
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
def rollback_command(stage: str, services: tuple[str, ...]) -> None:
    """Return services to their previous release."""
    from shopctl.deploying import deploy, rollback

    rollback.roll_back(deploy.target(Layout.find(), stage, services), click.echo)
