"""`./shop cost`: what a stage costs."""

import click

from shopctl.cli.options import json_option, print_json, stage_option
from shopctl.project.layout import Layout


@click.command("cost")
@stage_option
@click.option("--idle", is_flag=True, help="Only the cost of the stage while nobody uses it.")
@click.option("--region", help="Region of the prices by use; default: that of the idle prices.")
@click.option("--toys", type=click.IntRange(0), default=20, help="Toy views per order.")
@click.option("--searches", type=click.IntRange(0), default=5, help="Searches per order.")
@click.option("--lists", type=click.IntRange(0), default=1, help="Lists of orders per order.")
@click.option(
    "--milliseconds", type=click.IntRange(1), default=60, help="Duration of an invocation."
)
@json_option
def cost_command(
    stage: str,
    idle: bool,
    region: str | None,
    toys: int,
    searches: int,
    lists: int,
    milliseconds: int,
    json_: bool,
) -> None:
    """Show what a stage costs: per order, and while idle.

    The cost of orders is computed from counted operations, the cost of the idle stage from its
    templates, both from list prices; AWS is not called.
    """
    from shopctl.operating import idle_cost, usage_cost
    from shopctl.project import stages

    layout = Layout.find()
    found = stages.load(layout.stages, stage)
    items = idle_cost.of_stage(found, layout)
    mix = {"order": 1, "toy": toys, "search": searches, "orders": lists}
    prices = None if idle else usage_cost.prices_of(region or idle_cost.REGION)
    if json_:
        used = {"use": usage_cost.as_json(mix, prices, milliseconds)} if prices else {}
        print_json({**idle_cost.as_json(found, items), **used})
        return
    if prices:
        click.echo(
            f"One order, with {toys} toy views, {searches} searches and {lists} lists of "
            f"orders; {milliseconds} ms for each invocation, an assumption:"
        )
        for line in usage_cost.lines(usage_cost.of_mix(mix, prices, milliseconds)):
            click.echo(line)
        click.echo(
            f"US dollars, list prices of {prices.region} as recorded on {prices.recorded}, without"
            " logs, stored data, users and the payment gateway's fees. A month while idle:"
        )
    for line in idle_cost.lines(items):
        click.echo(line)
    click.echo(
        f"US dollars, list prices of {idle_cost.REGION} as recorded on {idle_cost.PRICES_OF},"
        " without tax or free tier. Usage and stored data cost extra."
    )
    if found.region != idle_cost.REGION:
        click.echo(f"The prices of {found.region} differ: https://calculator.aws")
