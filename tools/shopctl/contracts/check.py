"""Whether the committed documents are true, and nobody is let down by what has changed."""

from collections.abc import Iterator
from pathlib import Path

from shopctl.contracts import documents, snapshots, sources, wire
from shopctl.contracts.changes import Change
from shopctl.contracts.wire import Promises
from shopctl.project import manifest
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding

WRITE = "./shop contracts --write"
_REFRESH = f"{WRITE} refreshes it."
_FREEZE = f"{WRITE} freezes it."
_BESIDE = (
    "Leave it as it was and serve the new version beside it: "
    "an event type .v2, an operation under a new path (docs/contracts.md)."
)
_RETIRE = "Put it back, or end it once nobody uses it: ./shop contracts --retire {name}."


def check(root: Path) -> Iterator[Finding]:
    """Yield what is wrong with the contracts of a checkout.

    Raises
    ------
    ShopProblem
        If the contracts cannot be described or a snapshot cannot be read.
    """
    generated = documents.generated(root)
    for drift in documents.drifts(root, generated):
        yield Finding(Path(drift.path), drift.line, f"{drift.path} {drift.what}.", _REFRESH)
    new = wire.promises(generated)
    for change in snapshots.changes(snapshots.load(root), new):
        yield _finding(root, change, new)


def release(root: Path) -> list[Change]:
    """Refresh the documents, freeze what is new and return it.

    Raises
    ------
    ShopProblem
        If a change is breaking; nothing is written then.
    """
    generated = documents.generated(root)
    new = wire.promises(generated)
    changes = snapshots.changes(snapshots.load(root), new)
    if broken := [str(_finding(root, change, new)) for change in changes if change.breaking]:
        raise ShopProblem("\n".join(broken), "\nNothing was written.")
    documents.write(root, generated)
    snapshots.freeze(root, new)
    return changes


def retire(root: Path, name: str) -> None:
    """End a promise that the code no longer makes and that nobody relies on.

    Parameters
    ----------
    name
        An event type, ``<service>.<operation>``, or a service whose whole API goes.

    Raises
    ------
    ShopProblem
        If it is not frozen, is still there, or a manifest says that somebody uses it.
    """
    frozen, new = snapshots.load(root), wire.promises(documents.generated(root))
    if users := _users(root, name):
        raise ShopProblem(
            f"{name} is still used by {', '.join(users)}.",
            "Take it out of their code and service.toml first.",
        )
    if f"events/{name}" in frozen:
        _end(root, f"events/{name}", name, new)
        return
    service, _, operation = name.partition(".")
    promise = f"apis/{service}"
    if promise in frozen and not operation:
        _end(root, promise, name, new)
        return
    old = frozen.get(promise)
    if old is None or operation not in _operation_names(old["paths"]):
        raise ShopProblem(
            f"{name} is not a released event type, API or operation.",
            f"{snapshots.FOLDER} holds what is; an operation is named <service>.<operationId>.",
        )
    if operation in _operation_names(new.get(promise, {"paths": {}})["paths"]):
        raise _still_there(name)
    for path, methods in list(old["paths"].items()):
        for method, described in list(methods.items()):
            if described["operationId"] == operation:
                del methods[method]
        if not methods:
            del old["paths"][path]
    snapshots.freeze(root, {promise: old})


def _end(root: Path, promise: str, name: str, new: Promises) -> None:
    if promise in new:
        raise _still_there(name)
    snapshots.forget(root, promise)


def _still_there(name: str) -> ShopProblem:
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


def _operation_names(paths: Promises) -> set[str]:
    return {
        operation["operationId"] for methods in paths.values() for operation in methods.values()
    }


def _finding(root: Path, change: Change, new: Promises) -> Finding:
    kind, _, name = change.promise.partition("/")
    place = _place(root, change, new) or sources.Place(
        snapshots.path_of(root, change.promise).relative_to(root).as_posix(), 1
    )
    if not change.breaking:
        remedy = _FREEZE
    elif change.what != "was removed" or "/" in change.path.partition(" ")[0]:
        remedy = _BESIDE
    else:
        remedy = _RETIRE.format(name=name if kind == "events" else f"{name}[.<operation>]")
    return Finding(Path(place.file), place.line, f"{change}.", remedy)


def _place(root: Path, change: Change, new: Promises) -> sources.Place | None:
    """Return the nearest definition: of the field or type, else of the operation or event."""
    kind, _, name = change.promise.partition("/")
    if kind == "events":
        return sources.find(root, change.path) or sources.find(root, name)
    declared = root / "apps" / name / "service.toml"
    module = manifest.read(declared).api.rpartition(".")[2] if declared.exists() else ""
    method, _, path = (change.places[0] if change.places else change.path).partition(" ")
    operations = new.get(change.promise, {"paths": {}})["paths"].get(path.partition(" ")[0], {})
    operation = operations.get(method.lower(), {}).get("operationId", "")
    return sources.find(root, change.path, module) or sources.find(root, operation, module)
