"""The command line of `./shop`: registers the commands and reports their errors."""

import sys
import traceback

import click

from shopctl.cli import (
    alarms,
    backfill,
    backup,
    check,
    configure,
    contracts,
    cost,
    delete,
    deliver,
    deploy,
    diff,
    doctor,
    down,
    env,
    forget,
    gameday,
    init,
    ledger,
    logs,
    mail,
    metrics,
    new,
    package,
    reconcile,
    replay,
    restore,
    rollback,
    seed,
    smoke,
    staff,
    status,
    templates,
    test,
    top,
    trace,
    up,
)
from shopctl.cli.options import refuse_blank
from shopctl.cli.output import lasting
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


def main() -> None:
    """Run a command; print an error as a sentence, never as a traceback."""
    sys.stderr = lasting(sys.stderr)
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
        what = f"The command failed unexpectedly with {type(error).__name__}: {error}"
        fail(ShopProblem(what.rstrip(".") + ".", _keep_traceback(error)))


def fail(problem: ShopProblem) -> None:
    """Print a problem and its remedy on standard error, and exit with its status."""
    click.echo(f"{problem.what} {problem.remedy}".strip(), err=True)
    sys.exit(problem.exit_status)


def _keep_traceback(error: Exception) -> str:
    """Append the traceback to the log, and return a sentence that says where it is."""
    try:
        log = Layout.find().logs / "shop.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except ShopProblem as problem:
        return f"The traceback cannot be written. {problem.what} {problem.remedy}"
    except OSError as unwritable:
        return f"The traceback cannot be written: {unwritable}."
    return f"The traceback is in {log}."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run, check, test, deploy and operate the toy shop."""


for command in (
    up.up_command,
    down.down_command,
    status.status_command,
    logs.logs_command,
    trace.trace_command,
    metrics.metrics_command,
    alarms.alarms_command,
    top.top_command,
    mail.mail_command,
    ledger.ledger_command,
    seed.seed_command,
    env.env_command,
    replay.replay_command,
    reconcile.reconcile_command,
    forget.forget_command,
    backfill.backfill_command,
    backup.backup_command,
    restore.restore_command,
    smoke.smoke_command,
    new.new_command,
    init.init_command,
    staff.staff_command,
    doctor.doctor_command,
    contracts.contracts_command,
    test.test_command,
    check.check_command,
    package.package_command,
    templates.templates_command,
    deploy.deploy_command,
    configure.configure_command,
    deliver.deliver_command,
    delete.delete_command,
    rollback.rollback_command,
    diff.diff_command,
    cost.cost_command,
    gameday.gameday_command,
):
    refuse_blank(command)
    cli.add_command(command)
