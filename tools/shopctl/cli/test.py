"""`./shop test`: run the tests."""

import subprocess
import sys

import click

from shopctl.cli.passthrough import PASS_ARGUMENTS
from shopctl.project.layout import Layout

# The linters need no processes or ports, so they run in parallel. The suites use all cores. The
# game day and the soak test mostly wait, for alarms and retries, and run while faults are injected
# in the simulated world.
_EVERYTHING = [
    ("run-parallel", "--parallel", "auto", "-m", "static"),
    ("run", "-m", "suites"),
    ("run-parallel", "--parallel", "all", "-m", "faults"),
]


@click.command("test", context_settings=PASS_ARGUMENTS)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test_command(arguments: tuple[str, ...]) -> None:
    """Run the checks and tests; the arguments are passed to tox."""
    runs = [arguments] if arguments else _EVERYTHING
    for run in runs:
        command = [sys.executable, "-m", "tox", *run]
        status = subprocess.run(command, cwd=Layout.find().root, check=False).returncode
        if status:
            sys.exit(status)
