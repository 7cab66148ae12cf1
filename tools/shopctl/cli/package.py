"""`./shop package`: build the services' code once for all stages."""

from pathlib import Path

import click

from shopctl.cli.options import FilePath, services_argument
from shopctl.project.layout import Layout


@click.command("package")
@click.argument("directory", type=FilePath())
@services_argument
def package_command(directory: Path, services: tuple[str, ...]) -> None:
    """Build the services' code once for all stages.

    `./shop deploy --packages DIRECTORY` deploys it.
    """
    from shopctl.packaging import prebuilt
    from shopctl.project import services as declared

    layout = Layout.find()
    chosen = declared.load(layout.apps, services)
    for name, digest in prebuilt.write(chosen, layout, directory).items():
        click.echo(f"{name} {digest}")
