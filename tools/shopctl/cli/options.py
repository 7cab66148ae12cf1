"""Options and arguments that several commands share, and what they print."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

from shopctl.project import running_shop
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout
from shopctl.project.running_shop import RunningShop

if TYPE_CHECKING:
    from shopctl.aws.target import Target

_AGE = re.compile(r"([0-9]{1,6})([smhd])")
# of a command about a degraded shop; 1 is that of every failed command, 2 of a wrong command line
DEGRADED = 3
_BLANK = "it is empty. Is a shell variable not set?"
_NOW = f"{__name__}.now"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType[datetime]):
    """An RFC 3339 time, or an age: ``90m`` is 90 minutes ago.

    Without an offset, or as a day alone, a time is UTC.

    Parameters
    ----------
    now
        Returns the present time, which ages are subtracted from.
    """

    name = "time"

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment in UTC; fail as click does if the text is neither a time nor an age."""
        try:
            if age := _AGE.fullmatch(value):
                # all ages of a command line are subtracted from the same time
                now: datetime = ctx.meta.setdefault(_NOW, self._now()) if ctx else self._now()
                return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except ValueError:
            self.fail(
                f"'{value}' is neither a time nor an age. Write a time such as"
                " 2026-11-24T03:00:00Z, or an age such as 90m, 2h or 3d.",
                param,
                ctx,
            )
        except OverflowError:
            self.fail(
                f"'{value}' is before the year 1 or after the year 9999. Write a time such as"
                " 2026-11-24T03:00:00Z, or an age such as 90m, 2h or 3d.",
                param,
                ctx,
            )


class FilePath(click.Path):
    """A path; an empty one is refused, which `pathlib` takes for the current directory."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; fail as click does if the text is blank."""
        if isinstance(value, str) and not value.strip():
            self.fail(_BLANK, param, ctx)
        return super().convert(value, param, ctx)


def refuse_blank(command: click.Command) -> None:
    """Make a command refuse empty values, which may come from a shell variable that is not set.

    Arguments that another program parses may be empty.
    """
    for parameter in command.params:
        if parameter.type is not click.UNPROCESSED:
            parameter.callback = partial(_not_blank, parameter.callback)


def _not_blank(
    then: Callable[[click.Context, click.Parameter, Any], Any] | None,
    ctx: click.Context,
    parameter: click.Parameter,
    value: Any,
) -> Any:
    if ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
        values = value if isinstance(value, tuple) else (value,)
        if any(isinstance(each, str) and not each.strip() for each in values):
            raise click.BadParameter(_BLANK, ctx, parameter)
    return then(ctx, parameter, value) if then else value


json_option = click.option("--json", "json_", is_flag=True, help="Print JSON and nothing else.")
stage_option = click.option(
    "--stage", required=True, metavar="STAGE", help="A stage of stages.toml."
)
services_argument = click.argument("services", nargs=-1, metavar="[SERVICE]...")
infra_option = click.option(
    "--infra",
    multiple=True,
    metavar="NAME",
    help="A template of infra/, such as network, instead of services. Repeatable.",
)


def refuse_services_with_infra(services: tuple[str, ...], infra: tuple[str, ...]) -> None:
    """Refuse a command line that names both services and templates of `infra/`.

    Raises
    ------
    ShopProblem
        If both are given.
    """
    if services and infra:
        raise ShopProblem(
            "Services and --infra cannot be combined.", "Run the command once for each."
        )


def refuse_empty_range(since: datetime | None, until: datetime | None) -> None:
    """Refuse a range of time that ends before it begins, or as it begins.

    Raises
    ------
    ShopProblem
        If ``until`` is not after ``since``.
    """
    if since and until and since >= until:
        raise ShopProblem(
            "--since must be before --until.", "Give an earlier --since, or a later --until."
        )


def report_unknown_origin(to: "Target") -> None:
    """Say what a stage lacks whose origin is the name of a distribution that does not exist yet."""
    if to.services and not to.stage.origin:
        click.echo(
            f"The stage {to.stage.name} has no origin yet: emails have no links, and the page can "
            "neither upload images nor show receipts. Next: "
            f"./shop deploy --stage {to.stage.name} --infra distribution-acl --infra edge, then "
            f"./shop deploy --stage {to.stage.name} again."
        )


def running(layout: Layout) -> RunningShop:
    """Return the running shop.

    Raises
    ------
    ShopProblem
        If the shop is not running.
    """
    shop = running_shop.read(layout.state)
    if shop is None or len(shop.dead()) == len(shop.processes):
        raise ShopProblem("The shop is not running.", "Start it with ./shop up.")
    return shop


class Condition(NamedTuple):
    """What of the local shop does not run.

    Attributes
    ----------
    absent
        It in words; empty if all processes run.
    is_measured
        Whether the embedded AWS runs, which stores logs and metrics.
    """

    absent: str
    is_measured: bool


def condition(shop: RunningShop | None) -> Condition:
    """Return what of the local shop does not run; ``None`` is a stopped one."""
    dead = [] if shop is None else shop.dead()
    if shop is None or len(dead) == len(shop.processes):
        return Condition("The shop is not running", is_measured=False)
    if not dead:
        return Condition("", is_measured=True)
    have = "has" if len(dead) == 1 else "have"
    return Condition(f"{', '.join(dead)} {have} ended", is_measured="aws" not in dead)


def print_json(content: Any) -> None:
    """Print a value as JSON on standard output."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
