"""Looks at dead letters, and delivers them again: each is deleted only after it is handled."""

from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from shopctl.deploying.deploy import Target
from shopctl.operating.replay import dead_letters, redelivery, report, routes
from shopctl.operating.replay.dead_letters import Json, Letter
from shopctl.operating.replay.queue import Queue
from shopctl.operating.replay.redelivery import GoneError, Outcome
from shopctl.operating.replay.routes import Route
from shopctl.operating.replay.selection import Selection
from shopctl.project.errors import ShopProblem

_LOOK_SECONDS = 20
# as long as an invocation may take, and a little more
_REPLAY_SECONDS = redelivery.INVOKE_SECONDS + 5


def summaries(at: Target, selection: Selection) -> list[Json]:
    """Sum up each dead-letter queue of a selection."""
    found = []
    for route, queue in _queues(at, selection, _LOOK_SECONDS):
        with queue:
            kept = list(_kept(route, queue, selection))
            found.append(report.queue(route, kept, queue.elsewhere()))
    return found


def inspect(at: Target, selection: Selection) -> list[Json]:
    """Tell all of each dead letter of a selection, the oldest first."""
    found: list[Json] = []
    for route, queue in _queues(at, selection, _LOOK_SECONDS):
        with queue:
            found.extend(report.letter(letter) for letter in _kept(route, queue, selection))
    return sorted(found, key=lambda told: str(told["parked_at"]))


def redrive(
    at: Target, selection: Selection, say: Callable[[Json], None], *, dry_run: bool = False
) -> tuple[list[Json], int]:
    """Deliver the dead letters of a selection again.

    It may be run twice, at once, and stopped at any point: a message is hidden from others while
    it is delivered, deleted after its function has said that it is handled, and shown again
    otherwise. Stopped between the two, it is delivered a second time, which every consumer bears.

    Parameters
    ----------
    say
        Told of each letter when it is known what became of it.
    dry_run
        Deliver and delete nothing; tell what would be delivered.

    Returns
    -------
    tuple
        What became of each letter; how many letters somebody else is at.
    """
    told: list[Json] = []
    elsewhere = 0
    at_once, hold = (10, _LOOK_SECONDS) if dry_run else (1, _REPLAY_SECONDS)
    for route, queue in _queues(at, selection, hold, at_once):
        with queue:
            for letter in _kept(route, queue, selection):
                told.append(_rehearse(at, letter) if dry_run else _replay(at, queue, letter))
                say(told[-1])
                if told[-1]["became"] == "unknown":
                    break
            elsewhere += queue.elsewhere()
    return told, elsewhere


def _replay(at: Target, queue: Queue, letter: Letter) -> Json:
    outcome = redelivery.deliver(at.cloud, letter)
    if outcome.became == "handled":
        try:
            queue.delete(letter.id)
        except ClientError as error:
            outcome = Outcome("failed", f"it is handled, but cannot be deleted: {error}")
    return report.replayed(letter, outcome, ())


def _rehearse(at: Target, letter: Letter) -> Json:
    try:
        events = redelivery.payloads(at.cloud, letter)
    except GoneError as gone:
        return report.replayed(letter, Outcome("gone", str(gone)), ())
    return report.replayed(letter, None, events)


def _queues(
    at: Target, selection: Selection, hold: int, at_once: int = 10
) -> Iterator[tuple[Route, Queue]]:
    """Yield the queues of a selection that the stage has."""
    wanted = selection.routes(routes.find(at.services, at.stage), at.stage.name)
    found = 0
    for route in wanted:
        try:
            queue = Queue(at.cloud, route.queue, hold=hold, at_once=at_once)
        except ClientError as error:
            if "NonExistentQueue" not in error.response["Error"]["Code"]:
                raise
            # a part of the shop may run alone
            continue
        found += 1
        yield route, queue
    if not found:
        raise ShopProblem(
            f"The stage {at.stage.name} has none of these dead-letter queues.",
            f"Deploy the service first: ./shop deploy --stage {at.stage.name}.",
        )


def _kept(route: Route, queue: Queue, selection: Selection) -> Iterator[Letter]:
    for message in queue.messages():
        letter = dead_letters.read(route, message)
        if selection.keeps(letter):
            yield letter
