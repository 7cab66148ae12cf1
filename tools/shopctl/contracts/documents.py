"""The committed documents of APIs and events, and whether they match the code."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shopctl.contracts import event_page
from shopctl.project.errors import ShopProblem

Documents = Mapping[str, dict[str, Any]]


class Drift(NamedTuple):
    """A committed document that differs from the code.

    Attributes
    ----------
    path
        Path relative to the checkout.
    line
        Number of the first line that differs.
    what
        Description, such as ``is missing``.
    """

    path: str
    line: int
    what: str


def generated(root: Path) -> Documents:
    """Generate the documents from the code of a checkout, by path below ``docs``.

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
        why = (done.stderr.strip().splitlines() or ["no error message"])[-1]
        raise ShopProblem(
            f"The contracts cannot be described: {why.rstrip('.')}.",
            "Correct libs/contracts or the manifest that it names.",
        )
    documents: Documents = json.loads(done.stdout)
    return documents


def text_of(document: Mapping[str, Any]) -> str:
    """Return the content of a document's file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def drifts(root: Path, documents: Documents) -> Iterator[Drift]:
    """Yield the committed documents that differ from the generated ones."""
    for name, text in _files(documents).items():
        path = root / name
        if not path.exists():
            yield Drift(name, 1, "is missing")
        elif line := first_difference(path.read_text(encoding="utf-8"), text):
            yield Drift(name, line, "does not match the code")
    for path in _orphans(root, documents):
        yield Drift(path.relative_to(root).as_posix(), 1, "describes an API that does not exist")


def write(root: Path, documents: Documents) -> None:
    """Write the documents, and delete those of APIs that no longer exist."""
    for path in _orphans(root, documents):
        path.unlink()
    for name, text in _files(documents).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _files(documents: Documents) -> dict[str, str]:
    """Return the contents of all files by path: the documents, and the website's pages of them."""
    events = documents["asyncapi.json"]
    return {
        **{f"docs/{name}": text_of(document) for name, document in documents.items()},
        # the storefront serves its OpenAPI document itself
        "web/docs/asyncapi.json": text_of(events),
        "web/docs/events.html": event_page.render(events),
    }


def _orphans(root: Path, documents: Documents) -> list[Path]:
    docs = root / "docs"
    return [
        path
        for path in sorted(docs.glob("openapi/*.json"))
        if path.relative_to(docs).as_posix() not in documents
    ]


def first_difference(old: str, new: str) -> int:
    """Return the number of the first line that differs; 0 for equal texts."""
    if old == new:
        return 0
    lines = zip(old.splitlines(), new.splitlines(), strict=False)
    same = 0
    for before, after in lines:
        if before != after:
            break
        same += 1
    return same + 1
