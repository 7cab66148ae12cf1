"""The command that verifies and repairs the invariants of orders."""

import sys
from datetime import datetime
from typing import Any

import click

from shopctl.cli.options import Moment, json_option, print_json, refuse_empty_range
from shopctl.cli.output import ChangingCommand
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_REMEDIES = {
    "restore_order": "restore the order from its transaction",
    "reemit_order": "re-emit the order",
    "reemit_transaction": "re-emit its transaction",
    "manual": "needs an operator, see docs/runbooks/reconcile.md",
}


@click.command("reconcile", cls=ChangingCommand)
@click.option("--stage", default="local", show_default=True, help="A stage of stages.toml.")
@click.option(
    "--fix",
    is_flag=True,
    help="Restore lost orders, and re-emit events where that repairs a violation.",
)
@click.option("--since", type=Moment(), help="Only orders placed at or after this time.")
@click.option("--until", type=Moment(), help="Only orders placed before this time.")
@click.option(
    "--order",
    "orders",
    multiple=True,
    metavar="ID",
    help="Only this order. Repeatable.",
)
@click.option(
    "--grace",
    type=click.IntRange(0),
    metavar="SECONDS",
    help="Check only orders unchanged for this long.  [default: the stage's setting]",
)
@json_option
def reconcile_command(
    stage: str,
    fix: bool,
    since: datetime | None,
    until: datetime | None,
    orders: tuple[str, ...],
    grace: int | None,
    json_: bool,
) -> None:
    """Verify the invariants of orders: charges, receipts, emails.

    An order must never be charged twice, and its charge, receipt and emails must match its payment
    status. Exits with 1 if a violation remains.
    """
    from shopctl.aws.target import find_target
    from shopctl.operating import reconcile

    if orders and (since or until):
        raise ShopProblem(
            "--order cannot be combined with --since or --until.", "Use one or the other."
        )
    refuse_empty_range(since, until)
    to = find_target(Layout.find(), stage)
    wanted = reconcile.Wanted(orders, since, until, grace)

    def print_violation(found: dict[str, Any]) -> None:
        if not json_:
            click.echo(f"{found['order_id']}  {found['kind']}: {found['detail']}")
            click.echo(f"    remedy: {_REMEDIES[found['remedy']]}")

    outcome = reconcile.reconcile(to, wanted, print_violation, fix=fix)
    if json_:
        print_json(
            {
                "examined": outcome.examined,
                "in_progress": outcome.in_progress,
                "violations": outcome.violations,
                "reemitted": outcome.reemitted,
                "repaired": outcome.repaired,
            }
        )
    else:
        violated = {found["order_id"] for found in outcome.violations}
        remaining = {found["order_id"] for found in outcome.remaining}
        click.echo(
            f"{outcome.examined} orders examined, {outcome.in_progress} still in progress,"
            f" {len(violated)} with violations: {len(outcome.repaired)} repaired,"
            f" {len(remaining)} not repaired."
        )
        if remaining and not fix:
            click.echo("Run it with --fix to repair what does not need an operator.")
    sys.exit(1 if outcome.remaining else 0)
