"""`./shop restore`: restore a backup of one service."""

import sys
from pathlib import Path

import click

from shopctl.cli.options import FilePath, stage_option
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.command("restore", cls=ChangingCommand)
@stage_option
@click.option(
    "--exact",
    is_flag=True,
    help="Also overwrite newer items, and delete items that the backup does not have.",
)
@click.option(
    "--from-stage", metavar="STAGE", help="Accept a backup of this other stage or account."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Verify the backup, count what would be restored, and change nothing.",
)
@click.argument("service")
@click.argument("directory", type=FilePath())
def restore_command(
    stage: str, exact: bool, from_stage: str | None, dry_run: bool, service: str, directory: Path
) -> None:
    """Restore a backup of one service into its tables and buckets.

    By default, it adds what is missing, replaces what is older than in the backup, and keeps what
    is newer; a table that was deleted is created first. After an interruption, run it again.
    Exits with 1 if items changed meanwhile.
    """
    from shopctl.aws.target import find_target
    from shopctl.operating.backup import restore

    to = find_target(Layout.find(), stage, (service,))
    changed = 0

    def show(name: str, counts: restore.Counts) -> None:
        nonlocal changed
        changed += counts.changed_meanwhile
        parts = [f"{counts.written:,} written", f"{counts.kept:,} kept"]
        if exact:
            parts.append(f"{counts.deleted:,} deleted")
        if counts.changed_meanwhile:
            parts.append(f"{counts.changed_meanwhile:,} changed meanwhile and left")
        click.echo(f"{name}: {', '.join(parts)}")

    options = restore.Options(exact, from_stage, dry_run)
    manifest = restore.restore(to, directory, options, show, click.echo)
    (found,) = to.services
    done = "Nothing was changed. Without --dry-run, this would restore" if dry_run else "Restored"
    click.echo(f"{done} {found.name} of {manifest.stage} as of {manifest.moment}.")
    if changed:
        click.echo("Run the command again for the items that changed meanwhile.", err=True)
        sys.exit(1)
    if not dry_run:
        click.echo(
            f"Next: ./shop reconcile --stage {stage} finds what is still missing, --fix repairs it."
        )
