"""`./shop status`: show the state of the shop."""

import sys

import click

from shopctl.cli.options import json_option, print_json, running
from shopctl.project.layout import Layout


@click.command("status")
@json_option
def status_command(json_: bool) -> None:
    """Show processes, services and memory.

    Exits with 1 if a process has ended or a service is not healthy.
    """
    from rich.console import Console

    from shopctl.local.status import status

    content = status(running(Layout.find()))
    if json_:
        print_json(content)
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"The shop is {content['status']} at {content['url']}")
        for name, process in content["processes"].items():
            memory = f"{process['memory_mib']} MiB"
            console.print(f"  {name:15} {process['status']:8} {process['url']:24} {memory:>9}")
        for name, health in content["services"].items():
            console.print(f"  {name:15} {health}")
        console.print(f"Resident memory {content['memory_mib']} MiB")
    if content["status"] != "running":
        sys.exit(1)
