"""`./shop backup`: back up the data of one service."""

from datetime import UTC, datetime
from pathlib import Path

import click

from shopctl.cli.options import FilePath, Moment, stage_option
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("backup", cls=ChangingCommand)
@stage_option
@click.option(
    "--at",
    type=Moment(),
    help="Back up the tables as they were at this time, within the last 35 days.",
)
@click.argument("service")
@click.argument("directory", required=False, type=FilePath())
def backup_command(stage: str, at: datetime | None, service: str, directory: Path | None) -> None:
    """Back up the tables and buckets of one service.

    It writes a directory that only you can read, by default in .shop/backups.
    """
    from shopctl.aws.target import find_target
    from shopctl.operating.backup import create

    layout = Layout.find()
    to = find_target(layout, stage, (service,))
    (found,) = to.services
    name = f"{found.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    directory = directory or layout.backups / stage / name
    manifest = create.back_up(to, directory, at, lambda text: click.echo(text, err=True))
    for table in manifest.tables:
        click.echo(f"table {table.name}: {table.count:,} items")
    for bucket in manifest.buckets:
        click.echo(f"bucket {bucket.name}: {bucket.count:,} objects, {bucket.bytes:,} bytes")
    click.echo(f"Backed up {found.name} of {stage} as of {manifest.moment} to {directory}")
