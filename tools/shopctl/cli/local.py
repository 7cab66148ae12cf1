"""Commands that run the shop on this machine and look at it."""

import json
import sys
import urllib.request

import click

from shopctl.cli.options import as_json, json_option, running
from shopctl.project import running_shop
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_PORT = click.IntRange(1, 65535)


@click.command("up")
@click.option("--detach", is_flag=True, help="Return when the shop is ready.")
@click.option(
    "--port",
    type=_PORT,
    default=8000,
    show_default=True,
    help="Port of the shop.",
)
@click.option(
    "--aws-port",
    type=_PORT,
    default=4566,
    show_default=True,
    help="Port of the embedded AWS.",
)
@click.option(
    "--gateway-port",
    type=_PORT,
    default=12111,
    show_default=True,
    help="Port of the gateway.",
)
@click.option("--only", default="", help="Services to deploy, separated by commas.")
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
    """Start the shop: processes, stacks, users and catalogue."""
    from shopctl.local.session import bring_up
    from shopctl.local.up import Options

    chosen = tuple(name for name in only.split(",") if name)
    options = Options(port, aws_port, gateway_port, chosen, auth, seed=not no_seed)
    bring_up(Layout.find(), options, detach=detach)


@click.command("down")
@click.option("--purge", is_flag=True, help="Delete all data of the shop.")
def down_command(purge: bool) -> None:
    """Stop the shop; its data stay unless --purge is given."""
    from shopctl.local import down
    from shopctl.local.lock import alone
    from shopctl.local.progress import Progress

    layout, progress = Layout.find(), Progress()
    with alone(layout):
        state = running_shop.read(layout.state)
        if state and len(state.dead()) < len(state.processes):
            down.down(layout, state, progress)
        elif not purge:
            raise ShopProblem("The shop is not running.", "Start it with ./shop up.")
        if purge:
            down.purge(layout)
            progress.say("All data of the shop are deleted.")


@click.command("status")
@json_option
def status_command(json_: bool) -> None:
    """Show processes, services and memory."""
    from rich.console import Console

    from shopctl.local.status import status

    content = status(running(Layout.find()))
    if json_:
        as_json(content)
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"The shop is {content['status']} at {content['url']}")
        for name, process in content["processes"].items():
            memory = f"{process['memory_mib']} MiB"
            console.print(f"  {name:15} {process['status']:8} {process['url']:24} {memory:>9}")
        for name, answer in content["services"].items():
            console.print(f"  {name:15} {answer}")
        console.print(f"Resident memory {content['memory_mib']} MiB")
    if content["status"] != "running":
        sys.exit(1)


@click.command("logs")
@click.argument("service", required=False)
@click.option("--follow", "-f", is_flag=True, help="Show new lines until Ctrl-C.")
@click.option("--lines", "-n", default=50, show_default=True, help="Last lines of each log.")
def logs_command(service: str | None, follow: bool, lines: int) -> None:
    """Show what processes and functions logged."""
    from shopctl.local import logs

    directory = Layout.find().logs
    found = logs.files(directory, service)
    for path in found:
        for line in logs.last_lines(path, lines):
            click.echo(f"{logs.label(path)} | {line}")
    if follow:
        for path, line in logs.follow(lambda: logs.files(directory, service)):
            click.echo(f"{logs.label(path)} | {line}")


@click.command("mail")
@json_option
def mail_command(json_: bool) -> None:
    """Show what was e-mailed."""
    from shopctl.local import mail

    layout = Layout.find()
    running(layout)
    mails = mail.read(layout.mail)
    if json_:
        as_json(mails)
        return
    for sent in mails:
        click.echo(f"{sent['sent_at']}  to {sent['to']}: {sent['subject']}")
        click.echo("\n".join(f"    {line}" for line in sent["text"].splitlines()) + "\n")
    if not mails:
        click.echo("Nothing was e-mailed.")


@click.command("ledger")
@json_option
def ledger_command(json_: bool) -> None:
    """Show what the payment gateway did."""
    gateway = running(Layout.find())["gateway"]
    with urllib.request.urlopen(f"{gateway.url}/_simulator/ledger", timeout=10) as answer:
        entries = json.load(answer)
    for entry in entries:
        # the gateway writes it in lower case, the shop as ISO 4217 does
        entry["currency"] = entry["currency"].upper()
    if json_:
        as_json(entries)
        return
    for entry in entries:
        amount = f"{entry['amount'] / 100:.2f} {entry['currency']}"
        click.echo(f"{entry['type']:7} {entry['status']:15} {amount:>14}  {entry['order_id']}")
    if not entries:
        click.echo("The gateway did nothing.")


@click.command("seed")
def seed_command() -> None:
    """Add the toys of the catalogue that the shop does not have."""
    from shopctl.local.progress import Progress
    from shopctl.local.up import fill

    layout = Layout.find()
    fill(layout, running(layout), Progress())


@click.command("env")
@json_option
def env_command(json_: bool) -> None:
    """Show the shop's URLs as environment variables, for `eval "$(./shop env)"`."""
    state = running(Layout.find())
    variables = {
        "SHOP_URL": state["edge"].url,
        "SHOP_GATEWAY_URL": state["gateway"].url,
        "AWS_ENDPOINT_URL": state["aws"].url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    if json_:
        as_json(variables)
    else:
        click.echo("\n".join(f"export {name}={value}" for name, value in variables.items()))
