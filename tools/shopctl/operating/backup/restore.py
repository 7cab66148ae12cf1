"""Restores a backup of one service into its tables and buckets."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from shopctl.aws.target import Target
from shopctl.operating.backup import storage, tables
from shopctl.operating.backup.archive import Item, Manifest, Reader, StoredObject
from shopctl.project.errors import ShopProblem

T = TypeVar("T")
_PARALLEL = 16


@dataclass
class Counts:
    """What was, or would be, done with the items or objects of a table or bucket.

    Attributes
    ----------
    written
        Those that were missing, or older than in the backup; with ``exact``, all that differed.
    kept
        Those that were left as they are: equal to the backup, or newer.
    deleted
        With ``exact``, the items that the backup does not have.
    changed_meanwhile
        With ``exact``, the items that were left because they changed during the restore.
    """

    written: int = 0
    kept: int = 0
    deleted: int = 0
    changed_meanwhile: int = 0


@dataclass(frozen=True)
class Options:
    """How to restore.

    Attributes
    ----------
    exact
        Whether to make each table what it was: also overwrite newer items, and delete items that
        the backup does not have.
    from_stage
        The stage of the backup, if it is another one; states that this is intended.
    dry_run
        Whether to change nothing.
    """

    exact: bool = False
    from_stage: str | None = None
    dry_run: bool = False


def restore(
    to: Target,
    directory: Path,
    options: Options,
    on_part: Callable[[str, Counts], None] = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Restore a backup of a target's only service.

    A table that does not exist any more is created. The whole backup is verified before anything is
    written. Each write has a condition, so that it is harmless while the service runs, and another
    run after an interruption does the rest.

    Parameters
    ----------
    to
        The stage and the service.
    directory
        The backup.
    on_part
        Called with the name of each table and bucket, and what was done.
    say
        Called with a sentence about each table that was missing, on the stage or in the backup.

    Raises
    ------
    ShopProblem
        If the backup is damaged, has none of the service's tables, or is of another service or
        stage.
    """
    service = storage.service_of(to)
    backup = Reader(directory)
    _check(to, backup.manifest, options)
    for table in backup.manifest.tables:
        if table.name not in service.manifest.owns.tables:
            raise ShopProblem(
                f"{service.name} has no table {table.name} any more.", "Use a later backup."
            )
    names = {table.name for table in backup.manifest.tables}
    missing = [name for name in service.manifest.owns.tables if name not in names]
    if missing and not names:
        raise ShopProblem(
            f"The backup lacks the table {', '.join(missing)} of {service.name}.",
            "Use another backup.",
        )
    # a table that the service has had only since the backup
    for name in missing:
        say(f"The backup has no table {name}: it is left as it is.")
    # objects first: items refer to them
    for bucket in backup.manifest.buckets:
        name = storage.bucket_name(to, bucket.name)
        on_part(name, _Objects(to, backup, name, options).restore(backup.objects(bucket)))
    for table in backup.manifest.tables:
        name = storage.table_name(to, table.name)
        if not tables.exists(to, name):
            if options.dry_run:
                say(f"{name} does not exist and would be created.")
                on_part(name, Counts(written=sum(1 for _ in backup.items(table))))
                continue
            remedy = tables.create(to, table.name, name)
            say(f"{name} did not exist and was created. {remedy}".strip())
        on_part(name, _Table(to, name, options).restore(backup.items(table)))
    return backup.manifest


def _check(to: Target, backup: Manifest, options: Options) -> None:
    (service,) = to.services
    if backup.service != service.name:
        raise ShopProblem(
            f"The backup is of {backup.service}, not of {service.name}.",
            f"./shop restore --stage {to.stage.name} {backup.service} restores it.",
        )
    source = (backup.stage, backup.account, backup.region)
    same = source == (to.stage.name, to.cloud.account(), to.stage.region)
    if options.from_stage != backup.stage and (options.from_stage or not same):
        raise ShopProblem(
            f"The backup is of the stage {backup.stage} ({backup.account}, {backup.region}), not of"
            f" {options.from_stage or to.stage.name}.",
            f"If you want its data in {to.stage.name}, add --from-stage {backup.stage}."
            if not same
            else "Leave out --from-stage.",
        )


class _Table:
    """Restores the items of one table."""

    def __init__(self, to: Target, name: str, options: Options) -> None:
        (service,) = to.services
        self._to, self._name, self._options = to, name, options
        self._without = service.manifest.backup.without
        self._dynamodb = to.cloud.client("dynamodb")
        self._counts = Counts()

    def restore(self, items: Iterator[Item]) -> Counts:
        present = {_id(item): item for item in storage.items(self._to, self._name)}
        restored = set()

        def tasks() -> Iterator[tuple[Item, Item | None]]:
            for item in items:
                restored.add(_id(item))
                yield self._cleaned(item), present.get(_id(item))

        self._each(self._put, tasks())
        if self._options.exact:
            extra = [item for key, item in present.items() if key not in restored]
            self._each(self._delete, ((item, None) for item in extra))
        return self._counts

    def _each(
        self, action: Callable[[Item, Item | None], str], tasks: Iterable[tuple[Item, Item | None]]
    ) -> None:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            for batch in _batches(tasks):
                for outcome in pool.map(lambda task: action(*task), batch):
                    setattr(self._counts, outcome, getattr(self._counts, outcome) + 1)

    def _put(self, item: Item, present: Item | None) -> str:
        if present is not None:
            differs = self._cleaned(present) != item
            is_newer = _version(present) >= _version(item)
            if not differs or (is_newer and not self._options.exact):
                return "kept"
        return self._write(
            "written", present, lambda condition: self._dynamodb.put_item(Item=item, **condition)
        )

    def _delete(self, item: Item, _: Item | None) -> str:
        key = {"id": item["id"]}
        return self._write(
            "deleted", item, lambda condition: self._dynamodb.delete_item(Key=key, **condition)
        )

    def _write(
        self, done: str, present: Item | None, write: Callable[[dict[str, Any]], object]
    ) -> str:
        """Write if the item is still what was read."""
        if self._options.dry_run:
            return done
        condition: dict[str, Any] = {
            "TableName": self._name,
            "ConditionExpression": "attribute_not_exists(#id)",
            "ExpressionAttributeNames": {"#id": "id"},
        }
        if present is not None and "version" in present:
            condition["ConditionExpression"] = "#version = :version"
            condition["ExpressionAttributeNames"] = {"#version": "version"}
            condition["ExpressionAttributeValues"] = {":version": present["version"]}
        elif present is not None:
            condition["ConditionExpression"] = "attribute_exists(#id)"
        try:
            write(condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return "changed_meanwhile" if self._options.exact else "kept"
        return done

    def _cleaned(self, item: Item) -> Item:
        return {name: value for name, value in item.items() if name not in self._without}


class _Objects:
    """Restores the objects of one bucket; it deletes none."""

    def __init__(self, to: Target, backup: Reader, name: str, options: Options) -> None:
        self._s3 = to.cloud.client("s3")
        self._backup, self._name, self._options = backup, name, options

    def restore(self, objects: Iterator[StoredObject]) -> Counts:
        counts = Counts()
        present = {
            listed["Key"]: listed["Size"]
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name)
            for listed in page.get("Contents", [])
        }
        with ThreadPoolExecutor(_PARALLEL) as pool:
            for batch in _batches(objects):
                for written in pool.map(lambda one: self._put(one, present.get(one.key)), batch):
                    counts.written += written
                    counts.kept += not written
        return counts

    def _put(self, stored: StoredObject, size: int | None) -> bool:
        """Write an object that is missing, or with ``exact``, one of another size."""
        if size == stored.size or (size is not None and not self._options.exact):
            return False
        if not self._options.dry_run:
            with self._backup.content(stored).open("rb") as content:
                self._s3.put_object(
                    Bucket=self._name, Key=stored.key, Body=content, **stored.headers
                )
        return True


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield lists of values, so that not all are in memory at once."""
    rest = iter(values)
    while batch := list(islice(rest, 100 * _PARALLEL)):
        yield batch


def _id(item: Item) -> str:
    return str(item["id"]["S"])


def _version(item: Item) -> int:
    return int(item.get("version", {}).get("N", 0))
