"""`./shop replay`: list, inspect, redeliver and discard dead letters."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click
from botocore.exceptions import ClientError

from shopctl.cli.options import Moment, json_option, print_json, refuse_empty_range
from shopctl.cli.output import ChangingCommand
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

if TYPE_CHECKING:
    from shopctl.aws.target import Target
    from shopctl.operating.replay.payloads import Json
    from shopctl.operating.replay.selection import Selection

_HELP = """List, inspect, redeliver and discard dead letters.

\b
  ./shop replay                     list number, age and reasons, by queue
  ./shop replay inspect             show each message in full
  ./shop replay redrive --dry-run   show what would be delivered to which function
  ./shop replay redrive --all       redeliver all messages
  ./shop replay discard --order ID --reason TEXT
                                    delete messages that must not be delivered any more
  ./shop replay discarded           show the records of discarded messages, with the reasons
  ./shop replay --from-table        re-emit orders whose events are no longer in any queue

The options select messages. Values of one option are alternatives; different options must all
match. redrive deletes a message only after its function has handled it; one that fails stays in its
queue. discard records each message, without its content, and the reason before it deletes it. Both
leave messages that another reader has in flight. It is safe to run two replays concurrently, to
interrupt one and to run it again: nothing is charged twice.

\b
docs/runbooks/dead-letters.md explains the reasons and what to do about each.
"""


@click.command(
    "replay",
    cls=ChangingCommand,
    help=_HELP,
    short_help="List, inspect, redeliver and discard dead letters.",
)
@click.argument(
    "action",
    type=click.Choice(["list", "inspect", "redrive", "discard", "discarded"]),
    default="list",
    required=False,
)
@click.option("--stage", default="local", show_default=True, help="A stage of stages.toml.")
@click.option("--service", "services", multiple=True, help="Only this service. Repeatable.")
@click.option(
    "--queue",
    "queues",
    multiple=True,
    help="Only this dead-letter queue. Repeatable.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    help="Only this event type, such as shop.order.placed.v1.",
)
@click.option(
    "--order",
    "orders",
    multiple=True,
    help="Only messages that mention this order's id.",
)
@click.option("--message", "messages", multiple=True, help="Only the message with this id.")
@click.option(
    "--since",
    type=Moment(),
    help="Parked at this time or later, such as 2026-11-24T03:00:00Z; 2h is two hours ago.",
)
@click.option("--until", type=Moment(), help="Parked before this time.")
@click.option("--all", "everything", is_flag=True, help="Redeliver or discard all messages.")
@click.option("--reason", metavar="TEXT", help="Why the messages are discarded; it is recorded.")
@click.option(
    "--dry-run", is_flag=True, help="Show what redrive, discard or --from-table would do."
)
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
    reason: str | None,
    dry_run: bool,
    from_table: bool,
    json_: bool,
) -> None:
    """List, inspect, redeliver or discard dead letters, or re-emit orders; see the help."""
    from shopctl.aws.target import find_target
    from shopctl.operating.replay import discarding
    from shopctl.operating.replay.selection import Selection

    selection = Selection(services, queues, types, orders, messages, since, until)
    if reason is not None and action != "discard":
        raise ShopProblem("--reason belongs to discard.", "./shop replay --help shows how.")
    refuse_empty_range(since, until)
    if dry_run and not from_table and action not in ("redrive", "discard"):
        raise ShopProblem(
            "--dry-run belongs to redrive, discard and --from-table.",
            f"{action} changes nothing: leave it out.",
        )
    if from_table:
        if action in ("discard", "discarded"):
            raise ShopProblem(
                f"--from-table cannot be combined with {action}.", "Leave one of them out."
            )
        _reemit(stage, selection, everything, dry_run, json_)
        return
    if action in ("redrive", "discard") and not dry_run:
        if selection.is_everything and not everything:
            raise ShopProblem(
                "No messages were selected.",
                "Select them by service, queue, type, order, message or time, or give --all.",
            )
        if everything and not selection.is_everything:
            raise ShopProblem(
                "--all cannot be combined with options that select messages.",
                "Give one or the other.",
            )
    because = discarding.checked_reason(reason) if action == "discard" and not dry_run else ""
    target = find_target(Layout.find(), stage)
    try:
        if action == "list":
            _list(target, selection, json_)
        elif action == "inspect":
            _inspect(target, selection, json_)
        elif action == "discard":
            _discard(target, selection, because, dry_run, json_)
        elif action == "discarded":
            _discarded(target, selection, json_)
        else:
            _redrive(target, selection, dry_run, json_)
    except ClientError as error:
        raise ShopProblem(
            f"AWS refused a request: {error}.",
            "docs/runbooks/dead-letters.md lists the permissions that a replay needs.",
        ) from None


def _list(target: "Target", selection: "Selection", json_: bool) -> None:
    from shopctl.operating.replay import redrive, report

    queues = redrive.summaries(target, selection)
    if json_:
        print_json(queues)
        return
    for queue in queues:
        click.echo("\n".join(report.lines_of_queue(queue)))
    if any(queue["messages"] for queue in queues):
        click.echo("\n./shop replay inspect shows them in full; see also ./shop replay --help.")


def _inspect(target: "Target", selection: "Selection", json_: bool) -> None:
    import json

    from shopctl.operating.replay import redrive, report

    dead_letters = redrive.inspect(target, selection)
    if json_:
        print_json(dead_letters)
        return
    for dead_letter in dead_letters:
        click.echo("\n".join(report.lines_of_dead_letter(dead_letter)))
        content = json.dumps(dead_letter["content"], indent=2, ensure_ascii=False)
        click.echo("\n".join(f"    {line}" for line in content.splitlines()) + "\n")
    if not dead_letters:
        click.echo("No dead letter matches.")


def _redrive(target: "Target", selection: "Selection", dry_run: bool, json_: bool) -> None:
    from shopctl.operating.replay import redrive, report

    def print_outcome(dead_letter: "Json") -> None:
        if not json_:
            click.echo(report.line_of_outcome(dead_letter))

    dead_letters, in_flight = redrive.redrive(target, selection, print_outcome, dry_run=dry_run)
    _print_totals(selection, dead_letters, in_flight, dry_run, json_)


def _discard(
    target: "Target", selection: "Selection", because: str, dry_run: bool, json_: bool
) -> None:
    from shopctl.operating.replay import discarding, report

    def print_outcome(dead_letter: "Json") -> None:
        if not json_:
            click.echo(report.line_of_outcome(dead_letter))

    dead_letters, in_flight = discarding.discard(
        target, selection, because, print_outcome, dry_run=dry_run
    )
    _print_totals(selection, dead_letters, in_flight, dry_run, json_)
    if dead_letters and not (dry_run or json_):
        click.echo(
            "./shop replay discarded shows the records; ./shop reconcile shows what the orders"
            " lack now."
        )


def _discarded(target: "Target", selection: "Selection", json_: bool) -> None:
    from shopctl.operating.replay import discarding, report

    records = discarding.recorded(target, selection)
    if json_:
        print_json(records)
        return
    for record in records:
        click.echo("\n".join(report.lines_of_record(record)) + "\n")
    if not records:
        click.echo("No record matches.")


def _print_totals(
    selection: "Selection",
    dead_letters: "list[Json]",
    in_flight: int,
    dry_run: bool,
    json_: bool,
) -> None:
    """Print the number of outcomes; exit with 1 if a message was kept or a named one not found."""
    from shopctl.operating.replay import report

    unmatched = selection.unmatched(dead_letters, in_flight)
    if json_:
        print_json(
            {
                "dry_run": dry_run,
                "messages": dead_letters,
                "unmatched": unmatched,
                "in_flight": in_flight,
            }
        )
    else:
        if unmatched and dead_letters:
            click.echo(f"No dead letter matches {', '.join(unmatched)}.")
        click.echo(report.line_of_totals(dead_letters, in_flight))
    done = ("handled", report.DISCARDED, report.WOULD_REDELIVER, report.WOULD_DISCARD)
    is_kept = any(dead_letter["outcome"] not in done for dead_letter in dead_letters)
    if is_kept or unmatched:
        sys.exit(1)


def _reemit(
    stage: str, selection: "Selection", everything: bool, dry_run: bool, json_: bool
) -> None:
    from shopctl.aws.target import find_target
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
    target = find_target(Layout.find(), stage)
    wanted = reconcile.Wanted(orders, since, until, 0)
    count = (
        reconcile.reconcile(target, wanted).examined
        if dry_run
        else reconcile.reemit(target, wanted)
    )
    if json_:
        print_json({"dry_run": dry_run, "reemitted": count})
    else:
        click.echo(f"{count} orders {'would be' if dry_run else 'were'} re-emitted.")
