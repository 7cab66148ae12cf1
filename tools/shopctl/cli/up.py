"""`./shop up`: start the shop."""

import click

from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout

_PORT = click.IntRange(1, 65535)


@click.command("up", cls=ChangingCommand)
@click.option("--detach", is_flag=True, help="Return when the shop is ready.")
@click.option("--port", type=_PORT, default=8000, show_default=True, help="Port of the shop.")
@click.option(
    "--aws-port", type=_PORT, default=4566, show_default=True, help="Port of the embedded AWS."
)
@click.option(
    "--gateway-port",
    type=_PORT,
    default=12111,
    show_default=True,
    help="Port of the payment gateway simulator.",
)
@click.option(
    "--only", default="", metavar="SERVICE[,SERVICE]...", help="Deploy only these services."
)
@click.option("--no-seed", is_flag=True, help="Leave the catalogue empty.")
@click.option("--auth", is_flag=True, help="Enforce IAM as AWS does.")
def up_command(
    detach: bool,
    port: int,
    aws_port: int,
    gateway_port: int,
    only: str,
    no_seed: bool,
    auth: bool,
) -> None:
    """Start the shop, or update a running one."""
    from shopctl.local.session import bring_up
    from shopctl.local.up import Options

    chosen = tuple(name for name in only.split(",") if name.strip())
    if only and not chosen:
        raise click.BadOptionUsage("--only", "--only names no service.")
    options = Options(port, aws_port, gateway_port, chosen, auth, seed=not no_seed)
    bring_up(Layout.find(), options, detach=detach)
