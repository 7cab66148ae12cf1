"""The events and operations of a checkout's contracts, for code that is generated against them.

Run as a process of its own, so that the contracts of that checkout are imported and no others:
``python -m shopctl.scaffolding.published_language APPS`` prints JSON.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from shopctl.project import manifest
from shopctl.project.errors import ShopProblem
from shopctl.project.layout import Layout


class TypeName(msgspec.Struct, frozen=True):
    """A type of the contracts: its module and name."""

    module: str
    name: str


class Event(msgspec.Struct, frozen=True):
    """An event type: the name of its constant, who emits it, and the type of its data."""

    constant: str
    emitter: str
    data: TypeName


class Operation(msgspec.Struct, frozen=True):
    """An operation of a service's API.

    Attributes
    ----------
    constant
        Its name in the contract module.
    method, path
        As in the contract.
    query, body, answer
        Its types; ``None`` if it has none, or none that is a class.
    has_body
        Whether it takes a body of any type.
    needs_precondition
        Whether it requires ``If-Match``.
    """

    constant: str
    method: str
    path: str
    query: TypeName | None
    body: TypeName | None
    answer: TypeName | None
    has_body: bool
    needs_precondition: bool


class PublishedLanguage(msgspec.Struct, frozen=True):
    """All event types by name, the operations of each service, and the contract modules.

    Attributes
    ----------
    events
        Event types by their full name, such as ``shop.order.placed.v1``.
    operations
        Operations by service and name.
    modules
        Contract module of each service, without ``contracts.``.
    """

    events: dict[str, Event]
    operations: dict[str, dict[str, Operation]]
    modules: dict[str, str]


def read(layout: Layout) -> PublishedLanguage:
    """Return the events and operations of a checkout.

    Raises
    ------
    ShopProblem
        If the contracts cannot be imported.
    """
    sources = [layout.root / "libs" / lib / "src" for lib in ("contracts", "chassis")]
    done = subprocess.run(
        [sys.executable, "-m", "shopctl.scaffolding.published_language", str(layout.apps)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*sources, layout.tools]))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ShopProblem(
            f"The contracts cannot be imported: {reason.rstrip('.')}.", "Repair libs/contracts."
        )
    return msgspec.json.decode(done.stdout, type=PublishedLanguage)


def _describe(apps: Path) -> PublishedLanguage:
    events = importlib.import_module("contracts.events")
    paths = sorted(apps.glob("*/service.toml"))
    manifests = {path.parent.name: manifest.read(path) for path in paths}
    modules = {name: importlib.import_module(each.api) for name, each in manifests.items()}
    return PublishedLanguage(
        events={
            kind.name: Event(constant, kind.source.lstrip("/"), _required(kind.data))
            for constant, kind in vars(events).items()
            if isinstance(kind, events.EventType)
        },
        operations={
            name: {
                each.name: _operation(constant, each)
                for constant, each in vars(module).items()
                if any(each is known for known in module.OPERATIONS)
            }
            for name, module in modules.items()
        },
        modules={name: each.api.partition(".")[2] for name, each in manifests.items()},
    )


def _operation(constant: str, operation: Any) -> Operation:
    return Operation(
        constant=constant,
        method=operation.method,
        path=operation.path,
        query=_type_name(operation.query),
        body=_type_name(operation.body),
        answer=_type_name(operation.answer),
        has_body=operation.body is not None,
        needs_precondition=any(header.name == "If-Match" for header in operation.headers),
    )


def _type_name(kind: Any) -> TypeName | None:
    if isinstance(kind, type) and kind.__module__.startswith("contracts."):
        return TypeName(kind.__module__, kind.__name__)
    return None


def _required(kind: Any) -> TypeName:
    found = _type_name(kind)
    assert found is not None, kind
    return found


if __name__ == "__main__":
    print(json.dumps(msgspec.to_builtins(_describe(Path(sys.argv[1])))))
