"""`./shop templates`: write a stage's templates without deploying them."""

from pathlib import Path

import click

from shopctl.cli.options import FilePath, stage_option
from shopctl.project.layout import Layout


@click.command("templates")
@stage_option
@click.argument("directory", type=FilePath())
def templates_command(stage: str, directory: Path) -> None:
    """Write a stage's templates to a directory.

    They are exactly what `./shop deploy` would send. AWS is not called.
    """
    from shopctl.deploying import export
    from shopctl.project import stages

    layout = Layout.find()
    for path in export.write(stages.load(layout.stages, stage), layout, directory):
        click.echo(path)
