"""`./shop down`: stop the shop."""

import click

from shopctl.cli.output import ChangingCommand
from shopctl.project import running_shop
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


@click.command("down", cls=ChangingCommand)
@click.option("--purge", is_flag=True, help="Also delete all data of the shop, except backups.")
def down_command(purge: bool) -> None:
    """Stop the shop and keep its data."""
    from shopctl.local import down
    from shopctl.local.lock import exclusive
    from shopctl.local.progress import Progress

    layout, progress = Layout.find(), Progress()
    with exclusive(layout):
        shop = running_shop.read(layout.state)
        if shop and len(shop.dead()) < len(shop.processes):
            down.down(layout, shop, progress)
        elif not purge:
            raise ShopProblem("The shop is not running.", "Start it with ./shop up.")
        elif shop:
            down.stop_leftovers(shop, progress)
        if purge:
            down.purge(layout)
            progress.say("All data of the shop was deleted.")
            if down.has_backups(layout):
                progress.say(f"Backups are kept: {layout.backups}")
