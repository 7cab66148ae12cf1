"""A random, reproducible schedule of deliveries: any order, duplicates, overlaps and faults."""

from collections.abc import Callable
from functools import cache
from random import Random

from support.world import writers
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
            world.pay_again(order_id, 0)
        world.run_until_idle()
        for order_id in world.orders():
            world.cancel_order(order_id)
        world.run_until_idle()
        return sorted(set(world.calls.made))


@cache
def _writes() -> list[str]:
    return [name for name in call_names() if name.startswith("dynamodb PutItem")]


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
    writers_act
        Whether what happens in the middle of a delivery may also be a change by a shopper, a bank
        or an operator.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        *,
        repeat_rate: float = 0.25,
        overlap_rate: float = 0.5,
        fault_rate: float = 0.0,
        writers_act: bool = False,
    ) -> None:
        self._world = world
        # Hypothesis uses some seeds again and again; the number of calls so far varies the choices.
        self._random = Random(f"{seed} {len(world.calls.made)}")
        self._repeat_rate = repeat_rate
        self._overlap_rate = overlap_rate
        self._fault_rate = fault_rate
        self._writers_act = writers_act

    def step(self, due: list[Delivery]) -> None:
        """Make one of the deliveries that are due."""
        calls, random = self._world.calls, self._random
        if random.random() < self._overlap_rate:
            # half of them just before a write: between the read that decided about it and the write
            names = call_names() if random.random() < 0.5 else _writes()
            calls.plan_at(random.choice(names), self._interrupt)
        if random.random() < self._fault_rate:
            calls.plan_at(random.choice(call_names()), random.choice(RANDOM_FAULTS))
        random.choice(due).run(random.random() < self._repeat_rate)
        calls.clear_plans()

    def disturb(self, request: Callable[[], object]) -> None:
        """Make a request of a client; something else may happen at one of its first calls."""
        if self._random.random() < self._overlap_rate:
            self._world.calls.plan(self._random.randint(1, 4), self._interrupt)
        request()
        self._world.calls.clear_plans()

    def _interrupt(self) -> None:
        """Let other processes run: deliveries, and changes of an order or its payment."""
        for number in range(self._random.choice((1, 3, 12))):
            acts = self._writers_act and self._world.orders()
            if acts and self._random.random() < (0.5 if number == 0 else 0.1):
                writers.act(self._world, self._random)
            elif due := self._world.due():
                self._random.choice(due).run(False)
