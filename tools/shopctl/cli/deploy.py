"""`./shop deploy`: deploy services or infrastructure to a stage."""

from pathlib import Path

import click

from shopctl.cli.options import (
    FilePath,
    infra_option,
    refuse_services_with_infra,
    report_unknown_origin,
    services_argument,
    stage_option,
)
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("deploy", cls=ChangingCommand)
@stage_option
@services_argument
@click.option(
    "--resources",
    is_flag=True,
    help="Deploy only the stateful resources: tables, buckets, topics and queues.",
)
@click.option(
    "--packages",
    type=FilePath(),
    help="A directory with code that ./shop package built.",
)
@infra_option
def deploy_command(
    stage: str,
    services: tuple[str, ...],
    resources: bool,
    packages: Path | None,
    infra: tuple[str, ...],
) -> None:
    """Deploy services in dependency order, and the web page as `web`.

    Without names it deploys all of them.
    """
    from shopctl.aws.target import find_target
    from shopctl.deploying import deploy, page
    from shopctl.deploying import infra as infrastructure

    refuse_services_with_infra(services, infra)
    to = find_target(Layout.find(), stage, services, with_page=not resources)
    if infra:
        infrastructure.deploy(to, infra, click.echo)
        return
    if resources:
        outcomes = deploy.deploy_resources(to, click.echo)
    elif to.services:
        outcomes = deploy.deploy(to, click.echo, packages)
    else:
        outcomes = {}
    if to.page:
        page.publish(to, click.echo, required=bool(services))
    if outcomes:
        changed = sum(outcome != "unchanged" for outcome in outcomes.values())
        click.echo(f"{changed} of {len(outcomes)} stacks changed.")
    if not resources:
        report_unknown_origin(to)
