"""`./shop ledger`: show what the payment gateway charged and refunded."""

import click
import requests

from shopctl.cli.options import json_option, print_json, running
from shopctl.project.layout import Layout


@click.command("ledger")
@json_option
def ledger_command(json_: bool) -> None:
    """Show the charges and refunds of the gateway simulator."""
    gateway = running(Layout.find())["gateway"]
    answer = requests.get(f"{gateway.url}/_simulator/ledger", timeout=10)
    answer.raise_for_status()
    entries = answer.json()
    for entry in entries:
        # Stripe writes currencies in lower case, ISO 4217 and the shop in upper case
        entry["currency"] = entry["currency"].upper()
    if json_:
        print_json(entries)
        return
    for entry in entries:
        click.echo(
            f"{entry['type']:7} {entry['status']:15} {entry['shown']:>14}  {entry['order_id']}"
        )
    if not entries:
        click.echo("The gateway has charged and refunded nothing.")
