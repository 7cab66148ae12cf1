"""`./shop cost`: what a stage costs."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from shopctl.cli.options import json_option, print_json, stage_option
from shopctl.project.layout import Layout

if TYPE_CHECKING:
    from shopctl.operating.idle_cost import IdleCost
    from shopctl.operating.prices import Prices
    from shopctl.operating.usage_cost import Assumptions
    from shopctl.project.stages import Stage


@click.command("cost")
@stage_option
@click.option("--idle", is_flag=True, help="Only the cost of the stage while nobody uses it.")
@click.option("--region", help="Region of the prices; by default, that of the stage.")
@click.option("--toys", type=click.IntRange(0), default=20, help="Toy views per order.")
@click.option("--searches", type=click.IntRange(0), default=5, help="Searches per order.")
@click.option("--lists", type=click.IntRange(0), default=1, help="Lists of orders per order.")
@click.option(
    "--milliseconds", type=click.IntRange(1), default=60, help="Duration of an invocation."
)
@click.option(
    "--cold-starts",
    type=click.IntRange(0, 1000),
    default=10,
    help="Cold starts per 1,000 invocations.",
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
    cold_starts: int,
    json_: bool,
) -> None:
    """Show what a stage costs: per order, and while idle.

    The cost of orders is computed from counted operations, the cost of the idle stage from its
    templates, both from list prices; AWS is not called.
    """
    from shopctl.operating import idle_cost, prices, usage_cost
    from shopctl.project import stages

    layout = Layout.find()
    found = stages.load(layout.stages, stage)
    idle_cost.require_aws(found)
    known = prices.of_region(region or found.region)
    mix = {"order": 1, "toy": toys, "search": searches, "orders": lists}
    assumed = usage_cost.Assumptions(
        milliseconds=milliseconds,
        cold_starts=cold_starts,
        snap_start=found.snap_start,
        trace_percent=found.trace_percent,
    )
    cost = idle_cost.of_stage(found, layout, known)
    if json_:
        used = {} if idle else {"use": usage_cost.as_json(mix, known, assumed)}
        print_json({**idle_cost.as_json(found, cost, known), **used})
        return
    if not idle:
        for line in _of_use(mix, known, assumed):
            click.echo(line)
        click.echo("Cost of a month while idle:")
    for line in _while_idle(found, cost, known):
        click.echo(line)


def _of_use(mix: Mapping[str, int], prices: "Prices", assumed: "Assumptions") -> Iterator[str]:
    from shopctl.operating import usage_cost

    yield (
        f"One order, with {mix['toy']} toy views, {mix['search']} searches and {mix['orders']}"
        f" lists of orders. Assumed: {assumed.milliseconds} ms for each invocation, and"
        f" {assumed.cold_starts} cold starts of {assumed.init_milliseconds} ms per 1,000 of them."
    )
    yield from usage_cost.lines(usage_cost.of_mix(mix, prices, assumed))
    used = usage_cost.prices_used(prices)
    yield (
        f"US dollars, {prices.statement(used)}, without stored data, users and the payment"
        " gateway's fees. The share of each part is what would be saved without it."
    )
    yield usage_cost.metrics_line(mix, prices)
    more = usage_cost.of_snap_start(mix, prices, assumed) * 1000
    if assumed.snap_start:
        yield f"Without snap_start, 1,000 orders would cost {more:.4f} less."
    else:
        yield f"With snap_start, 1,000 orders would cost {more:.4f} more."


def _while_idle(stage: "Stage", cost: "IdleCost", prices: "Prices") -> Iterator[str]:
    from shopctl.operating import idle_cost

    yield from idle_cost.lines(cost.items)
    yield (
        f"US dollars, {prices.statement(idle_cost.prices_used(cost))}, without tax or free"
        " tier. Usage and stored data cost extra."
    )
    functions = len(set(cost.snapshots.resources))
    if stage.snap_start:
        yield (
            f"Without snap_start, it would cost {cost.snapshots.cost} less: the snapshots of"
            f" {functions} functions. A release keeps two of each until it is complete."
        )
    else:
        yield (
            f"With snap_start, it would cost {cost.snapshots.cost} more: the snapshots of"
            f" {functions} functions."
        )
