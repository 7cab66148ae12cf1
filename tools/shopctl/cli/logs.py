"""`./shop logs`: show what processes and functions logged."""

import click

from shopctl.project.layout import Layout


@click.command("logs")
@click.argument("service", required=False)
@click.option("--follow", "-f", is_flag=True, help="Show new lines until Ctrl-C.")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(0),
    default=50,
    show_default=True,
    help="Number of lines from the end of each log.",
)
def logs_command(service: str | None, follow: bool, lines: int) -> None:
    """Show the logs of one service or process, or of all."""
    from shopctl.local import logs

    directory = Layout.find().logs
    found = logs.files(directory, service)
    for path in found:
        for line in logs.last_lines(path, lines):
            click.echo(f"{logs.label(path)} | {line}")
    if follow:
        for path, line in logs.follow(lambda: logs.files(directory, service)):
            click.echo(f"{logs.label(path)} | {line}")
