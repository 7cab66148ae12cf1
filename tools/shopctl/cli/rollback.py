"""`./shop rollback`: roll services or the web page back to their previous release."""

import click

from shopctl.cli.options import stage_option
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("rollback", cls=ChangingCommand)
@stage_option
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
def rollback_command(stage: str, services: tuple[str, ...]) -> None:
    """Roll services back to their previous release.

    The web page is rolled back as `web`.
    """
    from shopctl.aws.target import find_target
    from shopctl.deploying import page, rollback

    to = find_target(Layout.find(), stage, services, with_page=True)
    if to.page:
        page.roll_back(to, click.echo)
    if to.services:
        rollback.roll_back(to, click.echo)
