"""Takes a stopped simulator back: `python -m gateway_simulator.cut --state DIRECTORY --size N`."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from gateway_simulator import ledger
from gateway_simulator.errors import Json
from gateway_simulator.journal import Journal, JournalError
from gateway_simulator.store import JOURNAL


def cut(directory: Path, size: int) -> Json:
    """Move the end of the journal to a file beside it.

    Parameters
    ----------
    directory
        Directory of the journal.
    size
        Number of bytes to keep; a line that begins before is kept whole.

    Returns
    -------
    dict
        ``file`` that keeps what was cut off, or ``None`` if nothing was, and ``ledger``, the
        charges and refunds that were attempted or changed in it.

    Raises
    ------
    JournalError
        If a simulator uses the journal.
    """
    path = directory / JOURNAL
    journal = Journal(path)
    try:
        with path.open("rb") as lines:
            lines.seek(max(0, size - 1))
            if size:
                # ends at once if the size is the end of a line
                lines.readline()
            end = lines.tell()
            removed = lines.read()
        if not removed:
            return {"file": None, "ledger": []}
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        kept = _unused(path.with_name(f"cut-{now}.jsonl"))
        with kept.open("xb") as file:
            file.write(removed)
            file.flush()
            os.fsync(file.fileno())
        os.truncate(path, end)
    finally:
        journal.close()
    return {"file": str(kept), "ledger": _entries(removed)}


def _unused(path: Path) -> Path:
    number = 1
    while path.exists():
        number += 1
        path = path.with_stem(f"{path.stem.partition('.')[0]}.{number}")
    return path


def _entries(removed: bytes) -> list[Json]:
    entries: dict[str, Json] = {}
    for line in removed.splitlines():
        try:
            entries.update(json.loads(line)["put"].get(ledger.TABLE, {}))
        except ValueError:
            # only the last line can be incomplete
            break
    return [ledger.entry_of(row) for row in entries.values()]


def main(arguments: list[str] | None = None) -> int:
    """Cut a journal and print what was cut off as JSON.

    Parameters
    ----------
    arguments
        Command-line arguments; by default, those of the process.

    Returns
    -------
    int
        Exit status: 0 if it was cut, 1 if it is in use.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="directory of the journal")
    parser.add_argument("--size", type=int, required=True, help="number of bytes to keep")
    options = parser.parse_args(arguments)
    try:
        print(json.dumps(cut(options.state, options.size)))
    except JournalError as error:
        print(f"gateway simulator: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
