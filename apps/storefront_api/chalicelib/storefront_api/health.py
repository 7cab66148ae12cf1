"""Health of the shop: whether it is available, and which private services answer."""

import contextvars
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from chassis import context
from chassis.client import Downstream
from chassis.problems import ProblemError
from contracts.health import HEALTH
from contracts.storefront import ServiceState, ShopHealth

BUDGET = 4.0
"""Seconds for the answers of all services: enough for a cold start."""


class HealthCheck:
    """Checks the health of the private services.

    Parameters
    ----------
    downstream
        Clients of the services, by name.
    """

    def __init__(self, downstream: Mapping[str, Downstream]) -> None:
        self._downstream = downstream

    def shallow(self) -> ShopHealth:
        """Return that this service answers, without calling others."""
        return ShopHealth(status="ok")

    def deep(self) -> ShopHealth:
        """Return the state of every private service; all are called concurrently."""
        with (
            context.limited(BUDGET),
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
