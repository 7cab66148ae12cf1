"""The command that holds the orders against what they were promised."""

import sys
from datetime import datetime
from typing import Any

import click

from shopctl.cli.options import Moment, json_option, print_json
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_REMEDIES = {
    "reemit_order": "tell of the order again",
    "reemit_transaction": "tell of its transaction again",
    "person": "a person must look at it, see docs/runbooks/reconcile.md",
}


@click.command("reconcile")
@click.option("--stage", default="local", show_default=True, help="A stage of stages.toml.")
@click.option("--fix", is_flag=True, help="Mend what telling of an order again mends.")
@click.option("--since", type=Moment(), help="Only orders placed from then on.")
@click.option("--until", type=Moment(), help="Only orders placed before.")
@click.option("--order", "orders", multiple=True, metavar="ID", help="Only this order.")
@click.option(
    "--grace",
    type=click.IntRange(0),
    metavar="SECONDS",
    help="Judge orders left alone for as long; the stage's own unless given.",
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
    """Verify that every order was charged once or declined.

    Also verifies its receipt and its emails. Exits with 1 if an order violates an invariant and was
    not repaired.
    """
    from shopctl.deploying import deploy
    from shopctl.operating import reconcile

    if orders and (since or until):
        raise ShopProblem("Orders are named, and a time is given too.", "Give one of both.")
    if since and until and since >= until:
        raise ShopProblem("--since is not before --until.", "Exchange them.")
    to = deploy.target(Layout.find(), stage)
    wanted = reconcile.Wanted(orders, since, until, grace)

    def say(found: dict[str, Any]) -> None:
        if not json_:
            click.echo(f"{found['order_id']}  {found['kind']}: {found['detail']}")
            click.echo(f"    remedy: {_REMEDIES[found['remedy']]}")

    outcome = reconcile.reconcile(to, wanted, say, fix=fix)
    if json_:
        print_json(
            {
                "examined": outcome.examined,
                "under_way": outcome.under_way,
                "broken": outcome.broken,
                "told_again": outcome.told_again,
                "mended": outcome.mended,
            }
        )
    else:
        broken = {found["order_id"] for found in outcome.broken}
        still = {found["order_id"] for found in outcome.unmended}
        click.echo(
            f"{outcome.examined} orders examined, {outcome.under_way} of them still under way:"
            f" {len(broken)} broken, {len(outcome.mended)} of them mended, {len(still)} not."
        )
        if still and not fix:
            click.echo("--fix mends what telling of an order again mends.")
    sys.exit(1 if outcome.unmended else 0)
