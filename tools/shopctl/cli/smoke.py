"""`./shop smoke`: try a shop as a customer."""

import os

import click

from shopctl.cli.output import ChangingCommand
from shopctl.project import running_shop
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_EMAIL, _PASSWORD = "SHOP_SMOKE_EMAIL", "SHOP_SMOKE_PASSWORD"


@click.command("smoke", cls=ChangingCommand)
@click.option("--stage", help="A stage of stages.toml; its origin is the shop's URL.")
@click.option("--url", default="", help="The shop's URL, if it is not the stage's origin.")
@click.option("--read-only", is_flag=True, help="Place no order.")
@click.option("--order", is_flag=True, help="Place an order at a --url without a --stage.")
@click.option(
    "--patience", default=60.0, show_default=True, help="Seconds to wait for the payment."
)
def smoke_command(
    stage: str | None, url: str, read_only: bool, order: bool, patience: float
) -> None:
    """Buy a toy as a customer would, and stop at the first failure.

    The order is paid with a test payment method and then cancelled. It is placed only on stages
    with test_payments in stages.toml. SHOP_SMOKE_EMAIL and SHOP_SMOKE_PASSWORD are the
    credentials of the customer; without them, a new customer signs up.
    """
    from botocore.exceptions import ClientError

    from shopctl.aws.target import find_target
    from shopctl.operating.smoke import Customer, SmokeTest
    from shopctl.project import stages

    if not stage and not url:
        raise click.UsageError("Give a --stage or a --url.")
    if url and not url.startswith(("http://", "https://")):
        raise click.UsageError("--url must begin with https:// or http://.")
    if order and read_only:
        raise click.UsageError("--order and --read-only cannot be combined.")
    layout = Layout.find()
    buys, signs_up = order, True
    if stage:
        declared = stages.load(layout.stages, stage)
        if order and not declared.test_payments:
            raise ShopProblem(
                f"The stage {stage} takes real money, so no order is placed there.",
                "Omit --order to run the read-only part.",
            )
        buys, signs_up = declared.test_payments, declared.auto_confirm_users
        state = running_shop.read(layout.state) if declared.aws else None
        url = url or (state["edge"].url if state else declared.origin)
        if not url:
            try:
                target = find_target(layout, stage)
            except (ShopProblem, ClientError) as error:
                raise ShopProblem(
                    f"The stage {stage} has no origin in stages.toml, and the name of its "
                    f"distribution cannot be looked up: {error}",
                    "Use credentials of the stage's account, or give its --url. The pipeline's "
                    "smoke test has no such credentials, so its stages need an origin.",
                ) from None
            url = target.origin
    buys = buys and not read_only
    email, password = os.environ.get(_EMAIL, ""), os.environ.get(_PASSWORD, "")
    customer = Customer(email, password) if email and password else None
    if buys and customer is None and not signs_up:
        raise ShopProblem(
            f"A new customer of the stage {stage} has to confirm an email address.",
            f"Sign a customer up once, and set {_EMAIL} and {_PASSWORD}.",
        )
    smoke_test = SmokeTest(url.rstrip("/"), click.echo, patience)
    toy = smoke_test.read()
    if buys:
        smoke_test.order(toy, customer)
    else:
        click.echo("No order was placed.")
