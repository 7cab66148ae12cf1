"""`./shop staff`: manage the staff of a stage."""

import click

from shopctl.cli.options import stage_option
from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout


@click.group("staff")
def staff_command() -> None:
    """Manage the staff of a stage."""


@staff_command.command("add", cls=ChangingCommand)
@click.argument("email")
@stage_option
def add_command(email: str, stage: str) -> None:
    """Make a user staff.

    The user must have signed up in the shop and confirmed the email address. Staff manage the
    catalogue and see all orders.
    """
    from shopctl.aws.target import find_target
    from shopctl.operating import staff

    added = staff.add(find_target(Layout.find(), stage), email)
    click.echo(
        f"{email} is staff from the next sign-in on." if added else f"{email} is already staff."
    )
