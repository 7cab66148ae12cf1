"""`./shop backfill`: add missing attributes to older records."""

import click

from shopctl.cli.options import stage_option
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("backfill", cls=ChangingCommand)
@stage_option
@click.option("--dry-run", is_flag=True, help="Count incomplete records and change nothing.")
@click.argument("service")
def backfill_command(stage: str, dry_run: bool, service: str) -> None:
    """Add missing attributes to the older records of a table."""
    from shopctl.aws.target import find_target
    from shopctl.operating import backfill

    to = find_target(Layout.find(), stage, (service,))
    progress = backfill.Progress()
    for progress in backfill.backfill(to, dry_run=dry_run):
        click.echo(f"\r{progress.read} records read", nl=False, err=True)
    click.echo(err=True)
    counts = f"{progress.read} records read, {progress.incomplete} incomplete"
    click.echo(f"{counts}." if dry_run else f"{counts}, {progress.filled} filled in.")
