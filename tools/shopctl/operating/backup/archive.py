"""A backup on disk: a manifest, JSON lines per table and bucket, and objects by checksum."""

import base64
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from shopctl.project.errors import ShopProblem

FORMAT = 1
_MANIFEST = "manifest.json"
_OBJECTS = "objects"
_CHUNK = 2**20

Item = dict[str, Any]
"""An item as DynamoDB sends it, with each value in an object that names its type."""


class Part(Struct, frozen=True):
    """The items of a table, or the records of a bucket's objects.

    Attributes
    ----------
    name
        Name without ``toyshop-<stage>-`` and the buckets' suffix.
    count
        Number of lines of its file.
    bytes
        For a bucket, the size of all objects together.
    sha256
        Checksum of its file.
    """

    name: str
    count: int
    bytes: int
    sha256: str


class Manifest(Struct, frozen=True):
    """What a backup is of.

    Attributes
    ----------
    service, stage, account, region
        Whose data it has.
    moment
        For a table's point in time, that time; otherwise when reading began. RFC 3339, UTC.
    finished
        When it was complete.
    """

    format: int
    service: str
    stage: str
    account: str
    region: str
    moment: str
    finished: str
    tables: tuple[Part, ...]
    buckets: tuple[Part, ...]


class StoredObject(Struct, frozen=True):
    """An object of a bucket; ``headers`` are arguments of ``PutObject``."""

    key: str
    size: int
    sha256: str
    headers: dict[str, Any]


class Writer:
    """Writes a backup into a directory that does not exist yet.

    Parameters
    ----------
    directory
        The unfinished directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / _OBJECTS).mkdir(parents=True)

    def table(self, name: str, items: Iterator[Item]) -> Part:
        """Write the items of a table."""
        lines = (json.dumps(encoded(item), sort_keys=True) for item in items)
        return self._lines("table", name, lines, 0)

    def bucket(self, name: str, objects: Iterator[StoredObject]) -> Part:
        """Write the records of objects whose bytes have been added."""
        found = list(objects)
        lines = (msgspec.json.encode(one).decode() for one in found)
        return self._lines("bucket", name, lines, sum(one.size for one in found))

    def add(self, chunks: Iterator[bytes]) -> tuple[int, str]:
        """Write the bytes of an object, and return their number and checksum."""
        unfinished, digest, size = self._directory / "unfinished", hashlib.sha256(), 0
        with unfinished.open("wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            _sync(file)
        unfinished.rename(self._directory / _OBJECTS / digest.hexdigest())
        return size, digest.hexdigest()

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, with which the backup is complete."""
        with (self._directory / _MANIFEST).open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest)))
            _sync(file)

    def _lines(self, kind: str, name: str, lines: Iterator[str], size: int) -> Part:
        digest, count = hashlib.sha256(), 0
        with (self._directory / f"{kind}-{name}.jsonl").open("wb") as file:
            for count, line in enumerate(lines, start=1):  # noqa: B007 - the last one is the total
                content = line.encode() + b"\n"
                digest.update(content)
                file.write(content)
            _sync(file)
        return Part(name, count, size, digest.hexdigest())


class Reader:
    """A backup whose files have the checksums of its manifest.

    Parameters
    ----------
    directory
        Its directory.

    Raises
    ------
    ShopProblem
        If it is no backup, has another format, or a file is missing or damaged.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.manifest = _read_manifest(directory)
        for part in self.manifest.tables:
            self._verify(f"table-{part.name}.jsonl", part.sha256)
        for part in self.manifest.buckets:
            self._verify(f"bucket-{part.name}.jsonl", part.sha256)
            for stored in self.objects(part):
                self._verify(f"{_OBJECTS}/{stored.sha256}", stored.sha256)

    def items(self, table: Part) -> Iterator[Item]:
        """Yield the items of a table."""
        with (self._directory / f"table-{table.name}.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                yield decoded(json.loads(line))

    def objects(self, bucket: Part) -> Iterator[StoredObject]:
        """Yield the records of the objects of a bucket."""
        with (self._directory / f"bucket-{bucket.name}.jsonl").open("rb") as lines:
            for line in lines:
                yield msgspec.json.decode(line, type=StoredObject)

    def content(self, stored: StoredObject) -> Path:
        """Return the file with the bytes of an object."""
        return self._directory / _OBJECTS / stored.sha256

    def _verify(self, name: str, sha256: str) -> None:
        path = self._directory / name
        if not path.is_file():
            raise ShopProblem(f"The backup lacks the file {path}.", "Use another backup.")
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != sha256:
            raise ShopProblem(
                f"The file {path} of the backup is damaged: its checksum differs from the"
                " manifest's.",
                "Use another backup. Nothing was restored.",
            )


@contextmanager
def new_backup(directory: Path) -> Iterator[Writer]:
    """Yield a writer; the directory exists only when the backup is complete.

    On any exception, what was written so far is deleted.

    Raises
    ------
    ShopProblem
        If the directory exists, or cannot be created.
    """
    # a link that leads nowhere cannot be replaced by a directory either
    if os.path.lexists(directory) or directory.name == "..":
        raise ShopProblem(f"{directory} exists.", "Name a directory that does not.")
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    _create(unfinished, directory)
    try:
        yield Writer(unfinished)
        unfinished.rename(directory)
    except BaseException:
        shutil.rmtree(unfinished)
        raise


def _create(unfinished: Path, directory: Path) -> None:
    absent = [parent for parent in unfinished.parents if not os.path.lexists(parent)]
    try:
        # names, addresses and receipts of customers
        unfinished.mkdir(parents=True, mode=0o700)
    except OSError as error:
        for parent in absent:
            with suppress(OSError):
                parent.rmdir()
        raise ShopProblem(
            f"{directory} cannot be created: {error.strerror}.",
            "Name a new directory in one that you can write to.",
        ) from None


def encoded(value: Any) -> Any:
    """Return an item with its binary values in base64, as DynamoDB's JSON has them."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: encoded(one) for name, one in value.items()}
    return [encoded(one) for one in value] if isinstance(value, list) else value


def decoded(item: Item) -> Item:
    """Return an item with its binary values as bytes."""
    return {name: _decoded_value(value) for name, value in item.items()}


def _decoded_value(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    match kind:
        case "B":
            return {kind: base64.b64decode(content)}
        case "BS":
            return {kind: [base64.b64decode(one) for one in content]}
        case "M":
            return {kind: decoded(content)}
        case "L":
            return {kind: [_decoded_value(one) for one in content]}
    return value


def _read_manifest(directory: Path) -> Manifest:
    path = directory / _MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except OSError:
        raise ShopProblem(
            f"{directory} is not a complete backup: it has no {_MANIFEST}.",
            "Name a directory that ./shop backup has written.",
        ) from None
    except ValueError:
        content = None
    found = content.get("format") if isinstance(content, dict) else None
    # a bool is an int, too
    if type(found) is not int:
        raise ShopProblem(f"{path} is damaged.", "Use another backup.")
    if found != FORMAT:
        raise ShopProblem(
            f"The backup {directory} has the format {found}, and this command reads {FORMAT}.",
            "Use the release of ./shop that wrote it.",
        )
    try:
        return msgspec.convert(content, Manifest)
    except msgspec.ValidationError as error:
        raise ShopProblem(f"{path} is damaged: {error}.", "Use another backup.") from None


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
