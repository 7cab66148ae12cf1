"""Which function a dead-letter queue belongs to, as the services' templates say."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from shopctl.project import delivery_config
from shopctl.project.delivery_config import Delivered
from shopctl.project.services import Service
from shopctl.project.stages import Stage


@dataclass(frozen=True)
class Route:
    """A dead-letter queue, and the function that can handle what is in it.

    Attributes
    ----------
    service
        Whose queue it is.
    queue
        Its name on the stage.
    function
        The function, as it is called on the stage.
    trigger
        What invokes the function: decides the shape of an event.
    source
        ARN of that topic or queue.
    """

    service: str
    queue: str
    function: str
    trigger: delivery_config.Trigger
    source: str


def find(services: Sequence[Service], stage: Stage) -> list[Route]:
    """Return every dead-letter queue of the services, in their order.

    A function's dead letters end where its failure destination or the queue that it reads leads
    to, in the end. What a retry queue's function gives up on belongs to the function that gave up
    first, which is asked by the topic.
    """
    return [route for service in services for route in _of(service, stage)]


def _of(service: Service, stage: Stage) -> list[Route]:
    # the ARN of a stream, which alone is published, is not needed: its dead letters name it
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
        name = stage.function_name(service.dashed, function.name.replace("_", "-"))
        routes[last] = Route(service.name, last, name, function.trigger, function.source)
    return list(routes.values())


def _destination(function: Delivered) -> str | None:
    """Return the queue that a function's failures go to."""
    for settings in (function.invoke, function.event):
        failure = settings.get("DestinationConfig", {}).get("OnFailure", {})
        if "Destination" in failure:
            return str(failure["Destination"]).rpartition(":")[2]
    return None
