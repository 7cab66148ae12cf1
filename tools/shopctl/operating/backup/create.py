"""Writes a backup of one service."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.backup import archive, storage
from shopctl.operating.backup.archive import Manifest
from shopctl.project.errors import ShopProblem


def back_up(
    to: Target,
    directory: Path,
    at: datetime | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Write the data of a target's only service to a directory.

    Parameters
    ----------
    to
        The stage and the service.
    directory
        A directory that does not exist yet.
    at
        A point in time of the last 35 days, for tables; by default, they are read as they are now.
    say
        Called with what takes long.

    Raises
    ------
    ShopProblem
        If the service has no data, the directory exists or cannot be created, or the table cannot
        be restored. If a temporary table remains, the remedy says how to continue with it and how
        to delete it.
    """
    service = storage.service_of(to)
    if at is not None and to.cloud.is_local:
        raise ShopProblem(
            "The embedded AWS has no point-in-time recovery.",
            "Omit --at to back up the current data.",
        )
    moment = datetime.now(UTC)
    with archive.new_backup(directory) as writer:
        tables = []
        for name in service.manifest.owns.tables:
            with _readable(to, storage.table_name(to, name), at, say) as table:
                tables.append(writer.table(name, storage.items(to, table)))
        buckets = [
            writer.bucket(name, storage.objects(to, storage.bucket_name(to, name), writer))
            for name in storage.buckets(service)
        ]
        manifest = Manifest(
            format=archive.FORMAT,
            service=service.name,
            stage=to.stage.name,
            account=to.cloud.account(),
            region=to.stage.region,
            moment=_text(at or moment),
            finished=_text(datetime.now(UTC)),
            tables=tuple(tables),
            buckets=tuple(buckets),
        )
        writer.finish(manifest)
    return manifest


@contextmanager
def _readable(
    to: Target, table: str, at: datetime | None, say: Callable[[str], None]
) -> Iterator[str]:
    """Yield the name of a table to read: itself, or a temporary one as it was at a time.

    The temporary one has a name that follows from the time, so that a second run continues to wait
    for the one that the first has created.
    """
    if at is None:
        yield table
        return
    dynamodb = to.cloud.client("dynamodb")
    temporary = f"{storage.temporary_prefix(table)}{at:%Y%m%dT%H%M%SZ}"
    if _status(dynamodb, temporary) is None:
        try:
            dynamodb.restore_table_to_point_in_time(
                SourceTableName=table, TargetTableName=temporary, RestoreDateTime=at
            )
        except ClientError as error:
            raise ShopProblem(
                f"{table} cannot be restored as it was at {_text(at)}:"
                f" {error.response['Error']['Message']}",
                "Choose a time within its recovery period, the last 35 days.",
            ) from None
    left = (
        f"The temporary table {temporary} may remain, which is billed. Run the command again with"
        f" --at {_text(at)} to continue with it, or delete it: aws dynamodb delete-table"
        f" --region {to.stage.region} --table-name {temporary}"
    )
    try:
        say(f"waiting for {temporary}, the table at {_text(at)}; AWS takes minutes or longer")
        while (status := _status(dynamodb, temporary)) != "ACTIVE":
            if status is None:
                raise ShopProblem(f"{temporary} was not created.", "Run the command again.")
            time.sleep(to.cloud.poll_seconds)
        yield temporary
        dynamodb.delete_table(TableName=temporary)
    except Exception as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise ShopProblem(f"{table} could not be backed up: {reason}.", left) from error
    except BaseException:
        say(left)
        raise


def _status(dynamodb: Any, table: str) -> str | None:
    try:
        return str(dynamodb.describe_table(TableName=table)["Table"]["TableStatus"])
    except dynamodb.exceptions.ResourceNotFoundException:
        return None


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
