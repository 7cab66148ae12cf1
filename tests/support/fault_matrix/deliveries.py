"""What is delivered twice, out of order or late, in one story, and what was seen to follow."""

from collections.abc import Callable
from functools import cache
from typing import Any
from unittest import mock

from support.fault_matrix.stories import STORIES, STORMY
from support.fault_matrix.weather import Row, in_the_end
from support.world import delivery
from support.world.world import Delivery, World

HOURS = 2 * 3600
"""Longer than Lambda keeps an event."""

_FUNCTIONS = {one.function: (one.service, f"{one.topic} topic") for one in delivery.subscriptions()}
_FUNCTIONS |= {
    function: (service, f"{name} queue")
    for name, (service, function) in delivery.consumers().items()
    if not function.endswith("_retry")
}


def row_of(name: str) -> Row:
    """Return who is delivered to by whom, of a delivery's name."""
    if name.startswith("webhook"):
        return Row("payments API", "the gateway's webhooks")
    function = name.removesuffix("_retry")
    if function in _FUNCTIONS:
        service, source = _FUNCTIONS[function]
        return Row(f"{service} {function}", source.removeprefix("toyshop-local-"))
    table = name.split()[0].removeprefix("toyshop-local-")
    return Row(f"{table.replace('-', '_')} relay", "its table's stream")


class Twice:
    """Has every other delivery come again, so that each comes twice."""

    means = "each is delivered once more after it has been"

    def __init__(self) -> None:
        self._seen = 0

    def __call__(self, world: World, mine: list[Delivery], others: list[Delivery]) -> bool:
        """Deliver one of those that are due; return whether it was done in this way."""
        if not mine:
            others[0].run(False)
            return False
        self._seen += 1
        mine[0].run(self._seen % 2 == 1)
        return True


class OutOfOrder:
    """Has whatever else is due go first, and then the youngest."""

    means = "it waits until nothing else is due, and the youngest of several comes first"

    def __call__(self, world: World, mine: list[Delivery], others: list[Delivery]) -> bool:
        """Deliver one of those that are due; return whether it was done in this way."""
        (others or mine[::-1])[0].run(False)
        return not others and len(mine) > 1


class Late:
    """Has the first one wait for hours."""

    means = "it comes two hours late, which is longer than Lambda keeps an event"

    def __init__(self) -> None:
        self._has_waited = False

    def __call__(self, world: World, mine: list[Delivery], others: list[Delivery]) -> bool:
        """Deliver one of those that are due; return whether it was done in this way."""
        if others:
            others[0].run(False)
            return False
        if not self._has_waited:
            self._has_waited = True
            world.advance(HOURS)
        mine[0].run(False)
        return True


WAYS: dict[str, Callable[[], Any]] = {"twice": Twice, "out of order": OutOfOrder, "late": Late}


@cache
def rows() -> dict[Row, list[str]]:
    """Return who is delivered to by whom, with the stories in which that happens."""
    found: dict[Row, list[str]] = {}
    for name, story in STORIES.items():
        if name == STORMY:
            continue
        with World() as world:
            seen: list[Row] = []

            def step(due: list[Delivery], seen: list[Row] = seen) -> None:
                seen.append(row_of(due[0].name))
                due[0].run(False)

            _tell(world, name, step)
            story.hold(world)
        for row in dict.fromkeys(seen):
            found.setdefault(row, []).append(name)
    return found


def outcomes_of(row: Row, column: str) -> set[str]:
    """Deliver in one of the ways, in each story, and return what follows.

    Raises
    ------
    BrokenPromise
        If the promise does not hold in the end.
    """
    seen: set[str] = set()
    for story in rows()[row]:
        with World() as world:
            way = WAYS[column]()
            done = False

            def step(due: list[Delivery], world: World = world, way: Any = way) -> None:
                nonlocal done
                mine = [one for one in due if row_of(one.name) == row]
                done |= way(world, mine, [one for one in due if one not in mine])

            _tell(world, story, step)
            if done:
                seen |= in_the_end(world, story)
    return seen


def _tell(world: World, story: str, step: Callable[[list[Delivery]], None]) -> None:
    """Tell a story whose deliveries are chosen by somebody else."""
    settle = world.settle

    def settled(*_: object) -> None:
        settle(step)

    with mock.patch.object(world, "settle", settled):
        STORIES[story].tell(world)
