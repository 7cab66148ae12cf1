"""`./shop forget`: erase a customer's data."""

import re
import sys
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import ClientError

from shopctl.cli.options import json_option, print_json
from shopctl.cli.output import ChangingCommand
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

if TYPE_CHECKING:
    from shopctl.aws.target import Target
    from shopctl.operating.forget.run import Outcome

_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
# the claim `sub` of a user pool's tokens
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class CustomerName(click.ParamType[str]):
    """A customer's email address or id, in lower case."""

    name = "customer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address or id; fail as click does if the text can be neither."""
        name: str = value.strip().lower()
        if not _EMAIL.fullmatch(name) and not _ID.fullmatch(name):
            self.fail(
                f"'{value}' is neither an email address nor a customer's id. Write an address such"
                " as alice@example.com, or the id that ./shop forget --list shows, such as"
                " 7d3b0c52-4d1c-4f0a-9a58-2f6f0e0c9b11.",
                param,
                ctx,
            )
        return name


@click.command("forget", cls=ChangingCommand)
@click.argument("customer", metavar="[EMAIL|CUSTOMER_ID]", type=CustomerName(), required=False)
@click.option("--stage", default="local", show_default=True, help="A stage of stages.toml.")
@click.option("--dry-run", is_flag=True, help="Show what would be erased, and change nothing.")
@click.option("--cancel-unpaid", is_flag=True, help="First cancel orders that wait for a payment.")
@click.option("--list", "list_", is_flag=True, help="Show the records of earlier erasures.")
@json_option
def forget_command(
    customer: str | None,
    stage: str,
    dry_run: bool,
    cancel_unpaid: bool,
    list_: bool,
    json_: bool,
) -> None:
    """Erase a customer's data in all services.

    Orders, transactions and receipts are kept without name, address and email address; the account
    is deleted. Nothing is erased while an order of the customer is open. The command can be
    interrupted and run again. It exits with 1 if an order is open or something is left, and with 0
    if nothing was found.
    docs/erasure.md explains it.
    """
    from shopctl.aws.target import find_target

    if list_ and customer:
        raise ShopProblem("A customer and --list exclude each other.", "Leave one of them out.")
    if not list_ and not customer:
        raise ShopProblem(
            "Name a customer, or give --list.", "For example: ./shop forget alice@example.com"
        )
    target = find_target(Layout.find(), stage)
    if customer is None:
        _list(target, json_)
        return
    from functools import partial

    from shopctl.local import mail
    from shopctl.operating.forget.run import forget

    mails = {"delete_mail": partial(mail.delete, target.layout.mail)}
    try:
        outcome = forget(
            target,
            customer,
            dry_run=dry_run,
            cancel_unpaid=cancel_unpaid,
            **(mails if target.cloud.is_local else {}),
            say=lambda sentence: click.echo(sentence, err=True),
        )
    except ClientError as error:
        raise ShopProblem(
            f"AWS refused a request: {error}.",
            "docs/erasure.md lists the permissions. What was erased so far remains erased; run the"
            " command again.",
        ) from None
    if json_:
        print_json(outcome.to_json())
    else:
        _print(customer, outcome)
    sys.exit(0 if outcome.is_complete else 1)


def _list(target: "Target", json_: bool) -> None:
    from shopctl.operating.forget.run import KIND
    from shopctl.operating.records import Records

    records = Records(target, KIND).read()
    if json_:
        print_json(records)
        return
    for record in records:
        state = "" if record["complete"] else ", not complete"
        who = record["customer_id"] or "no account"
        click.echo(f"{record['at']}  {who}, {len(record['orders'])} orders{state}, {record['by']}")
    if not records:
        click.echo("No data has been erased on this stage.")


def _print(customer: str, outcome: "Outcome") -> None:
    click.echo(f"{outcome.examined} orders examined: {len(outcome.orders)} of {customer}.")
    if outcome.open:
        for order in outcome.open:
            click.echo(f"{order['order_id']} is open: {order['open']}.")
        click.echo(
            f"Nothing {'would be' if outcome.dry_run else 'more was'} erased while orders are open."
            " Wait, cancel them (--cancel-unpaid cancels those that wait for a payment), or repair"
            " them with ./shop reconcile."
        )
        return
    is_found = _is_found(customer, outcome)
    erased, would = outcome.erased, " would be" if outcome.dry_run else ""
    searched = outcome.dead_letters
    for name, text in (
        ("orders", f"{len(erased.orders)}{would} erased"),
        ("payments", f"{len(erased.transactions)} transactions{would} erased"),
        ("file_manager", f"{len(erased.receipts)} receipts{would} replaced by pseudonymized ones"),
        ("notifications", f"{len(erased.messages)} messages{would} erased"),
        ("storefront_api", f"account{would} deleted" if erased.account else "no account"),
        (
            "dead letters",
            f"{searched.messages} in {searched.queues} queues examined,"
            f" {searched.found if outcome.dry_run else searched.discarded}{would} discarded",
        ),
        ("local mail", f"{outcome.local_mail} emails deleted"),
    ):
        if is_found or name == "dead letters":
            click.echo(f"    {name:15} {text}")
    if outcome.expires:
        click.echo("These may contain the customer's data until they expire:")
    for each in outcome.expires:
        until = each["until"] or "it is deleted"
        if each["kind"] == "log group" and not each["until"]:
            until += ", for it has no retention period"
        count = f" ({each['messages']} messages)" if "messages" in each else ""
        click.echo(f"    {each['kind']:23} {each['name']}{count}, until {until}")
    if is_found:
        click.echo(
            "Earlier backups contain the data, too: after a restore, run ./shop forget"
            f" {outcome.customer_id or 'CUSTOMER_ID'} again. The payment gateway keeps its own"
            " records."
        )
    elif "@" in customer:
        click.echo("There is neither an account nor an order.")
    else:
        click.echo("There is no order. An account is found only by its email address.")
    for sentence in outcome.left:
        click.echo(sentence)
    if outcome.left:
        click.echo("Run the command again.")


def _is_found(customer: str, outcome: "Outcome") -> bool:
    """Return whether anything of the customer was found."""
    # by id, no account is looked up: the outcome repeats the id
    account = "@" in customer and outcome.customer_id
    return bool(account or outcome.orders or outcome.local_mail or outcome.dead_letters.found)
