"""The committed documents under ``docs``, and whether they still say what the code does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shopctl.project.errors import ShopProblem

Documents = Mapping[str, dict[str, Any]]


class Drift(NamedTuple):
    """A committed document that is not what the code says.

    ``path`` is relative to the checkout; ``line`` is the first that differs.
    """

    path: str
    line: int
    what: str


def generated(root: Path) -> Documents:
    """Return what the code of a checkout says, by path below ``docs``.

    Raises
    ------
    ShopProblem
        If the contracts cannot be imported.
    """
    sources = [root / "libs" / lib / "src" for lib in ("contracts", "chassis")]
    tools = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "shopctl.contracts.generate", str(root / "apps")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*sources, tools]))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ShopProblem(
            f"The contracts cannot be described: {why.rstrip('.')}.",
            "Mend libs/contracts or the manifest that it names.",
        )
    documents: Documents = json.loads(done.stdout)
    return documents


def text_of(document: Mapping[str, Any]) -> str:
    """Return a document as its file holds it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def drifts(root: Path, documents: Documents) -> Iterator[Drift]:
    """Yield the committed documents that differ from the generated ones."""
    for name, document in documents.items():
        path = root / "docs" / name
        if not path.exists():
            yield Drift(f"docs/{name}", 1, "is missing")
        elif line := _first_difference(path.read_text(encoding="utf-8"), text_of(document)):
            yield Drift(f"docs/{name}", line, "is not what the code says")
    for path in _orphans(root, documents):
        yield Drift(path.relative_to(root).as_posix(), 1, "describes an API that is not there")


def write(root: Path, documents: Documents) -> None:
    """Make the committed documents those of the code."""
    for path in _orphans(root, documents):
        path.unlink()
    for name, document in documents.items():
        path = root / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(document), encoding="utf-8")


def _orphans(root: Path, documents: Documents) -> list[Path]:
    docs = root / "docs"
    return [
        path
        for path in sorted(docs.glob("openapi/*.json"))
        if path.relative_to(docs).as_posix() not in documents
    ]


def _first_difference(old: str, new: str) -> int:
    """Return the number of the first line that differs, 0 if none does."""
    if old == new:
        return 0
    lines = zip(old.splitlines(), new.splitlines(), strict=False)
    same = 0
    for before, after in lines:
        if before != after:
            break
        same += 1
    return same + 1
