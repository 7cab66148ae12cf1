"""Selects dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.payloads import Json
from shopctl.operating.replay.routes import Route
from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem


@dataclass(frozen=True)
class Selection:
    """Criteria for dead letters; an empty criterion matches all.

    Attributes
    ----------
    services, queues
        Names; the prefix ``toyshop-<stage>-`` of a queue may be omitted.
    types
        Event types, such as ``shop.order.placed.v1``.
    orders
        Ids of orders that a dead letter mentions.
    messages
        SQS's message ids.
    since, until
        When it was parked: at ``since`` or later, before ``until``.
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
        """Whether every dead letter matches."""
        return self == Selection()

    def unmatched(self, dead_letters: Sequence[Json], in_flight: int) -> list[str] | None:
        """Return the selected orders and messages that no dead letter is about.

        Parameters
        ----------
        dead_letters
            Those that were found and match, with their outcomes if they were redelivered.
        in_flight
            The number of messages that could not be read, because another reader has them.

        Returns
        -------
        list of str or None
            ``None`` if some messages were not looked at, any of which may be a missing one: those
            in flight, and the rest of a queue after a redelivery with an unknown result.
        """
        present = {dead_letter["message"] for dead_letter in dead_letters}
        present.update(order for dead_letter in dead_letters for order in dead_letter["orders"])
        missing = [name for name in (*self.orders, *self.messages) if name not in present]
        is_complete = not in_flight and all(
            dead_letter.get("outcome") != "unknown" for dead_letter in dead_letters
        )
        return missing if is_complete or not missing else None

    def routes(self, routes: Sequence[Route], stage: str) -> list[Route]:
        """Return the selected queues.

        Raises
        ------
        ShopProblem
            If there is no such service or queue.
        """
        services = {aws_names.underscored(name) for name in self.services}
        prefix = aws_names.resource(stage, "")
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

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether a dead letter meets all criteria."""
        return (
            (not self.types or not dead_letter.types.isdisjoint(self.types))
            and (not self.orders or not dead_letter.orders.isdisjoint(self.orders))
            and (not self.messages or dead_letter.id in self.messages)
            and (self.since is None or dead_letter.parked_at >= self.since)
            and (self.until is None or dead_letter.parked_at < self.until)
        )
