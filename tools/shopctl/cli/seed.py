"""`./shop seed`: fill the catalogue."""

import os

import click

from shopctl.cli.options import running
from shopctl.cli.output import ChangingCommand
from shopctl.project import stages
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout

_EMAIL, _PASSWORD = "SHOP_STAFF_EMAIL", "SHOP_STAFF_PASSWORD"


@click.command("seed", cls=ChangingCommand)
@click.option("--stage", help="A stage of stages.toml; the running shop by default.")
def seed_command(stage: str | None) -> None:
    """Add the missing toys and pictures of the seed catalogue.

    It waits for the pictures that `./shop up` adds in the background. After an interruption, run it
    again.

    On a --stage, SHOP_STAFF_EMAIL and SHOP_STAFF_PASSWORD are the credentials of one of its staff.
    """
    from shopctl.local import seeding
    from shopctl.local.progress import Progress
    from shopctl.local.up import is_sellable

    layout = Layout.find()
    if stage is None:
        shop = running(layout)
        if is_sellable(shop):
            with Progress().step("Catalogue seeded") as step:
                seeding.complete(layout, shop, step)
        return
    # before the credentials, which would not help on a stage that does not exist
    stages.load(layout.stages, stage)
    email, password = os.environ.get(_EMAIL, ""), os.environ.get(_PASSWORD, "")
    if not (email and password):
        raise ShopProblem(
            "Only staff can add toys.",
            f"Set {_EMAIL} and {_PASSWORD}; ./shop staff add --stage {stage} makes a user staff.",
        )
    _fill_stage(layout, stage, email, password)


def _fill_stage(layout: Layout, name: str, email: str, password: str) -> None:
    from shopctl.aws.target import find_target
    from shopctl.local import seed
    from shopctl.local.progress import Progress
    from shopctl.local.users import Credentials

    to = find_target(layout, name)
    seed.check_currency(to.stage)
    record = layout.home / f"seed-{name}.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    with Progress().step(f"Catalogue of {to.origin} seeded") as step:
        result = seed.seed(to.origin, record, step.show, Credentials(email, password))
        step.note = str(result)
