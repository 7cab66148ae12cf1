"""Commands for whoever changes the shop: contracts, checks, tests."""

import sys
from typing import Any

import click

from shopctl.project.layout import Layout

# arguments that another program parses; the first that is no option ends the options, so that a
# `--` after it, which parts tox's arguments from pytest's, is handed on too
_HANDED_ON: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}


@click.command("contracts")
@click.option("--write", is_flag=True, help="Refresh the documents and freeze what is new.")
@click.option("--retire", metavar="NAME", default="", help="End an event type or operation.")
def contracts_command(write: bool, retire: str) -> None:
    """Check the APIs' and events' documents, and that no change breaks anyone."""
    from shopctl.contracts import check

    root = Layout.find().root
    if retire:
        check.retire(root, retire)
    if write:
        for change in check.release(root):
            click.echo(f"New: {change}.")
        click.echo("docs/openapi, docs/asyncapi.json and libs/contracts/snapshots are up to date.")
        return
    findings = list(check.check(root))
    for finding in findings:
        click.echo(str(finding))
    if findings:
        sys.exit(1)
    click.echo("The documents are what the code says; nobody is let down.")


@click.command("test", context_settings=_HANDED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test_command(arguments: tuple[str, ...]) -> None:
    """Run the tests: tox with the arguments given."""
    import subprocess

    command = [sys.executable, "-m", "tox", *arguments]
    sys.exit(subprocess.run(command, cwd=Layout.find().root, check=False).returncode)


@click.command("check", context_settings=_HANDED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check_command(arguments: tuple[str, ...]) -> None:
    """Prove the ground rules; --graph prints the diagrams, with --write or --svg into files."""
    import subprocess

    from shopctl.local.environment import prepare

    layout = Layout.find()
    # linters of their own environment: `./shop up` needs none of them
    prepare(layout, "check", "What checks")
    command = [str(layout.python_of("check")), "-m", "shopctl.checking", *arguments]
    sys.exit(subprocess.run(command, cwd=layout.root, check=False).returncode)
