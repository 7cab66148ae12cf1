"""Reads the selected dead letters of a stage."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.replay import dead_letters, routes
from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.queue import Queue
from shopctl.operating.replay.routes import Route
from shopctl.operating.replay.selection import Selection
from shopctl.project.errors import ShopProblem

INSPECT_SECONDS = 20
"""For how long messages are hidden from others while they are inspected or discarded."""


def queues(
    target: Target, selection: Selection, hold: int, at_once: int = 10
) -> Iterator[tuple[Route, Queue]]:
    """Yield the selected queues that the stage has.

    Parameters
    ----------
    hold
        Seconds for which a received message is hidden from other readers.
    at_once
        How many messages to receive in one call.

    Raises
    ------
    ShopProblem
        If the stage has none of them.
    """
    selected = selection.routes(routes.find(target.services, target.stage), target.stage.name)
    found = 0
    for route in selected:
        try:
            queue = Queue(target.cloud, route.queue, hold=hold, at_once=at_once)
        except ClientError as error:
            if "NonExistentQueue" not in error.response["Error"]["Code"]:
                raise
            # only a part of the shop may be deployed
            continue
        found += 1
        yield route, queue
    if not found:
        raise ShopProblem(
            f"The stage {target.stage.name} has none of these dead-letter queues.",
            f"Deploy the service first: ./shop deploy --stage {target.stage.name}.",
        )


def selected(route: Route, queue: Queue, selection: Selection) -> Iterator[DeadLetter]:
    """Yield the selected dead letters of an open queue."""
    for message in queue.messages():
        dead_letter = dead_letters.read(route, message)
        if selection.matches(dead_letter):
            yield dead_letter
