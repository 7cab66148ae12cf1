"""Finds the function of each dead-letter queue in the services' templates."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from shopctl.project import aws_names, delivery_config
from shopctl.project.delivery_config import FunctionDelivery
from shopctl.project.services import Service
from shopctl.project.stages import Stage


@dataclass(frozen=True)
class Route:
    """A dead-letter queue, and the function that can handle its messages.

    Attributes
    ----------
    service
        The service that owns the queue.
    queue
        Its name on the stage.
    function
        The function's name on the stage.
    trigger
        What invokes the function, which decides the structure of its events.
    source
        The trigger's ARN; empty for a stream.
    """

    service: str
    queue: str
    function: str
    trigger: delivery_config.Trigger
    source: str


def find(services: Sequence[Service], stage: Stage) -> list[Route]:
    """Return every dead-letter queue of the services, in their order.

    A function's dead letters end up where its failure destination, or the redrive policy of the
    queue that it reads, finally leads. Those of a retry queue's function belong to the function
    that failed first, which the topic invokes.
    """
    return [route for service in services for route in _of(service, stage)]


def _of(service: Service, stage: Stage) -> list[Route]:
    # only a stream's ARN is published, and that is not needed here: its dead letters name it
    functions = delivery_config.read(service, stage, defaultdict(str)).functions
    redrives = delivery_config.redrives(service, stage)
    destinations = {function.name: _destination(function) for function in functions}
    routes: dict[str, Route] = {}
    for function in functions:
        first = destinations[function.name]
        if function.trigger == "queue" and first is None:
            first = function.source.rpartition(":")[2]
            if first in destinations.values():
                continue
        if first is None:
            continue
        last = redrives.get(first) or first
        name = aws_names.function(stage, service.name, function.name)
        # of several functions with one queue, any handles its messages
        routes.setdefault(last, Route(service.name, last, name, function.trigger, function.source))
    return list(routes.values())


def _destination(function: FunctionDelivery) -> str | None:
    """Return the name of the queue that a function's failures go to."""
    for settings in (function.invoke, function.event):
        failure = settings.get("DestinationConfig", {}).get("OnFailure", {})
        if "Destination" in failure:
            return str(failure["Destination"]).rpartition(":")[2]
    return None
