"""Which dead letters a replay is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shopctl.operating.replay.dead_letters import Letter
from shopctl.operating.replay.routes import Route
from shopctl.project.errors import ShopProblem


@dataclass(frozen=True)
class Selection:
    """What to keep; an empty part keeps all.

    Attributes
    ----------
    services, queues
        Names; a queue's may lack ``toyshop-<stage>-``.
    types
        Of events, such as ``shop.order.placed.v1``.
    orders
        Ids of orders that a letter speaks of.
    messages
        SQS's ids.
    since, until
        When it was parked, the one included, the other not.
    """

    services: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Selection()

    def routes(self, routes: Sequence[Route], stage: str) -> list[Route]:
        """Return the queues to look into.

        Raises
        ------
        ShopProblem
            If a service or queue is named that is not there.
        """
        services = {name.replace("-", "_") for name in self.services}
        prefix = f"toyshop-{stage}-"
        queues = {prefix + name.removeprefix(prefix) for name in self.queues}
        for what, wanted, present in (
            ("service with a dead-letter queue", services, {route.service for route in routes}),
            ("dead-letter queue", queues, {route.queue for route in routes}),
        ):
            if unknown := sorted(wanted - present):
                raise ShopProblem(
                    f"There is no {what} {', '.join(unknown)}.",
                    f"There are {', '.join(sorted(present))}.",
                )
        return [
            route
            for route in routes
            if (not services or route.service in services) and (not queues or route.queue in queues)
        ]

    def keeps(self, letter: Letter) -> bool:
        """Return whether a letter is meant."""
        return (
            (not self.types or not letter.types.isdisjoint(self.types))
            and (not self.orders or not letter.orders.isdisjoint(self.orders))
            and (not self.messages or letter.id in self.messages)
            and (self.since is None or letter.parked_at >= self.since)
            and (self.until is None or letter.parked_at < self.until)
        )
