"""Runs cfn-lint on templates that it has not accepted before."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shopctl.project.errors import ShopProblem

_WORKERS = 2


def run(paths: Iterable[Path], accepted: Path) -> Iterator[dict[str, Any]]:
    """Yield cfn-lint's matches for templates.

    Parameters
    ----------
    paths
        Files of the templates.
    accepted
        Directory that remembers the content of templates without matches.

    Raises
    ------
    ShopProblem
        If cfn-lint cannot be run.
    """
    new = {path: mark for path in paths if not (mark := accepted / _digest(path)).exists()}
    # each process checks a part of the templates, since starting cfn-lint takes longest
    groups = [[*new][number::_WORKERS] for number in range(_WORKERS)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        for matches in pool.map(check, groups):
            for match in matches:
                new.pop(Path(match["Filename"]), None)
                yield match
    accepted.mkdir(parents=True, exist_ok=True)
    for mark in new.values():
        mark.touch()


def check(paths: list[Path]) -> list[dict[str, Any]]:
    """Run one process of cfn-lint and return its matches.

    Raises
    ------
    ShopProblem
        If cfn-lint cannot be run.
    """
    if not paths:
        return []
    # cfn-lint has no __main__, and its script may not be in PATH
    start = "import sys; from cfnlint.runner import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "--format", "json", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stderr.strip() and not done.stdout.strip():
        last = done.stderr.strip().splitlines()[-1]
        raise ShopProblem(f"cfn-lint failed: {last}.", "Run ./shop check again.")
    matches: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return matches


def _digest(path: Path) -> str:
    content = f"{version('cfn-lint')}\0{path.read_text()}"
    return hashlib.sha256(content.encode()).hexdigest()
