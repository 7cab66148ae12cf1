"""The command that looks into dead-letter queues and delivers again what is in them."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click
from botocore.exceptions import ClientError

from shopctl.cli.options import Moment, json_option, print_json
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

if TYPE_CHECKING:
    from shopctl.deploying.deploy import Target
    from shopctl.operating.replay.dead_letters import Json
    from shopctl.operating.replay.selection import Selection

_HELP = """Look at dead letters, and deliver them again.

\b
  ./shop replay                     how many, how old, and why, by queue
  ./shop replay inspect             each message whole
  ./shop replay redrive --dry-run   what would be delivered where; changes nothing
  ./shop replay redrive --all       deliver them again
  ./shop replay --from-table        re-emit orders whose events are in no queue any more

Options narrow each of these down; those of one kind add up, different kinds must all hold. A
message is deleted only after its function has handled it; what fails stays where it is. Run it
again, twice at once, or stop it whenever you like: nothing is charged twice.

\b
What the reasons mean and what to do: docs/runbooks/dead-letters.md
"""


@click.command("replay", help=_HELP, short_help="List, inspect and redeliver dead letters.")
@click.argument(
    "action", type=click.Choice(["list", "inspect", "redrive"]), default="list", required=False
)
@click.option("--stage", default="local", show_default=True, help="A stage of stages.toml.")
@click.option("--service", "services", multiple=True, help="Of this service alone.")
@click.option("--queue", "queues", multiple=True, help="In this dead-letter queue alone.")
@click.option("--type", "types", multiple=True, help="Such as shop.order.placed.v1.")
@click.option("--order", "orders", multiple=True, help="What speaks of this order, by its id.")
@click.option("--message", "messages", multiple=True, help="This message alone, by its id.")
@click.option(
    "--since",
    type=Moment(),
    help="Parked at this time or later, such as 2026-11-24T03:00:00Z; 2h is two hours ago.",
)
@click.option("--until", type=Moment(), help="Parked before this time.")
@click.option("--all", "everything", is_flag=True, help="Redrive all there is.")
@click.option("--dry-run", is_flag=True, help="Show what redrive would do, and do nothing.")
@click.option(
    "--from-table",
    is_flag=True,
    help="Re-emit orders and their payments from their tables: those of --order, or placed from"
    " --since to --until.",
)
@json_option
def replay_command(
    action: str,
    stage: str,
    services: tuple[str, ...],
    queues: tuple[str, ...],
    types: tuple[str, ...],
    orders: tuple[str, ...],
    messages: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    everything: bool,
    dry_run: bool,
    from_table: bool,
    json_: bool,
) -> None:
    """Do what the help says."""
    from shopctl.deploying import deploy
    from shopctl.operating.replay.selection import Selection

    selection = Selection(services, queues, types, orders, messages, since, until)
    if from_table:
        _reemit(stage, selection, everything, dry_run, json_)
        return
    if action == "redrive" and not dry_run:
        if selection.is_everything and not everything:
            raise ShopProblem(
                "Redrive what? Nothing narrows it down.",
                "Name a service, queue, type, order, message or time, or give --all.",
            )
        if everything and not selection.is_everything:
            raise ShopProblem("--all and a narrower choice exclude each other.", "Give one.")
    at = deploy.target(Layout.find(), stage)
    try:
        if action == "list" and not dry_run:
            _list(at, selection, json_)
        elif action == "inspect":
            _inspect(at, selection, json_)
        else:
            _redrive(at, selection, dry_run, json_)
    except ClientError as error:
        raise ShopProblem(
            f"AWS does not let it happen: {error}.",
            "docs/runbooks/dead-letters.md lists the rights that a replay needs.",
        ) from None


def _list(at: "Target", selection: "Selection", json_: bool) -> None:
    from shopctl.operating.replay import replaying, report

    found = replaying.summaries(at, selection)
    if json_:
        print_json(found)
        return
    for content in found:
        click.echo("\n".join(report.lines_of_queue(content)))
    if any(content["messages"] for content in found):
        click.echo("\nSee them whole with ./shop replay inspect; ./shop replay --help says more.")


def _inspect(at: "Target", selection: "Selection", json_: bool) -> None:
    import json

    from shopctl.operating.replay import replaying, report

    found = replaying.inspect(at, selection)
    if json_:
        print_json(found)
        return
    for told in found:
        click.echo("\n".join(report.lines_of_letter(told)))
        content = json.dumps(told["content"], indent=2, ensure_ascii=False)
        click.echo("\n".join(f"    {line}" for line in content.splitlines()) + "\n")
    if not found:
        click.echo("There is no such dead letter.")


def _redrive(at: "Target", selection: "Selection", dry_run: bool, json_: bool) -> None:
    from shopctl.operating.replay import replaying, report

    def say(told: "Json") -> None:
        if not json_:
            click.echo(report.line_of_replayed(told))

    told, elsewhere = replaying.redrive(at, selection, say, dry_run=dry_run)
    if json_:
        print_json({"dry_run": dry_run, "messages": told, "being_replayed": elsewhere})
    else:
        click.echo(report.summary(told, elsewhere))
    if any(each["became"] not in ("handled", "would be delivered") for each in told):
        sys.exit(1)


def _reemit(
    stage: str, selection: "Selection", everything: bool, dry_run: bool, json_: bool
) -> None:
    from shopctl.deploying import deploy
    from shopctl.operating import reconcile
    from shopctl.operating.replay.selection import Selection

    orders, since, until = selection.orders, selection.since, selection.until
    if selection != Selection(orders=orders, since=since, until=until) or everything:
        raise ShopProblem(
            "--from-table selects orders; it cannot be combined with queues, types or messages.",
            "Use --order, or --since and --until.",
        )
    if bool(orders) == bool(since or until):
        raise ShopProblem("No orders were selected.", "Use --order, or --since and --until.")
    to = deploy.target(Layout.find(), stage)
    wanted = reconcile.Wanted(orders, since, until, 0)
    count = reconcile.reconcile(to, wanted).examined if dry_run else reconcile.reemit(to, wanted)
    if json_:
        print_json({"dry_run": dry_run, "reemitted": count})
    else:
        click.echo(f"{count} orders {'would be' if dry_run else 'were'} re-emitted.")
