"""`./shop diff`: compare a stage with the repository."""

import sys

import click
from botocore.exceptions import BotoCoreError, ClientError

from shopctl.cli.options import json_option, print_json, services_argument, stage_option
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_DIFFERENT, _FAILED = 1, 2


@click.command("diff")
@stage_option
@services_argument
@click.option(
    "--live", is_flag=True, help="Compare the stage's live settings instead of its stacks."
)
@json_option
def diff_command(stage: str, services: tuple[str, ...], live: bool, json_: bool) -> None:
    """Show what a deployment would change.

    Exits with 0 if nothing would change, 1 if something would, 2 if the comparison failed.
    """
    from shopctl import drift

    try:
        found = drift.find(Layout.find(), stage, services, live=live)
    except ShopProblem as problem:
        problem.exit_status = _FAILED
        raise
    except (BotoCoreError, ClientError) as error:
        reason = str(error).rstrip(".")
        failure = ShopProblem(
            f"AWS did not return the stage's settings: {reason}.",
            "Check the credentials and their permissions.",
        )
        failure.exit_status = _FAILED
        raise failure from None
    if json_:
        print_json(drift.as_json(found))
    else:
        for line in drift.lines(found):
            click.echo(line)
    sys.exit(_DIFFERENT if found.differs else 0)
