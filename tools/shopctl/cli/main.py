"""The commands of `./shop`."""

import sys
from typing import Any

import click

from shopctl.cli import backfill, deployment, development, diff, local, reconcile, replay, smoke
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


def main() -> None:
    """Run a command; what goes wrong is a sentence, never a traceback."""
    try:
        cli(prog_name="./shop", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ShopProblem as problem:
        fail(problem)
    except Exception as error:
        log = Layout.find().logs / "shop.log"
        _note(error, log)
        fail(
            ShopProblem(
                f"Something unexpected happened: {type(error).__name__}: {error}".rstrip("."),
                f"The details are in {log}.",
            )
        )


def fail(problem: ShopProblem) -> None:
    """Say what went wrong and what to do, and exit."""
    click.echo(f"{problem.what} {problem.remedy}".strip(), err=True)
    sys.exit(problem.exit_status)


def _note(error: Exception, log: Any) -> None:
    import traceback

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Runs the toy shop on this machine, and looks after it."""


for command in (
    local.up_command,
    local.down_command,
    local.status_command,
    local.logs_command,
    local.mail_command,
    local.ledger_command,
    local.seed_command,
    local.env_command,
    replay.replay_command,
    development.contracts_command,
    development.test_command,
    development.check_command,
    deployment.package_command,
    deployment.templates_command,
    deployment.deploy_command,
    deployment.configure_command,
    deployment.deliver_command,
    deployment.delete_command,
    deployment.rollback_command,
    diff.diff_command,
    backfill.backfill_command,
    reconcile.reconcile_command,
    smoke.smoke_command,
):
    cli.add_command(command)
