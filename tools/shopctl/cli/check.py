"""`./shop check`: verify the ground rules."""

import subprocess
import sys

import click

from shopctl.cli.passthrough import PASS_ARGUMENTS
from shopctl.project.layout import Layout


@click.command("check", context_settings=PASS_ARGUMENTS)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check_command(arguments: tuple[str, ...]) -> None:
    """Verify the ground rules; --graph prints the diagrams."""
    from shopctl.local.environment import prepare

    layout = Layout.find()
    # the linters have an environment of their own: `./shop up` needs none of them
    prepare(layout, "check", "The checks' environment")
    command = [str(layout.python_of("check")), "-m", "shopctl.checking", *arguments]
    sys.exit(subprocess.run(command, cwd=layout.root, check=False).returncode)
