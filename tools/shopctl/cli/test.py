"""`./shop test`: run the tests."""

import subprocess
import sys

import click

from shopctl.cli.passthrough import PASS_ARGUMENTS
from shopctl.project.layout import Layout


@click.command("test", context_settings=PASS_ARGUMENTS)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test_command(arguments: tuple[str, ...]) -> None:
    """Run the checks and tests; the arguments are passed to tox."""
    command = [sys.executable, "-m", "tox", *arguments]
    sys.exit(subprocess.run(command, cwd=Layout.find().root, check=False).returncode)
