"""A seeded schedule of deliveries: any order, duplicates, overlaps, troubles."""

from functools import cache
from random import Random

from support.world.outside import TROUBLES
from support.world.world import Delivery, World


@cache
def calls() -> list[str]:
    """Return the name of every call that the shop makes to the outside."""
    with World() as world:
        for number, method in enumerate(("pm_card_visa", "pm_card_authenticationRequired")):
            world.place(number, method)
        world.settle()
        for order_id in world.tables.tables["toyshop-local-orders"].items:
            world.cancel(order_id)
        world.settle()
        return sorted(set(world.outside.made))


class Schedule:
    """Chooses what is delivered next, and how; the same seed chooses the same.

    Parameters
    ----------
    world
        Whose deliveries they are.
    seed
        Of all choices.
    again, meanwhile, trouble
        How likely it is that a delivery comes once more later, that another one is to happen in
        the middle of it, and that one of its calls is to go wrong (if it makes that call). AWS
        may do the first two at all times.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        *,
        again: float = 0.25,
        meanwhile: float = 0.5,
        trouble: float = 0.0,
    ) -> None:
        self._world = world
        # Hypothesis likes some seeds; where in a run they are used makes them different ones.
        self._random = Random(f"{seed} {len(world.outside.made)}")
        self._again = again
        self._meanwhile = meanwhile
        self._trouble = trouble

    def step(self, due: list[Delivery]) -> None:
        """Deliver one of those that are due."""
        outside, random = self._world.outside, self._random
        if random.random() < self._meanwhile:
            outside.plan_at(random.choice(calls()), self._something_else)
        if random.random() < self._trouble:
            outside.plan_at(random.choice(calls()), random.choice(TROUBLES))
        random.choice(due).run(random.random() < self._again)
        outside.calm()

    def _something_else(self) -> None:
        due = self._world.due()
        if due:
            self._random.choice(due).run(False)
