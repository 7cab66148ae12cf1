"""Commands that deploy services to a stage."""

from pathlib import Path

import click

from shopctl.commands.common import services_argument, stage_option
from shopctl.layout import Layout
from shopctl.problems import ShopProblem

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
    from shopctl import deploying
    from shopctl import infra as no_services

    _refuse_both(services, infra)
    to = deploying.target(Layout.find(), stage, services)
    if infra:
        no_services.deploy(to, infra, click.echo)
        return
    if resources:
        outcomes = deploying.deploy_resources(to, click.echo)
    else:
        outcomes = deploying.deploy(to, click.echo, packages)
    changed = sum(outcome != "unchanged" for outcome in outcomes.values())
    click.echo(f"{changed} of {len(outcomes)} stacks changed.")


@click.command("package")
@click.argument("directory", type=Path)
@services_argument
def package_command(directory: Path, services: tuple[str, ...]) -> None:
    """Build the services' code once for all stages, for ./shop deploy --packages."""
    from shopctl import services as declared
    from shopctl.packaging import prebuilt

    layout = Layout.find()
    chosen = declared.load(layout.apps, services)
    for name, digest in prebuilt.write(chosen, layout, directory).items():
        click.echo(f"{name} {digest}")


@click.command("templates")
@stage_option
@click.argument("directory", type=Path)
def templates_command(stage: str, directory: Path) -> None:
    """Write a stage's templates as they would be deployed, to look at; needs no AWS."""
    from shopctl import stages, templates

    layout = Layout.find()
    for path in templates.write(stages.load(layout.stages, stage), layout, directory):
        click.echo(path)


@click.command("configure")
@stage_option
@services_argument
def configure_command(stage: str, services: tuple[str, ...]) -> None:
    """Render the stage's part of .chalice, for `chalice deploy` in an app's folder."""
    from shopctl import deploying

    to = deploying.target(Layout.find(), stage, services)
    for service, changed in deploying.configure(to).items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")


@click.command("deliver")
@stage_option
@services_argument
def deliver_command(stage: str, services: tuple[str, ...]) -> None:
    """After `chalice deploy`: apply delivery.yaml, and publish where the APIs are."""
    from shopctl import delivering, deploying

    to = deploying.target(Layout.find(), stage, services)
    for service, changed in delivering.deliver(to).items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")


@click.command("delete")
@stage_option
@services_argument
@infra_option
def delete_command(stage: str, services: tuple[str, ...], infra: tuple[str, ...]) -> None:
    """Take services off a stage, unless it keeps its data; all unless some are named."""
    from shopctl import deleting, deploying
    from shopctl import infra as no_services

    _refuse_both(services, infra)
    to = deploying.target(Layout.find(), stage, services)
    if infra:
        no_services.delete(to, infra, click.echo)
    else:
        deleting.delete(to, click.echo)


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
    from shopctl import deploying, rolling_back

    rolling_back.roll_back(deploying.target(Layout.find(), stage, services), click.echo)
