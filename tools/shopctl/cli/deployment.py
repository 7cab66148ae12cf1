"""Commands that deploy services to a stage."""

from pathlib import Path

import click

from shopctl.cli.options import services_argument, stage_option
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

infra_option = click.option(
    "--infra",
    multiple=True,
    metavar="NAME",
    help="A template of infra/ instead of services, such as network; may be given again.",
)


@click.command("deploy")
@stage_option
@services_argument
@click.option("--resources", is_flag=True, help="Deploy only what outlives a release.")
@click.option("--packages", type=Path, help="A directory with the code, from ./shop package.")
@infra_option
def deploy_command(
    stage: str,
    services: tuple[str, ...],
    resources: bool,
    packages: Path | None,
    infra: tuple[str, ...],
) -> None:
    """Deploy services, each after those it depends on; all unless some are named."""
    from shopctl.deploying import deploy
    from shopctl.deploying import infra as no_services

    _refuse_both(services, infra)
    to = deploy.target(Layout.find(), stage, services)
    if infra:
        no_services.deploy(to, infra, click.echo)
        return
    if resources:
        outcomes = deploy.deploy_resources(to, click.echo)
    else:
        outcomes = deploy.deploy(to, click.echo, packages)
    changed = sum(outcome != "unchanged" for outcome in outcomes.values())
    click.echo(f"{changed} of {len(outcomes)} stacks changed.")


@click.command("package")
@click.argument("directory", type=Path)
@services_argument
def package_command(directory: Path, services: tuple[str, ...]) -> None:
    """Build the services' code once for all stages, for ./shop deploy --packages."""
    from shopctl.packaging import prebuilt
    from shopctl.project import services as declared

    layout = Layout.find()
    chosen = declared.load(layout.apps, services)
    for name, digest in prebuilt.write(chosen, layout, directory).items():
        click.echo(f"{name} {digest}")


@click.command("templates")
@stage_option
@click.argument("directory", type=Path)
def templates_command(stage: str, directory: Path) -> None:
    """Write a stage's templates as they would be deployed, to look at; needs no AWS."""
    from shopctl.deploying import export
    from shopctl.project import stages

    layout = Layout.find()
    for path in export.write(stages.load(layout.stages, stage), layout, directory):
        click.echo(path)


@click.command("configure")
@stage_option
@services_argument
def configure_command(stage: str, services: tuple[str, ...]) -> None:
    """Render the stage's part of .chalice, for `chalice deploy` in an app's folder."""
    from shopctl.deploying import deploy

    to = deploy.target(Layout.find(), stage, services)
    for service, changed in deploy.configure(to).items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")


@click.command("deliver")
@stage_option
@services_argument
def deliver_command(stage: str, services: tuple[str, ...]) -> None:
    """After `chalice deploy`: apply delivery.yaml, and publish where the APIs are."""
    from shopctl.deploying import apply_delivery, deploy

    to = deploy.target(Layout.find(), stage, services)
    for service, changed in apply_delivery.deliver(to).items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")


@click.command("delete")
@stage_option
@services_argument
@infra_option
def delete_command(stage: str, services: tuple[str, ...], infra: tuple[str, ...]) -> None:
    """Take services off a stage, unless it keeps its data; all unless some are named."""
    from shopctl.deploying import deploy, teardown
    from shopctl.deploying import infra as no_services

    _refuse_both(services, infra)
    to = deploy.target(Layout.find(), stage, services)
    if infra:
        no_services.delete(to, infra, click.echo)
    else:
        teardown.delete(to, click.echo)


def _refuse_both(services: tuple[str, ...], infra: tuple[str, ...]) -> None:
    if services and infra:
        raise ShopProblem(
            "Services and --infra do not go together.", "Run the command once for each."
        )


@click.command("rollback")
@stage_option
@click.argument("services", nargs=-1, required=True)
def rollback_command(stage: str, services: tuple[str, ...]) -> None:
    """Take services back to their previous release."""
    from shopctl.deploying import deploy, rollback

    rollback.roll_back(deploy.target(Layout.find(), stage, services), click.echo)
