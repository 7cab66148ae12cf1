"""The promises that have been released, frozen in ``libs/contracts/snapshots``.

A promise moves forward when a compatible change of it is released, and ends only by hand
(``./shop contracts --retire``): the files' history is the history of the contracts.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from shopctl.contracts import apis, events
from shopctl.contracts.changes import Change, gathered
from shopctl.contracts.documents import text_of
from shopctl.contracts.wire import Promise, Promises
from shopctl.project.errors import ShopProblem

FOLDER = Path("libs/contracts/snapshots")


def load(root: Path) -> dict[str, Promise]:
    """Return what has been released, by name.

    Raises
    ------
    ShopProblem
        If a snapshot is not JSON.
    """
    folder = root / FOLDER
    found = {}
    for path in sorted(folder.glob("*/*.json")):
        name = path.relative_to(folder).as_posix().removesuffix(".json")
        try:
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise ShopProblem(
                f"{FOLDER / path.relative_to(folder)} is not JSON.",
                "Take the file from the last release; it is not to be edited.",
            ) from None
    return found


def freeze(root: Path, promises: Promises) -> None:
    """Make the snapshots these promises, and leave those that are not among them."""
    for name, promise in promises.items():
        path = path_of(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(promise), encoding="utf-8")


def forget(root: Path, name: str) -> None:
    """End a promise: an API or an event type."""
    path_of(root, name).unlink()


def path_of(root: Path, name: str) -> Path:
    """Return the file of a promise."""
    # no `with_suffix`: it would take the version of an event type for a suffix
    return root / FOLDER / f"{name}.json"


def changes(old: Promises, new: Promises) -> list[Change]:
    """Return what has changed between what was promised and what is."""
    return list(gathered(_changes(old, new)))


def _changes(old: Promises, new: Promises) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        kind, _, what = name.partition("/")
        if name not in new:
            harmed = "its callers" if kind == "apis" else "its consumers"
            yield Change(name, (), what, "was removed", (harmed,))
        elif name not in old:
            yield Change(name, (), what, "was added")
        elif kind == "apis":
            yield from apis.changes(name, old[name], new[name])
        else:
            yield from events.changes(name, old[name], new[name])
