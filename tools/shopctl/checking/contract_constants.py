"""The operations and event types that the modules of `libs/contracts` define."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shopctl.project.source import Module, called, text_of


@dataclass(frozen=True)
class Operation:
    """An operation of an API.

    Attributes
    ----------
    module
        Dotted name of the contract that defines it.
    """

    module: str
    name: str
    method: str
    path: str


def operations(contracts: Iterable[Module]) -> dict[str, Operation]:
    """Return every operation by the dotted name of its constant."""
    return {
        dotted: Operation(
            module,
            text_of(call, "name") or "",
            text_of(call, "method") or "",
            text_of(call, "path") or "",
        )
        for module, dotted, call in _constants(contracts, "Operation")
    }


def event_types(contracts: Iterable[Module]) -> dict[str, str]:
    """Return the name of every event type by the dotted name of its constant."""
    return {
        dotted: text_of(call, "name", 0) or ""
        for _, dotted, call in _constants(contracts, "EventType")
    }


def _constants(contracts: Iterable[Module], kind: str) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield the constants of a class: module, dotted name and constructor call."""
    for module in contracts:
        for node in module.tree.body:
            value = getattr(node, "value", None)
            if not isinstance(value, ast.Call) or called(value) != kind:
                continue
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]  # type: ignore[attr-defined]
            for target in targets:
                if isinstance(target, ast.Name):
                    yield module.name, f"{module.name}.{target.id}", value
