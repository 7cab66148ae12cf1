"""`./shop delete`: remove services or infrastructure from a stage."""

import click

from shopctl.cli.options import (
    infra_option,
    refuse_services_with_infra,
    services_argument,
    stage_option,
)
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("delete", cls=ChangingCommand)
@stage_option
@services_argument
@infra_option
def delete_command(stage: str, services: tuple[str, ...], infra: tuple[str, ...]) -> None:
    """Remove services from a stage.

    Without names it removes all of them. Refuses a stage that retains its data.
    """
    from shopctl.aws.target import find_target
    from shopctl.deploying import infra as infrastructure
    from shopctl.deploying import teardown

    refuse_services_with_infra(services, infra)
    to = find_target(Layout.find(), stage, services)
    if infra:
        infrastructure.delete(to, infra, click.echo)
    else:
        teardown.delete(to, click.echo)
