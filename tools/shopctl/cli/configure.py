"""`./shop configure`: render a stage's files for `chalice deploy`."""

import click

from shopctl.cli.options import services_argument, stage_option
from shopctl.project.layout import Layout


@click.command("configure")
@stage_option
@services_argument
def configure_command(stage: str, services: tuple[str, ...]) -> None:
    """Render a stage's .chalice files.

    `chalice deploy --stage STAGE` in an app's folder needs them.
    """
    from shopctl.deploying import deploy

    to = deploy.target(Layout.find(), stage, services)
    for service, changed in deploy.configure(to).items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")
