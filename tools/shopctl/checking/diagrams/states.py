"""State machines, read from the code of the domains: initial states and transitions."""

import ast
from collections.abc import Iterator

from shopctl.checking.diagrams.drawing import Arrow, Diagram
from shopctl.checking.service_source import ServiceSource
from shopctl.project.source import called

_ALLOWED = "ALLOWED"
_MOVE = "moved_to"


def machine_of(service: ServiceSource) -> Diagram | None:
    """Return the diagram of a service's state machine; None if it has none.

    ``ALLOWED`` in `domain.py` has the transitions. A status is an initial one if a function returns
    a new entity with it. Only ``moved_to`` changes the status of an entity.
    """
    for module in service.modules:
        if module.name.rpartition(".")[2] == "domain":
            allowed = _allowed(module.tree)
            return _drawn(module.tree, allowed) if allowed else None
    return None


def _allowed(tree: ast.Module) -> dict[str, list[str]]:
    for node in tree.body:
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and node.target.id == _ALLOWED
            and isinstance(node.value, ast.Dict)
        ):
            return {
                status: _texts(following)
                for key, following in zip(node.value.keys, node.value.values, strict=True)
                for status in (_texts(key) if key else [])
            }
    return {}


def _drawn(tree: ast.Module, allowed: dict[str, list[str]]) -> Diagram:
    drawn = Diagram({"begin": ("begin", "external")})
    for status, following in allowed.items():
        drawn.nodes[status] = (status, "box" if following else "external")
    creators: dict[str, list[str]] = {}
    movers: dict[str, tuple[str, ...]] = {}
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef) or function.name.startswith("_"):
            continue
        label = function.name.replace("_", " ")
        for name, status in _returned(function, allowed):
            if name == _MOVE:
                movers[status] = (label,)
            else:
                creators.setdefault(status, []).append(label)
    for status, labels in creators.items():
        drawn.arrows.append(Arrow("begin", status, tuple(labels)))
    for status, following in allowed.items():
        for after in sorted(following, key=list(allowed).index):
            drawn.arrows.append(Arrow(status, after, movers.get(after, ())))
    return drawn


def _returned(
    function: ast.FunctionDef, allowed: dict[str, list[str]]
) -> Iterator[tuple[str, str]]:
    """Yield the calls that a function returns with a status: name of the called, and status."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Call):
            values = [*node.value.args, *(keyword.value for keyword in node.value.keywords)]
            for value in values:
                if isinstance(value, ast.Constant) and value.value in allowed:
                    yield called(node.value), str(value.value)


def _texts(node: ast.AST) -> list[str]:
    return [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
