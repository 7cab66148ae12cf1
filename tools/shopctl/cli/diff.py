"""The command that compares a stage with the repository."""

import sys

import click
from botocore.exceptions import BotoCoreError, ClientError

from shopctl.cli.options import as_json, json_option, services_argument, stage_option
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_DIFFERENT, _TROUBLE = 1, 2


@click.command("diff")
@stage_option
@services_argument
@click.option("--live", is_flag=True, help="Compare the stage as it stands, not what was deployed.")
@json_option
def diff_command(stage: str, services: tuple[str, ...], live: bool, json_: bool) -> None:
    """Show what a deploy would change; exits with 0 if nothing, 1 if something, 2 on trouble."""
    from shopctl import drift

    try:
        found = drift.find(Layout.find(), stage, services, live=live)
    except ShopProblem as problem:
        problem.exit_status = _TROUBLE
        raise
    except (BotoCoreError, ClientError) as error:
        reason = str(error).rstrip(".")
        trouble = ShopProblem(f"AWS does not tell what is to be compared: {reason}.")
        trouble.exit_status = _TROUBLE
        raise trouble from None
    if json_:
        as_json(drift.as_json(found))
    else:
        for line in drift.lines(found):
            click.echo(line)
    sys.exit(_DIFFERENT if found.differs else 0)
