"""The released contracts, stored in ``libs/contracts/snapshots``.

``./shop contracts --write`` adds compatible changes, ``./shop contracts --retire`` removes a
contract. The git history of the files is the history of the contracts.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from shopctl.contracts import apis, events
from shopctl.contracts.changes import Change, merged
from shopctl.contracts.documents import text_of
from shopctl.contracts.wire import Contract, Contracts
from shopctl.project.errors import ShopProblem

FOLDER = Path("libs/contracts/snapshots")


def load(root: Path) -> dict[str, Contract]:
    """Return the released contracts, by name.

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
                "Restore the file from the last release: ./shop contracts writes it.",
            ) from None
    return found


def save(root: Path, contracts: Contracts) -> None:
    """Write the snapshots of some contracts and leave all others as they are."""
    for name, contract in contracts.items():
        path = path_of(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text_of(contract), encoding="utf-8")


def delete(root: Path, name: str) -> None:
    """Delete the snapshot of a contract."""
    path_of(root, name).unlink()


def path_of(root: Path, name: str) -> Path:
    """Return the file of a contract's snapshot."""
    # not `with_suffix`, which would replace the version of an event type
    return root / FOLDER / f"{name}.json"


def changes(old: Contracts, new: Contracts) -> list[Change]:
    """Return the changes from the released to the current contracts."""
    return list(merged(_changes(old, new)))


def _changes(old: Contracts, new: Contracts) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        kind, _, what = name.partition("/")
        if name not in new:
            users = "its callers" if kind == "apis" else "its consumers"
            yield Change(name, (), what, "was removed", (users,))
        elif name not in old:
            yield Change(name, (), what, "was added")
        elif kind == "apis":
            yield from apis.changes(name, old[name], new[name])
        else:
            yield from events.changes(name, old[name], new[name])
