"""Checks that the committed documents match the code, and that no change breaks others."""

from collections.abc import Iterator
from pathlib import Path

from shopctl.contracts import documents, snapshots, sources, wire
from shopctl.contracts.changes import Change
from shopctl.contracts.client import files
from shopctl.contracts.wire import Contracts
from shopctl.project import manifest
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding

WRITE = "./shop contracts --write"
_REFRESH = f"Run {WRITE}."
_SAVE = f"Run {WRITE} to add it to the snapshots."
_ADD_VERSION = (
    "Undo the change and add a new version alongside the old one: "
    "an event type .v2, an operation under a new path (docs/contracts.md)."
)
_RETIRE = "Restore it, or, once nothing uses it, run ./shop contracts --retire {name}."


def check(root: Path) -> Iterator[Finding]:
    """Yield outdated documents and changes that are breaking or not in the snapshots.

    Raises
    ------
    ShopProblem
        If the documents cannot be generated or a snapshot cannot be read.
    """
    generated = documents.generated(root)
    for drift in (*documents.drifts(root, generated), *files.drifts(root, generated)):
        yield Finding(Path(drift.path), drift.line, f"{drift.path} {drift.what}.", _REFRESH)
    new = wire.contracts(generated)
    for change in snapshots.changes(snapshots.load(root), new):
        yield _finding(root, change, new)


def release(root: Path) -> list[Change]:
    """Update the documents, the client and the snapshots, and return the changes.

    Raises
    ------
    ShopProblem
        If a change is breaking; then nothing is written.
    """
    generated = documents.generated(root)
    new = wire.contracts(generated)
    changes = snapshots.changes(snapshots.load(root), new)
    if broken := [str(_finding(root, change, new)) for change in changes if change.breaking]:
        raise ShopProblem("\n".join(broken), "\nNothing was written.")
    documents.write(root, generated)
    files.write(root, generated)
    snapshots.save(root, new)
    return changes


def retire(root: Path, name: str) -> None:
    """Remove an API, operation or event type from the snapshots.

    Parameters
    ----------
    name
        An event type, ``<service>.<operation>``, or a service whose API is removed.

    Raises
    ------
    ShopProblem
        If it was never released, is still in the code, or is used according to a manifest.
    """
    released, new = snapshots.load(root), wire.contracts(documents.generated(root))
    if users := _users(root, name):
        raise ShopProblem(
            f"{name} is still used by {', '.join(users)}.",
            "Remove it from their code and service.toml first.",
        )
    if f"events/{name}" in released:
        _delete(root, f"events/{name}", name, new)
        return
    service, _, operation = name.partition(".")
    contract = f"apis/{service}"
    if contract in released and not operation:
        _delete(root, contract, name, new)
        return
    old = released.get(contract)
    if old is None or operation not in _operation_names(old["paths"]):
        raise ShopProblem(
            f"{name} is not a released event type, API or operation.",
            f"See {snapshots.FOLDER}; an operation is named <service>.<operationId>.",
        )
    if operation in _operation_names(new.get(contract, {"paths": {}})["paths"]):
        raise _still_in_code(name)
    for path, methods in list(old["paths"].items()):
        for method, described in list(methods.items()):
            if described["operationId"] == operation:
                del methods[method]
        if not methods:
            del old["paths"][path]
    snapshots.save(root, {contract: old})


def _delete(root: Path, contract: str, name: str, new: Contracts) -> None:
    if contract in new:
        raise _still_in_code(name)
    snapshots.delete(root, contract)


def _still_in_code(name: str) -> ShopProblem:
    return ShopProblem(f"{name} is still in the code.", "Remove it there first.")


def _users(root: Path, name: str) -> list[str]:
    service, _, operation = name.partition(".")
    users = []
    for path in sorted((root / "apps").glob("*/service.toml")):
        declared = manifest.read(path)
        called = declared.calls.get(service, ())
        if name in declared.events.listens or operation in called or (called and not operation):
            users.append(declared.name)
    return users


def _operation_names(paths: Contracts) -> set[str]:
    return {
        operation["operationId"] for methods in paths.values() for operation in methods.values()
    }


def _finding(root: Path, change: Change, new: Contracts) -> Finding:
    kind, _, name = change.contract.partition("/")
    place = _place(root, change, new) or sources.Place(
        snapshots.path_of(root, change.contract).relative_to(root).as_posix(), 1
    )
    if not change.breaking:
        remedy = _SAVE
    elif change.what != "was removed" or "/" in change.path.partition(" ")[0]:
        remedy = _ADD_VERSION
    else:
        remedy = _RETIRE.format(name=name if kind == "events" else f"{name}[.<operation>]")
    return Finding(Path(place.file), place.line, f"{change}.", remedy)


def _place(root: Path, change: Change, new: Contracts) -> sources.Place | None:
    """Return the nearest definition: of the field or type, else of the operation or event."""
    kind, _, name = change.contract.partition("/")
    if kind == "events":
        return sources.find(root, change.path) or sources.find(root, name)
    declared = root / "apps" / name / "service.toml"
    module = manifest.read(declared).api.rpartition(".")[2] if declared.exists() else ""
    method, _, path = (change.places[0] if change.places else change.path).partition(" ")
    operations = new.get(change.contract, {"paths": {}})["paths"].get(path.partition(" ")[0], {})
    operation = operations.get(method.lower(), {}).get("operationId", "")
    return sources.find(root, change.path, module) or sources.find(root, operation, module)
