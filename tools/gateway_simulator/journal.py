"""An append-only file of JSON lines that survives a `kill -9`."""

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from gateway_simulator.errors import Json


class JournalError(Exception):
    """The journal cannot be used; the message states the reason."""


class Journal:
    """A file with one JSON object per line, which is on disk when `append` returns.

    Parameters
    ----------
    path
        File of the journal; it is created, with its directory, if it does not exist.

    Raises
    ------
    JournalError
        If another process uses the journal, or the file cannot be opened.
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
        # A new file survives a crash only if its directory entry is on disk, too.
        directory = os.open(path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        self._size = 0

    def replay(self) -> Iterator[Json]:
        """Yield every record, oldest first, and remove a last line that a crash left incomplete.

        Raises
        ------
        JournalError
            If a line before the last is damaged, which a crash of the simulator cannot cause.
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
        """Write one record to disk.

        Raises
        ------
        OSError
            If the record could not be written; the journal is then unchanged.
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
        """Close the file, so that another process can use it."""
        os.close(self._fd)


def _parse(line: bytes) -> Json | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
