"""`./shop contracts`: check and update the documents and snapshots of APIs and events."""

import sys

import click

from shopctl.project.layout import Layout


@click.command("contracts")
@click.option("--write", is_flag=True, help="Update the documents and the snapshots.")
@click.option("--retire", metavar="NAME", default="", help="Retire an event type or operation.")
def contracts_command(write: bool, retire: str) -> None:
    """Check the API and event documents.

    Reports documents that differ from the code, and changes that break callers or consumers.
    """
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
    click.echo("The documents match the code, and no change breaks callers or consumers.")
