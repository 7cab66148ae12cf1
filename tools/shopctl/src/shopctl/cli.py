"""The commands of `./shop`."""

import json
import sys
import urllib.request
from typing import Any

import click

from shopctl.layout import Layout
from shopctl.local import processes
from shopctl.local.processes import State
from shopctl.problems import ShopProblem


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
    """Say what went wrong and what to do, and exit with 1."""
    click.echo(f"{problem.what} {problem.remedy}".strip(), err=True)
    sys.exit(1)


def _note(error: Exception, log: Any) -> None:
    import traceback

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Runs the toy shop on this machine, and looks after it."""


def running(layout: Layout) -> State:
    """Find the running shop.

    Raises
    ------
    ShopProblem
        If it does not run.
    """
    state = processes.read(layout.state)
    if state is None or len(state.dead()) == len(state.processes):
        raise ShopProblem("The shop is not running.", "Start it with ./shop up.")
    return state


def as_json(content: Any) -> None:
    """Print JSON, and nothing else, on standard output."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


# arguments that another program parses; the first that is no option ends the options, so that a
# `--` after it, which parts tox's arguments from pytest's, is handed on too
_HANDED_ON: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_interspersed_args": False,
    "help_option_names": [],
}

json_option = click.option("--json", "json_", is_flag=True, help="Print JSON alone.")


port_number = click.IntRange(1, 65535)


@cli.command("up")
@click.option("--detach", is_flag=True, help="Return when the shop is ready.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Port of the shop.",
)
@click.option(
    "--aws-port",
    type=click.IntRange(1, 65535),
    default=4566,
    show_default=True,
    help="Port of the embedded AWS.",
)
@click.option(
    "--gateway-port",
    type=click.IntRange(1, 65535),
    default=12111,
    show_default=True,
    help="Port of the gateway.",
)
@click.option("--only", default="", help="Services to deploy, separated by commas.")
@click.option("--no-seed", is_flag=True, help="Leave the catalogue empty.")
@click.option("--auth", is_flag=True, help="Enforce IAM as AWS does.")
def up_command(
    detach: bool,
    port: int,
    aws_port: int,
    gateway_port: int,
    only: str,
    no_seed: bool,
    auth: bool,
) -> None:
    """Start the shop: processes, stacks, users and catalogue."""
    from shopctl.local.session import bring_up
    from shopctl.local.up import Options

    chosen = tuple(name for name in only.split(",") if name)
    options = Options(port, aws_port, gateway_port, chosen, auth, seed=not no_seed)
    bring_up(Layout.find(), options, detach=detach)


@cli.command("down")
@click.option("--purge", is_flag=True, help="Delete all data of the shop.")
def down_command(purge: bool) -> None:
    """Stop the shop; its data stay unless --purge is given."""
    from shopctl.local import down
    from shopctl.local.lock import alone
    from shopctl.local.progress import Progress

    layout, progress = Layout.find(), Progress()
    with alone(layout):
        state = processes.read(layout.state)
        if state and len(state.dead()) < len(state.processes):
            down.down(layout, state, progress)
        elif not purge:
            raise ShopProblem("The shop is not running.", "Start it with ./shop up.")
        if purge:
            down.purge(layout)
            progress.say("All data of the shop are deleted.")


@cli.command("status")
@json_option
def status_command(json_: bool) -> None:
    """Show processes, services and memory."""
    from rich.console import Console

    from shopctl.local.status import status

    content = status(running(Layout.find()))
    if json_:
        as_json(content)
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"The shop is {content['status']} at {content['url']}")
        for name, process in content["processes"].items():
            memory = f"{process['memory_mib']} MiB"
            console.print(f"  {name:15} {process['status']:8} {process['url']:24} {memory:>9}")
        for name, answer in content["services"].items():
            console.print(f"  {name:15} {answer}")
        console.print(f"Resident memory {content['memory_mib']} MiB")
    if content["status"] != "running":
        sys.exit(1)


@cli.command("logs")
@click.argument("service", required=False)
@click.option("--follow", "-f", is_flag=True, help="Show new lines until Ctrl-C.")
@click.option("--lines", "-n", default=50, show_default=True, help="Last lines of each log.")
def logs_command(service: str | None, follow: bool, lines: int) -> None:
    """Show what processes and functions logged."""
    from shopctl.local import logs

    directory = Layout.find().logs
    found = logs.files(directory, service)
    for path in found:
        for line in logs.last_lines(path, lines):
            click.echo(f"{logs.label(path)} | {line}")
    if follow:
        for path, line in logs.follow(lambda: logs.files(directory, service)):
            click.echo(f"{logs.label(path)} | {line}")


@cli.command("mail")
@json_option
def mail_command(json_: bool) -> None:
    """Show what was e-mailed."""
    from shopctl.local import mail

    layout = Layout.find()
    running(layout)
    mails = mail.read(layout.mail)
    if json_:
        as_json(mails)
        return
    for sent in mails:
        click.echo(f"{sent['sent_at']}  to {sent['to']}: {sent['subject']}")
        click.echo("\n".join(f"    {line}" for line in sent["text"].splitlines()) + "\n")
    if not mails:
        click.echo("Nothing was e-mailed.")


@cli.command("ledger")
@json_option
def ledger_command(json_: bool) -> None:
    """Show what the payment gateway did."""
    gateway = running(Layout.find())["gateway"]
    with urllib.request.urlopen(f"{gateway.url}/_simulator/ledger", timeout=10) as answer:
        entries = json.load(answer)
    for entry in entries:
        # the gateway writes it in lower case, the shop as ISO 4217 does
        entry["currency"] = entry["currency"].upper()
    if json_:
        as_json(entries)
        return
    for entry in entries:
        amount = f"{entry['amount'] / 100:.2f} {entry['currency']}"
        click.echo(f"{entry['type']:7} {entry['status']:15} {amount:>14}  {entry['order_id']}")
    if not entries:
        click.echo("The gateway did nothing.")


@cli.command("seed")
def seed_command() -> None:
    """Add the toys of the catalogue that the shop does not have."""
    from shopctl.local.progress import Progress
    from shopctl.local.up import fill

    layout = Layout.find()
    fill(layout, running(layout), Progress())


@cli.command("env")
@json_option
def env_command(json_: bool) -> None:
    """Show the shop's URLs as environment variables, for `eval "$(./shop env)"`."""
    state = running(Layout.find())
    variables = {
        "SHOP_URL": state["edge"].url,
        "SHOP_GATEWAY_URL": state["gateway"].url,
        "AWS_ENDPOINT_URL": state["aws"].url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    if json_:
        as_json(variables)
    else:
        click.echo("\n".join(f"export {name}={value}" for name, value in variables.items()))


@cli.command("contracts")
@click.option("--write", is_flag=True, help="Refresh the documents and freeze what is new.")
@click.option("--retire", metavar="NAME", default="", help="End an event type or operation.")
def contracts_command(write: bool, retire: str) -> None:
    """Check the APIs' and events' documents, and that no change breaks anyone."""
    from shopctl.contracts import check

    root = Layout.find().root
    if retire:
        check.retire(root, retire)
    if write:
        for change in check.release(root):
            click.echo(f"New: {change}.")
        click.echo("docs/openapi, docs/asyncapi.json and libs/contracts/snapshots are up to date.")
        return
    findings = list(check.check(root))
    for finding in findings:
        click.echo(str(finding))
    if findings:
        sys.exit(1)
    click.echo("The documents are what the code says; nobody is let down.")


stage_option = click.option("--stage", required=True, help="A stage of stages.toml.")
services_argument = click.argument("services", nargs=-1)


@cli.command("deploy")
@stage_option
@services_argument
@click.option("--resources", is_flag=True, help="Deploy only what outlives a release.")
def deploy_command(stage: str, services: tuple[str, ...], resources: bool) -> None:
    """Deploy services, each after those it depends on; all unless some are named."""
    from shopctl import deploying

    to = deploying.target(Layout.find(), stage, services)
    run = deploying.deploy_resources if resources else deploying.deploy
    outcomes = run(to, click.echo)
    changed = sum(outcome != "unchanged" for outcome in outcomes.values())
    click.echo(f"{changed} of {len(outcomes)} stacks changed.")


@cli.command("configure")
@stage_option
@services_argument
def configure_command(stage: str, services: tuple[str, ...]) -> None:
    """Render the stage's part of .chalice, for `chalice deploy` in an app's folder."""
    from shopctl import deploying

    to = deploying.target(Layout.find(), stage, services)
    for service, changed in deploying.configure(to).items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")


@cli.command("deliver")
@stage_option
@services_argument
def deliver_command(stage: str, services: tuple[str, ...]) -> None:
    """After `chalice deploy`: apply delivery.yaml, and publish where the APIs are."""
    from shopctl import delivering, deploying

    to = deploying.target(Layout.find(), stage, services)
    for service, changed in delivering.deliver(to).items():
        click.echo(f"{service}: {', '.join(changed) or 'unchanged'}")


@cli.command("delete")
@stage_option
@services_argument
def delete_command(stage: str, services: tuple[str, ...]) -> None:
    """Take services off a stage, unless it keeps its data; all unless some are named."""
    from shopctl import deleting, deploying

    deleting.delete(deploying.target(Layout.find(), stage, services), click.echo)


@cli.command("test", context_settings=_HANDED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test_command(arguments: tuple[str, ...]) -> None:
    """Run the tests: tox with the arguments given."""
    import subprocess

    command = [sys.executable, "-m", "tox", *arguments]
    sys.exit(subprocess.run(command, cwd=Layout.find().root, check=False).returncode)


@cli.command("check", context_settings=_HANDED_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def check_command(arguments: tuple[str, ...]) -> None:
    """Prove the ground rules; --graph prints the diagrams, --graph --write updates them."""
    import subprocess

    from shopctl.local.environment import prepare

    layout = Layout.find()
    # linters of their own environment: `./shop up` needs none of them
    prepare(layout, "check", "What checks")
    command = [str(layout.python_of("check")), "-m", "shopctl.check", *arguments]
    sys.exit(subprocess.run(command, cwd=layout.root, check=False).returncode)
