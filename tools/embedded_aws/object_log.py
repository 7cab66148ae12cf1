"""Undoes what has happened to the files of S3 objects since a snapshot.

ministack writes and deletes the files of objects at once, while the state that refers to them is
saved in snapshots. So before a file changes for the first time after a snapshot, its previous
content is kept (as a link), or it is noted that there was none. After a kill, the files are taken
back to the snapshot that is restored.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from embedded_aws.snapshots import sync

_NOTES = "changes.jsonl"


class ObjectLog:
    """The changes since each kept snapshot, in one directory per snapshot.

    Parameters
    ----------
    home
        Directory of the shop's files.
    """

    def __init__(self, home: Path) -> None:
        self._objects = home / "s3"
        self._log = home / "s3-changes"
        self._current: Path | None = None
        self._notes: IO[str] | None = None
        self._noted: set[str] = set()

    def begin(self, number: int) -> None:
        """Log the following changes as those since a snapshot."""
        if self._notes is not None:
            self._notes.close()
        self._current = self._log / str(number)
        self._current.mkdir(parents=True, exist_ok=True)
        self._notes = (self._current / _NOTES).open("a")
        self._noted = set()

    def note(self, path: str | Path | None) -> None:
        """Keep the content of a file that is about to change, be replaced or be deleted."""
        if path is None or self._current is None or self._notes is None:
            return
        name = os.path.relpath(path, self._objects)
        if name in self._noted:
            return
        kept = str(len(self._noted))
        self._noted.add(name)
        try:
            os.link(path, self._current / kept)
        except FileNotFoundError:
            kept = ""
        self._notes.write(json.dumps([name, kept]) + "\n")
        self._notes.flush()

    def undo(self, number: int) -> int:
        """Take the files back to a snapshot, and return how many have changed.

        After a kill at any point, doing it again ends in the same state.
        """
        changed = set()
        newest_first = sorted(self._segments(), reverse=True)
        for segment in newest_first:
            if segment >= number:
                directory = self._log / str(segment)
                for name, kept in reversed(list(_notes(directory))):
                    changed.add(name)
                    self._restore(self._objects / name, directory / kept if kept else None)
        # without an older segment, a newer one could delete what the older one restored
        for segment in newest_first:
            shutil.rmtree(self._log / str(segment), ignore_errors=True)
        shutil.rmtree(self._log, ignore_errors=True)
        return len(changed)

    def sync(self, number: int) -> None:
        """Make the changes between a snapshot and the next one survive a loss of power."""
        directories = set()
        for name, _ in _notes(self._log / str(number)):
            path = self._objects / name
            with contextlib.suppress(FileNotFoundError):
                sync(path)
            directories.add(path.parent)
        for directory in directories:
            with contextlib.suppress(FileNotFoundError):
                sync(directory)

    def forget(self, before: int) -> None:
        """Delete the changes since snapshots that are not kept any more."""
        for segment in self._segments():
            if segment < before:
                shutil.rmtree(self._log / str(segment), ignore_errors=True)

    def _segments(self) -> list[int]:
        if not self._log.exists():
            return []
        return [int(path.name) for path in self._log.iterdir() if path.name.isdecimal()]

    def _restore(self, path: Path, kept: Path | None) -> None:
        if kept is None:
            path.unlink(missing_ok=True)
            return
        if kept.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # the kept file stays, for another run after a kill
            link = self._log / "restored"
            link.unlink(missing_ok=True)
            os.link(kept, link)
            link.replace(path)


def install(log: ObjectLog) -> None:
    """Log each change that ministack makes to the files of objects."""
    from ministack.services import s3

    write, remove = s3._atomic_write, s3._remove_key_files
    delete_version, delete_bucket = s3._delete_version_file, s3._delete_persisted_bucket

    def note_file(path: str | Path | None) -> None:
        if path is not None and Path(path).is_file():
            log.note(path)

    def logged_write(path: str, data: Any, **options: Any) -> None:
        log.note(path)
        write(path, data, **options)

    def logged_remove(path: str | None) -> None:
        if path is not None:
            note_file(path)
            note_file(f"{path}.meta.json")
        remove(path)

    def logged_delete_version(bucket: str, key: str, version: str) -> None:
        note_file(s3._version_disk_path(bucket, key, version))
        delete_version(bucket, key, version)

    def logged_delete_bucket(name: str) -> None:
        if name:
            for path in Path(s3.DATA_DIR, s3.get_account_id(), name).rglob("*"):
                note_file(path)
        delete_bucket(name)

    s3._atomic_write = logged_write
    s3._remove_key_files = logged_remove
    s3._delete_version_file = logged_delete_version
    s3._delete_persisted_bucket = logged_delete_bucket


def _notes(directory: Path) -> Iterator[tuple[str, str]]:
    """Yield the changed files of a segment; the last line may have been cut off by a kill."""
    try:
        lines = (directory / _NOTES).read_text().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        with contextlib.suppress(ValueError):
            name, kept = json.loads(line)
            yield name, kept
