"""`./shop doctor`: show what a stage lacks."""

import sys

import click
import msgspec

from shopctl.cli.options import json_option, print_json, stage_option
from shopctl.project.layout import Layout


@click.command("doctor")
@stage_option
@json_option
def doctor_command(stage: str, json_: bool) -> None:
    """Show what a stage on AWS lacks, and how to fix it.

    Follows the checklist of docs/deploying.md and changes nothing. Exits with 1 unless every
    item is ok. SHOP_SMOKE_EMAIL names the smoke test's user.
    """
    from shopctl import doctor

    items = doctor.examine(Layout.find(), stage)
    complete = all(item.status == "ok" for item in items)
    if json_:
        print_json({"stage": stage, "complete": complete, "items": msgspec.to_builtins(items)})
    else:
        for item in items:
            click.echo(f"{item.status:8} {item.item:19} {item.what} {item.remedy}".rstrip())
    sys.exit(0 if complete else 1)
