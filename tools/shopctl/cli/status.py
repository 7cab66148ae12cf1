"""`./shop status`: show the state of the shop."""

import sys

import click

from shopctl.cli.options import DEGRADED, json_option, print_json, running
from shopctl.project.layout import Layout

_PROBLEMS = {
    "missing": "the queue does not exist",
    "disabled": "its event source mapping is disabled",
    "overdue": "messages have waited for more than a minute",
}
_RESTART = "If this lasts, restart the shop: `./shop down` and `./shop up`."


@click.command("status")
@json_option
def status_command(json_: bool) -> None:
    """Show processes, services, queues that nobody reads, and memory.

    Exits with 0 if the shop is running, with 1 if it is not running, and with 3 if it is degraded:
    a process has ended and not been started again, or does not answer; a service is not healthy;
    or a consumer does not read its queue.
    """
    from rich.console import Console

    from shopctl.local.status import status

    layout = Layout.find()
    content = status(layout, running(layout))
    if json_:
        print_json(content)
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"The shop is {content['status']} at {content['url']}")
        for name, process in content["processes"].items():
            memory = f"{process['memory_mib']} MiB"
            console.print(f"  {name:15} {process['status']:8} {process['url']:24} {memory:>9}")
            if process["status"] == "hung":
                console.print(f"  {name} does not answer. {_RESTART}")
            if process["given_up"]:
                console.print(f"  {name} has ended: {process['given_up']}.")
        if content["supervisor"] != "running":
            console.print("  Nothing starts processes again that end. Run `./shop up`.")
        for name, health in content["services"].items():
            console.print(f"  {name:15} {health}")
        if content["unread_queues"] is None:
            console.print(f"  {'queues':15} unknown")
        for name, problem in (content["unread_queues"] or {}).items():
            console.print(f"  {name} is not read: {_PROBLEMS[problem]}")
        pictures = content["pictures"]
        if pictures["status"] != "complete":
            line = f"  {pictures['done']} of {pictures['of']} pictures of the catalogue added"
            hint = "; run `./shop seed`" if pictures["status"] == "interrupted" else " so far"
            console.print(line + hint)
        console.print(f"Resident memory {content['memory_mib']} MiB")
    if content["status"] != "running":
        sys.exit(DEGRADED)
