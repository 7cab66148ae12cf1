"""A random, reproducible schedule of deliveries: any order, duplicates, overlaps and faults."""

from functools import cache
from random import Random

from support.world.calls import RANDOM_FAULTS
from support.world.deliveries import Delivery
from support.world.world import World


@cache
def call_names() -> list[str]:
    """Return the names of all calls of the shop, to AWS, the gateway and between services."""
    with World() as world:
        for number, method in enumerate(("pm_card_visa", "pm_card_authenticationRequired")):
            world.place_order(number, method)
        world.run_until_idle()
        for order_id in world.orders():
            world.cancel_order(order_id)
        world.run_until_idle()
        return sorted(set(world.calls.made))


class Schedule:
    """Chooses the next delivery and how it is made; the same seed makes the same choices.

    Parameters
    ----------
    world
        The world whose deliveries are scheduled.
    seed
        Seed of all choices.
    repeat_rate, overlap_rate, fault_rate
        Probabilities, from 0 to 1, that a delivery is repeated later, that another delivery happens
        in the middle of it, and that a fault is planned for it. (A planned fault or overlap occurs
        only if the delivery makes the call that was chosen for it.) AWS may repeat and overlap
        deliveries at any time.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        *,
        repeat_rate: float = 0.25,
        overlap_rate: float = 0.5,
        fault_rate: float = 0.0,
    ) -> None:
        self._world = world
        # Hypothesis uses some seeds again and again; the number of calls so far varies the choices.
        self._random = Random(f"{seed} {len(world.calls.made)}")
        self._repeat_rate = repeat_rate
        self._overlap_rate = overlap_rate
        self._fault_rate = fault_rate

    def step(self, due: list[Delivery]) -> None:
        """Make one of the deliveries that are due."""
        calls, random = self._world.calls, self._random
        if random.random() < self._overlap_rate:
            calls.plan_at(random.choice(call_names()), self._make_another_delivery)
        if random.random() < self._fault_rate:
            calls.plan_at(random.choice(call_names()), random.choice(RANDOM_FAULTS))
        random.choice(due).run(random.random() < self._repeat_rate)
        calls.clear_plans()

    def _make_another_delivery(self) -> None:
        due = self._world.due()
        if due:
            self._random.choice(due).run(False)
