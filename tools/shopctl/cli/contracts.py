"""`./shop contracts`: check and update what is generated from the contracts."""

import sys

import click

from shopctl.project.layout import Layout


@click.command("contracts")
@click.option("--write", is_flag=True, help="Update the documents, the client and the snapshots.")
@click.option("--retire", metavar="NAME", default="", help="Retire an event type or operation.")
def contracts_command(write: bool, retire: str) -> None:
    """Check the API and event documents.

    Reports documents and a client that differ from the code, and changes that break callers or
    consumers.
    """
    from shopctl.contracts import check

    root = Layout.find().root
    if retire:
        check.retire(root, retire)
    if write:
        for change in check.release(root):
            click.echo(f"New: {change}.")
        click.echo("docs, web/docs, clients/python and libs/contracts/snapshots are up to date.")
        return
    findings = list(check.check(root))
    for finding in findings:
        click.echo(str(finding))
    if findings:
        sys.exit(1)
    click.echo("The documents match the code, and no change breaks callers or consumers.")
