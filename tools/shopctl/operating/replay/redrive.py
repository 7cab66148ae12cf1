"""Summarizes, inspects and redelivers dead letters; deletes each only after it was handled."""

from collections.abc import Callable

from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.replay import dead_letters, reading, redelivery, report
from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.payloads import Json
from shopctl.operating.replay.queue import Queue
from shopctl.operating.replay.redelivery import GoneError, Outcome
from shopctl.operating.replay.selection import Selection

# as long as an invocation may take, and a little more
_REDELIVER_SECONDS = redelivery.INVOKE_SECONDS + 5


def summaries(target: Target, selection: Selection) -> list[Json]:
    """Return a summary of each selected dead-letter queue.

    Raises
    ------
    ShopProblem
        If the stage has none of the queues.
    """
    found = []
    for route, queue in reading.queues(target, selection, reading.INSPECT_SECONDS):
        with queue:
            present = list(reading.selected(route, queue, selection))
            found.append(report.summary(route, present, queue.in_flight()))
    return found


def inspect(target: Target, selection: Selection) -> list[Json]:
    """Return each selected dead letter in full, oldest first.

    Raises
    ------
    ShopProblem
        If the stage has none of the queues.
    """
    found: list[Json] = []
    for route, queue in reading.queues(target, selection, reading.INSPECT_SECONDS):
        with queue:
            found.extend(
                dead_letters.to_json(dead_letter)
                for dead_letter in reading.selected(route, queue, selection)
            )
    return sorted(found, key=lambda dead_letter: str(dead_letter["parked_at"]))


def redrive(
    target: Target,
    selection: Selection,
    on_outcome: Callable[[Json], None],
    *,
    dry_run: bool = False,
) -> tuple[list[Json], int]:
    """Redeliver the selected dead letters.

    Two of these may run at once, and either may be stopped at any point. A message is hidden from
    others while it is redelivered, deleted after its function has reported success, and made
    visible again otherwise. After a stop between the two it is redelivered a second time, which
    every consumer tolerates.

    Parameters
    ----------
    target
        The stage and its services.
    selection
        Which dead letters.
    on_outcome
        Called with each dead letter and its outcome, as soon as it is known.
    dry_run
        Redeliver and delete nothing; report what would be redelivered.

    Returns
    -------
    tuple
        Each dead letter with its outcome, and the number of messages that others had in flight.

    Raises
    ------
    ShopProblem
        If the stage has none of the queues.
    """
    outcomes: list[Json] = []
    in_flight = 0
    at_once, hold = (10, reading.INSPECT_SECONDS) if dry_run else (1, _REDELIVER_SECONDS)
    for route, queue in reading.queues(target, selection, hold, at_once):
        with queue:
            for dead_letter in reading.selected(route, queue, selection):
                outcome = (
                    _preview(target, dead_letter)
                    if dry_run
                    else _redeliver(target, queue, dead_letter)
                )
                outcomes.append(outcome)
                on_outcome(outcome)
                if outcome["outcome"] == "unknown":
                    break
            in_flight += queue.in_flight()
    return outcomes, in_flight


def _redeliver(target: Target, queue: Queue, dead_letter: DeadLetter) -> Json:
    outcome = redelivery.redeliver(target.cloud, dead_letter)
    if outcome.status == "handled":
        try:
            queue.delete(dead_letter.id)
        except ClientError as error:
            outcome = Outcome("failed", f"it was handled, but cannot be deleted: {error}")
    return report.redelivered(dead_letter, outcome)


def _preview(target: Target, dead_letter: DeadLetter) -> Json:
    try:
        events = redelivery.events(target.cloud, dead_letter)
    except GoneError as gone:
        return report.redelivered(dead_letter, Outcome("gone", str(gone)))
    return report.previewed(dead_letter, events)
