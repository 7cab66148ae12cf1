"""`./shop configure`: write a stage's `.chalice` files."""

import click

from shopctl.cli.options import report_unknown_origin, services_argument
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("configure", cls=ChangingCommand)
@click.option(
    "--stage", default="local", show_default=True, metavar="STAGE", help="A stage of stages.toml."
)
@services_argument
def configure_command(stage: str, services: tuple[str, ...]) -> None:
    """Write a stage's .chalice files.

    They are generated from service.toml and stages.toml. Commit those of the stage local; those of
    other stages are for `chalice deploy --stage STAGE` in an app's folder.
    """
    from shopctl.aws.target import find_target
    from shopctl.deploying import deploy

    if stage == "local":
        written = deploy.configure_local(Layout.find(), services)
    else:
        to = find_target(Layout.find(), stage, services)
        written = deploy.configure(to)
        report_unknown_origin(to)
    for service, changed in written.items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")
