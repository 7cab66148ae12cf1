"""Discards dead letters, and keeps a record of each.

The record is an event of a log group of the stage. It has everything but the content, which may be
a customer's data. It is written before the message is deleted, so that nothing disappears without
one.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.replay import dead_letters, reading, report, routes
from shopctl.operating.replay.dead_letters import DeadLetter
from shopctl.operating.replay.payloads import Json
from shopctl.operating.replay.queue import Queue
from shopctl.operating.replay.selection import Selection
from shopctl.project.errors import ShopProblem

RETENTION_DAYS = 365
"""For how long a record is kept."""
MAX_REASON = 1000
"""The length of a reason in characters."""

_STREAM = "discarded"


def log_group(stage: str) -> str:
    """Return the name of the log group with a stage's records."""
    return f"/toyshop/{stage}/discarded-dead-letters"


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
    records = Records(target)
    outcomes: list[Json] = []
    in_flight = 0
    for route, queue in reading.queues(target, selection, reading.INSPECT_SECONDS):
        with queue:
            for dead_letter in reading.selected(route, queue, selection):
                if dry_run:
                    outcome = report.discarded(dead_letter, report.WOULD_DISCARD)
                else:
                    records.add(dead_letter, because)
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


class Records:
    """The records of the dead letters that were discarded from a stage.

    Parameters
    ----------
    target
        The stage.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._logs = target.cloud.client("logs")
        self._group = log_group(target.stage.name)
        self._caller = ""

    def add(self, dead_letter: DeadLetter, because: str) -> None:
        """Record that a dead letter is discarded, who does so, and why."""
        now = datetime.now(UTC)
        record = report.discarded(dead_letter, report.DISCARDED) | {
            "discarded_at": dead_letters.timestamp(now),
            "discarded_by": self._open(),
            "discarded_because": because,
        }
        self._logs.put_log_events(
            logGroupName=self._group,
            logStreamName=_STREAM,
            logEvents=[
                {
                    "timestamp": int(now.timestamp() * 1000),
                    "message": json.dumps(record, ensure_ascii=False),
                }
            ],
        )

    def read(self, selection: Selection) -> list[Json]:
        """Return the selected records, oldest first.

        The times of the selection are those at which dead letters were discarded.
        """
        chosen = selection.routes(
            routes.find(self._target.services, self._target.stage), self._target.stage.name
        )
        queues = {route.queue for route in chosen}
        times = {
            name: int(moment.timestamp() * 1000)
            for name, moment in (("startTime", selection.since), ("endTime", selection.until))
            if moment
        }
        try:
            pages = self._logs.get_paginator("filter_log_events").paginate(
                logGroupName=self._group, **times
            )
            found = [json.loads(event["message"]) for page in pages for event in page["events"]]
        except self._logs.exceptions.ResourceNotFoundException:
            # nothing has been discarded yet
            return []
        return [
            record
            for record in found
            # without a criterion, also those of a queue that the stage no longer has
            if (record["queue"] in queues or not (selection.services or selection.queues))
            and _matches(record, selection)
        ]

    def _open(self) -> str:
        """Create the log group if this is the stage's first record; return who discards."""
        if not self._caller:
            self._caller = str(self._target.cloud.client("sts").get_caller_identity()["Arn"])
            exists = self._logs.exceptions.ResourceAlreadyExistsException
            for create, names in (
                (self._logs.create_log_group, {"logGroupName": self._group}),
                (
                    self._logs.create_log_stream,
                    {"logGroupName": self._group, "logStreamName": _STREAM},
                ),
            ):
                try:
                    create(**names)
                except exists:
                    continue
            self._logs.put_retention_policy(
                logGroupName=self._group, retentionInDays=RETENTION_DAYS
            )
        return self._caller


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
