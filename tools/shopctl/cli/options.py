"""What several commands need: the running shop, and options of the same meaning."""

import json
from typing import Any

import click

from shopctl.project import running_shop
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.running_shop import RunningShop

json_option = click.option("--json", "json_", is_flag=True, help="Print JSON alone.")
stage_option = click.option("--stage", required=True, help="A stage of stages.toml.")
services_argument = click.argument("services", nargs=-1)


def running(layout: Layout) -> RunningShop:
    """Find the running shop.

    Raises
    ------
    ShopProblem
        If it does not run.
    """
    state = running_shop.read(layout.state)
    if state is None or len(state.dead()) == len(state.processes):
        raise ShopProblem("The shop is not running.", "Start it with ./shop up.")
    return state


def as_json(content: Any) -> None:
    """Print JSON, and nothing else, on standard output."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
