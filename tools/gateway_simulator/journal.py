"""An append-only file of JSON lines that survives a `kill -9`."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from gateway_simulator.errors import Json


class JournalError(Exception):
    """The journal cannot be used; its message says why."""


class Journal:
    """One file, one JSON object a line, on the disk before `append` returns.

    Parameters
    ----------
    path
        The file; it and its folder are made when they are not there.

    Raises
    ------
    JournalError
        When another process has the journal open, or the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise JournalError(f"cannot open the journal {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise JournalError(f"another simulator is using the journal {path}") from error
        # The name of a new file is durable only once its folder is.
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        self._size = 0

    def replay(self) -> Iterator[Json]:
        """Yield every record, oldest first, and cut off a last line that was torn by a crash.

        Raises
        ------
        JournalError
            When a line before the last is damaged, which no crash of ours can do.
        """
        self._size = 0
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                record = _parse(line)
                if record is None:
                    if lines.read(1):
                        raise JournalError(f"line {number} of the journal {self._path} is damaged")
                    break
                self._size += len(line)
                yield record
        os.ftruncate(self._fd, self._size)

    def append(self, record: Json) -> None:
        """Write one record and wait until it is on the disk.

        Raises
        ------
        OSError
            When it could not be written; the journal is then as it was before.
        """
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        try:
            written = os.write(self._fd, line)
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes written to {self._path}")
            os.fsync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += len(line)

    def close(self) -> None:
        """Close the file and let another process have it."""
        os.close(self._fd)


def _parse(line: bytes) -> Json | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
