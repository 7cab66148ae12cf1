"""Finds, reads and follows the log files of processes and functions."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from shopctl.project import aws_names
from shopctl.project.errors import ShopProblem

_POLL_SECONDS = 0.2


def files(directory: Path, name: str | None) -> list[Path]:
    """Find the log files of a service or process, or all of them.

    Parameters
    ----------
    directory
        The directory of the log files.
    name
        The service's or process's name; ``None`` finds all.

    Raises
    ------
    ShopProblem
        If a name is given and has no log file.
    """
    prefix = aws_names.resource("local", name or "") + "-"
    found = sorted(
        path
        for path in directory.glob("*.log")
        if not name or path.stem == name or path.stem.startswith(prefix)
    )
    if name and not found:
        raise ShopProblem(
            f"There is no log of {name}.",
            "Name a service (orders, payments, …) or a process (aws, gateway, edge).",
        )
    return found


def last_lines(path: Path, count: int) -> list[str]:
    """Read the last lines of a file."""
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]


def follow(find: Callable[[], list[Path]]) -> Iterator[tuple[Path, str]]:
    """Yield each line that is appended from now on, with its file; never ends."""
    positions = {path: path.stat().st_size for path in find()}
    while True:
        for path in find():
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(positions.get(path, 0))
                for line in file:
                    yield path, line.rstrip("\n")
                positions[path] = file.tell()
        time.sleep(_POLL_SECONDS)


def label(path: Path) -> str:
    """Return the name of a log: its process, or its service and function."""
    return path.stem.removeprefix(aws_names.resource("local", ""))
