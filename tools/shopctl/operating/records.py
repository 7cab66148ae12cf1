"""Records of what operators did on a stage: events of a log group, kept for a year."""

import json
from datetime import UTC, datetime
from typing import Any

from shopctl.aws.target import Target

RETENTION_DAYS = 365
"""For how long a record is kept."""

Json = dict[str, Any]


class Records:
    """The records of one kind of action on a stage.

    Parameters
    ----------
    target
        The stage.
    kind
        What was done; the last part of the log group's name.
    """

    def __init__(self, target: Target, kind: str) -> None:
        self._cloud = target.cloud
        self._logs = target.cloud.client("logs")
        self._group = log_group(target.stage.name, kind)
        self._stream = kind
        self._caller = ""

    def add(self, record: Json) -> Json:
        """Add a record with the time and the caller, as ``at`` and ``by``; return it."""
        now = datetime.now(UTC)
        complete = record | {"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "by": self._open()}
        self._logs.put_log_events(
            logGroupName=self._group,
            logStreamName=self._stream,
            logEvents=[
                {
                    "timestamp": int(now.timestamp() * 1000),
                    "message": json.dumps(complete, ensure_ascii=False),
                }
            ],
        )
        return complete

    def read(self, since: datetime | None = None, until: datetime | None = None) -> list[Json]:
        """Return the records of a period, oldest first; of all time by default."""
        times = {
            name: int(moment.timestamp() * 1000)
            for name, moment in (("startTime", since), ("endTime", until))
            if moment
        }
        try:
            pages = self._logs.get_paginator("filter_log_events").paginate(
                logGroupName=self._group, **times
            )
            return [json.loads(event["message"]) for page in pages for event in page["events"]]
        except self._logs.exceptions.ResourceNotFoundException:
            # nothing has been recorded yet
            return []

    def _open(self) -> str:
        """Create the log group for the stage's first record; return the caller."""
        if not self._caller:
            self._caller = str(self._cloud.client("sts").get_caller_identity()["Arn"])
            group = {"logGroupName": self._group}
            exists = self._logs.exceptions.ResourceAlreadyExistsException
            for create, names in (
                (self._logs.create_log_group, group),
                (self._logs.create_log_stream, group | {"logStreamName": self._stream}),
            ):
                try:
                    create(**names)
                except exists:
                    continue
            self._logs.put_retention_policy(**group, retentionInDays=RETENTION_DAYS)
        return self._caller


def log_group(stage: str, kind: str) -> str:
    """Return the name of the log group with a stage's records of one kind."""
    return f"/toyshop/{stage}/{kind}"
