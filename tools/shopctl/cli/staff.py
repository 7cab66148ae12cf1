"""`./shop staff`: manage the staff of a stage."""

import click

from shopctl.cli.options import json_option, print_json, stage_option
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


@staff_command.command("remove", cls=ChangingCommand)
@click.argument("email")
@stage_option
def remove_command(email: str, stage: str) -> None:
    """Make a user a customer again, and sign them out everywhere.

    An access token that was issued before keeps its rights until it expires, within an hour.
    """
    from shopctl.aws.target import find_target
    from shopctl.operating import staff

    removed = staff.remove(find_target(Layout.find(), stage), email)
    click.echo(
        f"{email} is no longer staff and is signed out everywhere; an access token issued before"
        " expires within an hour."
        if removed
        else f"{email} was not staff; signed out everywhere."
    )


@staff_command.command("list")
@stage_option
@json_option
def list_command(stage: str, json_: bool) -> None:
    """List the email addresses of the staff."""
    from shopctl.aws.target import find_target
    from shopctl.operating import staff

    found = staff.addresses(find_target(Layout.find(), stage))
    if json_:
        print_json([{"email": email, "can_sign_in": able} for email, able in found])
        return
    for email, able in found:
        click.echo(email if able else f"{email} (cannot sign in)")
    if not found:
        click.echo("Nobody is staff.")
