"""The command that fills in what a table's older records lack."""

import click

from shopctl.cli.options import stage_option
from shopctl.project.layout import Layout


@click.command("backfill")
@stage_option
@click.option("--dry-run", is_flag=True, help="Count what lacks something; change nothing.")
@click.argument("service")
def backfill_command(stage: str, dry_run: bool, service: str) -> None:
    """Have a service fill in what the older records of its table lack."""
    from shopctl.deploying import deploy
    from shopctl.operating import backfill

    to = deploy.target(Layout.find(), stage, (service,))
    progress = backfill.Progress()
    for progress in backfill.backfill(to, dry_run=dry_run):
        click.echo(f"\r{progress.read} records read", nl=False, err=True)
    click.echo(err=True)
    found = f"{progress.read} records, {progress.lacking} lacked something"
    click.echo(f"{found}." if dry_run else f"{found}, {progress.filled} filled in.")
