"""`./shop mail`: show the emails that the shop sent."""

import click

from shopctl.cli.options import json_option, print_json, running
from shopctl.project.layout import Layout


@click.command("mail")
@json_option
def mail_command(json_: bool) -> None:
    """Show the emails that the shop sent, oldest first."""
    from shopctl.local import mail

    layout = Layout.find()
    running(layout)
    mails = mail.read(layout.mail)
    if json_:
        print_json(mails)
        return
    for sent in mails:
        click.echo(f"{sent['sent_at']}  to {sent['to']}: {sent['subject']}")
        click.echo("\n".join(f"    {line}" for line in sent["text"].splitlines()) + "\n")
    if not mails:
        click.echo("No email has been sent.")
