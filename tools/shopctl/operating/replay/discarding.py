"""Discards dead letters, and keeps a record of each.

The record is an event of a log group of the stage. It has everything but the content, which may be
a customer's data. It is written before the message is deleted, so that nothing disappears without
one.
"""

from collections.abc import Callable

from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.records import Records
from shopctl.operating.replay import reading, report, routes
from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.payloads import Json
from shopctl.operating.replay.queue import Queue
from shopctl.operating.replay.selection import Selection
from shopctl.project.errors import ShopProblem

KIND = "discarded-dead-letters"
"""The kind of the records."""
MAX_REASON = 1000
"""The length of a reason in characters."""


def discard(
    target: Target,
    selection: Selection,
    because: str,
    on_outcome: Callable[[Json], None],
    *,
    dry_run: bool = False,
) -> tuple[list[Json], int]:
    """Delete the selected dead letters after recording each.

    A stop between the two leaves a message that is discarded and recorded again by the next run.

    Parameters
    ----------
    target
        The stage and its services.
    selection
        Which dead letters.
    because
        The reason, which is recorded.
    on_outcome
        Called with each dead letter and its outcome, as soon as it is known.
    dry_run
        Record and delete nothing; report what would be discarded.

    Returns
    -------
    tuple
        Each dead letter with its outcome, and the number of messages that others had in flight.

    Raises
    ------
    ShopProblem
        If the stage has none of the queues.
    """
    records = Records(target, KIND)
    outcomes: list[Json] = []
    in_flight = 0
    for route, queue in reading.queues(target, selection, reading.INSPECT_SECONDS):
        with queue:
            for dead_letter in reading.selected(route, queue, selection):
                if dry_run:
                    outcome = report.discarded(dead_letter, report.WOULD_DISCARD)
                else:
                    discarded = report.discarded(dead_letter, report.DISCARDED)
                    records.add(discarded | {"because": because})
                    outcome = _deleted(queue, dead_letter)
                outcomes.append(outcome)
                on_outcome(outcome)
            in_flight += queue.in_flight()
    return outcomes, in_flight


def _deleted(queue: Queue, dead_letter: DeadLetter) -> Json:
    try:
        queue.delete(dead_letter.id)
    except ClientError as error:
        return report.discarded(dead_letter, "failed", f"it cannot be deleted: {error}")
    return report.discarded(dead_letter, report.DISCARDED)


def recorded(target: Target, selection: Selection) -> list[Json]:
    """Return the records of the selected dead letters, in the order in which they were discarded.

    The times of the selection are those at which they were discarded.
    """
    chosen = selection.routes(routes.find(target.services, target.stage), target.stage.name)
    queues = {route.queue for route in chosen}
    return [
        record
        for record in Records(target, KIND).read(selection.since, selection.until)
        # without a criterion, also those of a queue that the stage no longer has
        if (record["queue"] in queues or not (selection.services or selection.queues))
        and _matches(record, selection)
    ]


def _matches(record: Json, selection: Selection) -> bool:
    return all(
        not wanted or not set(wanted).isdisjoint(present)
        for wanted, present in (
            (selection.types, [event["type"] for event in record["events"]]),
            (selection.orders, record["orders"]),
            (selection.messages, [record["message"]]),
        )
    )


def checked_reason(reason: str | None) -> str:
    """Return the reason for discarding dead letters.

    Raises
    ------
    ShopProblem
        If it is missing, empty or too long.
    """
    text = " ".join((reason or "").split())
    if not text:
        raise ShopProblem(
            "Dead letters are discarded only for a reason.",
            'Give it, as in --reason "test order, cancelled by phone".',
        )
    if len(text) > MAX_REASON:
        raise ShopProblem(
            f"The reason has {len(text)} characters; {MAX_REASON} are kept.", "Shorten it."
        )
    return text
