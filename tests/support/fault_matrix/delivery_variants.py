"""Makes the deliveries to one hop twice, out of order or late, and returns what was observed."""

from collections.abc import Callable
from functools import cache
from typing import Any
from unittest import mock

from support.fault_matrix.call_faults import Row, finish
from support.fault_matrix.scenarios import GATEWAY_FAILS, SCENARIOS
from support.world import event_sources
from support.world.deliveries import Delivery
from support.world.world import World

LATE_SECONDS = 2 * 3600
"""Longer than Lambda keeps an event."""

_SOURCES = {
    subscription.function: (subscription.service, f"{subscription.topic} topic")
    for subscription in event_sources.subscriptions()
}
_SOURCES |= {
    function: (service, f"{queue} queue")
    for queue, (service, function) in event_sources.queue_consumers().items()
    if not function.endswith("_retry")
}


def row_of(name: str) -> Row:
    """Return the receiver and the source of a delivery from its name."""
    if name.startswith("webhook"):
        return Row("payments API", "the gateway's webhooks")
    function = name.removesuffix("_retry")
    if function in _SOURCES:
        service, source = _SOURCES[function]
        return Row(f"{service} {function}", source.removeprefix("toyshop-local-"))
    table = name.split()[0].removeprefix("toyshop-local-")
    return Row(f"{table.replace('-', '_')} relay", "its table's stream")


class Twice:
    """Repeats every other delivery, so that each is made twice."""

    description = "each delivery is repeated"

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, world: World, chosen: list[Delivery], others: list[Delivery]) -> bool:
        """Make one of the deliveries that are due; return whether it is a case of this variant."""
        if not chosen:
            others[0].run(False)
            return False
        self._count += 1
        chosen[0].run(self._count % 2 == 1)
        return True


class OutOfOrder:
    """Makes all other deliveries first, and then the newest one of the chosen."""

    description = "deliveries wait until nothing else is due; then the newest one comes first"

    def __call__(self, world: World, chosen: list[Delivery], others: list[Delivery]) -> bool:
        """Make one of the deliveries that are due; return whether it is a case of this variant."""
        (others or chosen[::-1])[0].run(False)
        return not others and len(chosen) > 1


class Late:
    """Delays the first of the chosen deliveries by hours."""

    description = "the first delivery is two hours late, which is longer than Lambda keeps an event"

    def __init__(self) -> None:
        self._has_waited = False

    def __call__(self, world: World, chosen: list[Delivery], others: list[Delivery]) -> bool:
        """Make one of the deliveries that are due; return whether it is a case of this variant."""
        if others:
            others[0].run(False)
            return False
        if not self._has_waited:
            self._has_waited = True
            world.advance(LATE_SECONDS)
        chosen[0].run(False)
        return True


VARIANTS: dict[str, type[Twice | OutOfOrder | Late]] = {
    "twice": Twice,
    "out of order": OutOfOrder,
    "late": Late,
}


@cache
def rows() -> dict[Row, list[str]]:
    """Return every receiver and source, with the names of the scenarios in which they occur."""
    found: dict[Row, list[str]] = {}
    for name, scenario in SCENARIOS.items():
        if name == GATEWAY_FAILS:
            continue
        with World() as world:
            delivered: list[Row] = []

            def step(due: list[Delivery], delivered: list[Row] = delivered) -> None:
                delivered.append(row_of(due[0].name))
                due[0].run(False)

            _play(world, name, step)
            scenario.check(world)
        for row in dict.fromkeys(delivered):
            found.setdefault(row, []).append(name)
    return found


def outcomes_of(row: Row, column: str) -> set[str]:
    """Apply a variant to the deliveries of a row, in each scenario, and return the outcomes.

    Raises
    ------
    InvariantViolation
        If an invariant is violated at the end.
    """
    outcomes: set[str] = set()
    for scenario in rows()[row]:
        with World() as world:
            variant = VARIANTS[column]()
            applied = False

            def step(due: list[Delivery], world: World = world, variant: Any = variant) -> None:
                nonlocal applied
                chosen = [one for one in due if row_of(one.name) == row]
                applied |= variant(world, chosen, [one for one in due if one not in chosen])

            _play(world, scenario, step)
            if applied:
                outcomes |= finish(world, scenario)
    return outcomes


def _play(world: World, scenario: str, step: Callable[[list[Delivery]], None]) -> None:
    """Run a scenario with a function that makes its deliveries."""
    run_until_idle = world.run_until_idle

    def run_with_step(*_: object) -> None:
        run_until_idle(step)

    with mock.patch.object(world, "run_until_idle", run_with_step):
        SCENARIOS[scenario].play(world)
