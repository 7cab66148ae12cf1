"""Whether the shop is open, and which of its services answer."""

import contextvars
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from chassis import context
from chassis.client import Neighbour
from chassis.problems import ProblemError
from contracts.health import HEALTH
from contracts.storefront import ServiceState, ShopHealth

BUDGET = 4.0
"""Seconds: a service that sleeps must have the time to wake up."""


class HealthCheck:
    """Asks the private services how they are.

    Parameters
    ----------
    neighbours
        The services by name.
    """

    def __init__(self, neighbours: Mapping[str, Neighbour]) -> None:
        self._neighbours = neighbours

    def shallow(self) -> ShopHealth:
        """Return that this service answers."""
        return ShopHealth(status="ok")

    def deep(self) -> ShopHealth:
        """Return how every private service is; all are asked at once."""
        with (
            context.entered(context.headers(), budget=BUDGET),
            ThreadPoolExecutor(len(self._neighbours)) as threads,
        ):
            answers = {
                name: threads.submit(contextvars.copy_context().run, _state_of, neighbour)
                for name, neighbour in self._neighbours.items()
            }
            states = {name: answer.result() for name, answer in answers.items()}
        is_open = all(state == "ok" for state in states.values())
        return ShopHealth(status="ok" if is_open else "degraded", services=states)


def _state_of(neighbour: Neighbour) -> ServiceState:
    try:
        neighbour.call(HEALTH)
    except ProblemError:
        return "down"
    return "ok"
