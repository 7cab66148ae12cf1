"""What may contain a customer's data for some more time, and cannot be searched or changed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from shopctl.aws.target import Target
from shopctl.operating.backup import storage
from shopctl.operating.forget import queues
from shopctl.project import aws_names

_STREAM_HOURS = 24
_RECOVERY_DAYS = 35
_RETRY_DAYS = 14

Json = dict[str, Any]


def remaining(target: Target) -> list[Json]:
    """Return what remains: each with ``kind``, ``name`` and ``until``.

    ``until`` is ``None`` for what does not expire, but has to be deleted.
    """
    now = datetime.now(UTC)
    found = [
        *_log_groups(target, now),
        *_tables(target, now),
        *_temporary_tables(target),
        *_gameday_backup(target),
        *(
            _entry("retry queue", name, now + timedelta(days=_RETRY_DAYS), messages=count)
            for name, count in queues.waiting(target).items()
        ),
    ]
    return sorted(found, key=lambda each: (each["kind"], each["name"]))


def _entry(kind: str, name: str, until: datetime | None, **more: Any) -> Json:
    text = f"{until:%Y-%m-%dT%H:%M:%SZ}" if until else None
    return {"kind": kind, "name": name, "until": text, **more}


def _log_groups(target: Target, now: datetime) -> Iterator[Json]:
    stage = target.stage
    starts = [f"/toyshop/{stage.name}/", aws_names.log_group(aws_names.resource(stage.name, ""))]
    starts += [
        aws_names.log_group(aws_names.chalice_prefix(stage, service.name))
        for service in target.services
        if stage.mode == "chalice"
    ]
    pages = target.cloud.client("logs").get_paginator("describe_log_groups")
    for start in starts:
        for page in pages.paginate(logGroupNamePrefix=start):
            for group in page["logGroups"]:
                days = group.get("retentionInDays")
                until = now + timedelta(days=days) if days else None
                yield _entry("log group", group["logGroupName"], until, days=days)


def _tables(target: Target, now: datetime) -> Iterator[Json]:
    tables = target.cloud.client("dynamodb")
    for service in target.services:
        for name in service.manifest.owns.tables:
            table = aws_names.resource(target.stage.name, name)
            until = now + timedelta(hours=_STREAM_HOURS)
            yield _entry("stream", table, until)
            backups = tables.describe_continuous_backups(TableName=table)
            recovery = backups["ContinuousBackupsDescription"].get(
                "PointInTimeRecoveryDescription", {}
            )
            if recovery.get("PointInTimeRecoveryStatus") == "ENABLED":
                days = recovery.get("RecoveryPeriodInDays", _RECOVERY_DAYS)
                yield _entry("point-in-time recovery", table, now + timedelta(days=days), days=days)


def _temporary_tables(target: Target) -> Iterator[Json]:
    """Yield the tables that interrupted backups of a point in time have left."""
    prefixes = tuple(
        storage.temporary_prefix(aws_names.resource(target.stage.name, name))
        for service in target.services
        for name in service.manifest.owns.tables
    )
    for page in target.cloud.client("dynamodb").get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith(prefixes):
                yield _entry("temporary table", name, None)


def _gameday_backup(target: Target) -> Iterator[Json]:
    """Yield the backup that a game day has left on the disk."""
    backup = target.layout.gameday_backup
    if target.stage.name == "local" and backup.exists():
        yield _entry("backup", str(backup), None)
