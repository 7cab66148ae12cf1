"""`./shop deliver`: apply delivery.yaml after a `chalice deploy`."""

import click

from shopctl.cli.options import services_argument, stage_option
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("deliver", cls=ChangingCommand)
@stage_option
@services_argument
def deliver_command(stage: str, services: tuple[str, ...]) -> None:
    """Apply delivery.yaml after a `chalice deploy`.

    Sets the concurrency limits, retries and event filters that Chalice cannot express, and
    publishes the APIs' URLs.
    """
    from shopctl.aws.target import find_target
    from shopctl.deploying import apply_delivery

    to = find_target(Layout.find(), stage, services)
    for service, changed in apply_delivery.deliver(to).items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")
