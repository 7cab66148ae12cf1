"""`./shop cost`: what a stage costs."""

import click

from shopctl.cli.options import json_option, print_json, stage_option
from shopctl.project.layout import Layout


@click.command("cost")
@stage_option
@click.option("--idle", is_flag=True, help="Cost of the stage while nobody uses it.")
@json_option
def cost_command(stage: str, idle: bool, json_: bool) -> None:
    """Show what a stage costs per month.

    The cost is computed from the stage's templates and list prices; AWS is not called.
    """
    from shopctl.operating import idle_cost
    from shopctl.project import stages

    if not idle:
        raise click.UsageError("Only the cost of an idle stage can be computed. Add --idle.")
    layout = Layout.find()
    found = stages.load(layout.stages, stage)
    items = idle_cost.of_stage(found, layout)
    if json_:
        print_json(idle_cost.as_json(found, items))
        return
    for line in idle_cost.lines(items):
        click.echo(line)
    click.echo(
        f"US dollars, list prices of {idle_cost.REGION} as recorded on {idle_cost.PRICES_OF},"
        " without tax or free tier. Usage and stored data cost extra."
    )
    if found.region != idle_cost.REGION:
        click.echo(f"The prices of {found.region} differ: https://calculator.aws")
