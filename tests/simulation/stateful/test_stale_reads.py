"""Decisions are made by consistent reads: what was written a moment ago is seen.

In the simulated world, other reads of a table miss the changes of the last second.
"""

from collections.abc import Callable
from typing import Any

import pytest

from support.world import invariants, mutants
from support.world.deliveries import Delivery
from support.world.mutants import Mutant, mutated
from support.world.world import World


def cancelled_at_once(world: World) -> None:
    """Cancel an order in the moment in which it is placed."""
    world.place_order(0)
    (order_id,) = world.orders()
    assert world.cancel_order(order_id).status == 202


def placed_twice_at_once(world: World) -> None:
    """Send the same order twice in one moment."""
    assert [world.place_order(0).status for _ in range(2)] == [201, 200]


def delivered_twice_at_once(world: World) -> None:
    """Deliver every event twice in one moment."""
    repeated: set[str] = set()

    def repeat_once(due: list[Delivery]) -> None:
        delivery = due[0]
        repeat = delivery.name not in repeated
        repeated.add(delivery.name)
        delivery.run(repeat)

    world.place_order(0)
    world.run_until_idle(repeat_once)
    assert world.calls.retries == []
    invariants.check_when_idle(world)


STORIES: list[tuple[Callable[[World], None], list[Mutant]]] = [
    (cancelled_at_once, [mutants.orders_read_inconsistently]),
    (placed_twice_at_once, [mutants.orders_read_inconsistently]),
    (
        delivered_twice_at_once,
        [mutants.transactions_read_inconsistently, mutants.messages_read_inconsistently],
    ),
]


@pytest.mark.parametrize("story", [story for story, _ in STORIES])
def test_change_of_the_same_moment_is_seen(story: Callable[[World], None]) -> None:
    with World() as world:
        story(world)


@pytest.mark.parametrize(
    ("story", "mutant"), [(story, mutant) for story, found in STORIES for mutant in found]
)
def test_stale_read_is_detected(story: Callable[[World], None], mutant: Any) -> None:
    with mutated(mutant), World() as world, pytest.raises(AssertionError):
        story(world)
