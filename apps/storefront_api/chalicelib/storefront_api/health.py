"""Whether the shop is open, and which of its services answer."""

import contextvars
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from chassis import context
from chassis.client import Downstream
from chassis.problems import ProblemError
from contracts.health import HEALTH
from contracts.storefront import ServiceState, ShopHealth

BUDGET = 4.0
"""Seconds: a service that sleeps must have the time to wake up."""


class HealthCheck:
    """Asks the private services how they are.

    Parameters
    ----------
    downstream
        The services by name.
    """

    def __init__(self, downstream: Mapping[str, Downstream]) -> None:
        self._downstream = downstream

    def shallow(self) -> ShopHealth:
        """Return that this service answers."""
        return ShopHealth(status="ok")

    def deep(self) -> ShopHealth:
        """Return how every private service is; all are asked at once."""
        with (
            context.entered(context.headers(), budget=BUDGET),
            ThreadPoolExecutor(len(self._downstream)) as threads,
        ):
            answers = {
                name: threads.submit(contextvars.copy_context().run, _state_of, service)
                for name, service in self._downstream.items()
            }
            states = {name: answer.result() for name, answer in answers.items()}
        is_open = all(state == "ok" for state in states.values())
        return ShopHealth(status="ok" if is_open else "degraded", services=states)


def _state_of(service: Downstream) -> ServiceState:
    try:
        service.call(HEALTH)
    except ProblemError:
        return "down"
    return "ok"
