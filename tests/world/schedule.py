"""A seeded schedule of deliveries: any order, duplicates, overlaps, troubles."""

from random import Random

from world.outside import TROUBLES
from world.world import Delivery, World


class Schedule:
    """Chooses what is delivered next, and how; the same seed chooses the same.

    Parameters
    ----------
    world
        Whose deliveries they are.
    seed
        Of all choices.
    again, meanwhile, trouble
        How likely it is that a delivery comes once more later, that another one happens in the
        middle of it, and that one of its calls goes wrong. AWS may do the first two at all times.
    """

    def __init__(
        self,
        world: World,
        seed: int,
        *,
        again: float = 0.15,
        meanwhile: float = 0.25,
        trouble: float = 0.0,
    ) -> None:
        self._world = world
        self._random = Random(seed)  # noqa: S311 (a schedule, no secret)
        self._again = again
        self._meanwhile = meanwhile
        self._trouble = trouble

    def step(self, due: list[Delivery]) -> None:
        """Deliver one of those that are due."""
        outside, random = self._world.outside, self._random
        if random.random() < self._meanwhile:
            outside.plan(random.randint(1, 15), self._something_else)
        if random.random() < self._trouble:
            outside.plan(random.randint(1, 12), random.choice(TROUBLES))
        random.choice(due).run(random.random() < self._again)
        outside.calm()

    def _something_else(self) -> None:
        due = self._world.due()
        if due:
            self._random.choice(due).run(False)
