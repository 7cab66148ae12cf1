"""`./shop init`: add a stage to stages.toml."""

from typing import Literal, get_args

import click

from shopctl.cli.output import ChangingCommand
from shopctl.project.layout import Layout
from shopctl.project.stages import GradualRelease


@click.command("init", cls=ChangingCommand)
@click.option("--stage", "name", default="", help="Name of the new stage. [required]")
@click.option("--account", default="", help="Id of its AWS account, 12 digits. [required]")
@click.option("--region", default="", help="Its AWS region. [required]")
@click.option("--domain", default="", help="Host name of its web page. [CloudFront's own]")
@click.option("--certificate", default="", help="ARN of the domain's certificate in us-east-1.")
@click.option("--sender-domain", default="", help="Domain that emails are sent from. [--domain]")
@click.option("--alarm-email", default="", help="Where alarms go.")
@click.option("--currency", default="AUD", show_default=True, help="Currency of all prices.")
@click.option(
    "--mode",
    type=click.Choice(["cloudformation", "chalice"]),
    default="cloudformation",
    show_default=True,
    help="How it is deployed: ./shop deploy or chalice deploy.",
)
@click.option("--test-payments", is_flag=True, help="Use Stripe's test keys: no real money moves.")
@click.option("--stripe-publishable-key", default="", help="Stripe's public key, pk_….")
@click.option("--ses-sandbox", is_flag=True, help="The account is in the sandbox of SES.")
@click.option(
    "--gradual-release",
    type=click.Choice(get_args(GradualRelease)),
    help="How traffic moves to a release; all at once by default.",
)
@click.option("--snap-start", is_flag=True, help="Start functions from billed snapshots.")
@click.option("--seller-name", default="", help="Legal name of the seller on receipts.")
@click.option("--seller-address", default="", help="Address of the seller, in one line.")
@click.option("--seller-tax-number", default="", help="Tax number of the seller, with its kind.")
@click.option("--tax-name", default="", help="Tax that prices include, such as GST; none for none.")
@click.option("--tax-percent", type=float, default=0.0, help="Rate of that tax, such as 10.")
def init_command(
    name: str,
    account: str,
    region: str,
    domain: str,
    certificate: str,
    sender_domain: str,
    alarm_email: str,
    currency: str,
    mode: Literal["cloudformation", "chalice"],
    test_payments: bool,
    stripe_publishable_key: str,
    ses_sandbox: bool,
    gradual_release: GradualRelease | None,
    snap_start: bool,
    seller_name: str,
    seller_address: str,
    seller_tax_number: str,
    tax_name: str,
    tax_percent: float,
) -> None:
    """Add a stage to stages.toml.

    Also adds the pipeline's profile for it to infra/aws-profiles.ini. Does not call AWS.
    docs/deploying.md describes what to do next.
    """
    from shopctl.project import new_stage

    missing = new_stage.add(
        Layout.find(),
        new_stage.NewStage(
            name=name,
            account=account,
            region=region,
            mode=mode,
            currency=currency,
            domain=domain,
            sender_domain=sender_domain,
            certificate=certificate,
            alarm_email=alarm_email,
            seller_name=seller_name,
            seller_address=seller_address,
            seller_tax_number=seller_tax_number,
            tax_name=tax_name,
            tax_percent=tax_percent,
            stripe_publishable_key=stripe_publishable_key,
            test_payments=test_payments,
            ses_sandbox=ses_sandbox,
            gradual_release=gradual_release,
            snap_start=snap_start,
        ),
    )
    click.echo(f"Added the stage {name} to stages.toml.")
    if missing:
        click.echo(f"Complete these settings there: {', '.join(missing)}.")
    click.echo("Continue with docs/deploying.md.")
