"""The line of code that defines a type, field, operation or event type of the contracts."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CONTRACTS = Path("libs/contracts/src/contracts")


class Place(NamedTuple):
    """A line of a file, whose path is relative to the checkout."""

    file: str
    line: int


def find(root: Path, name: str, module: str = "") -> Place | None:
    """Return the line that defines a type, field, operation or event type; None if none does.

    Parameters
    ----------
    root
        The checkout.
    name
        ``<type>/<field>`` (anything after the field is ignored), ``<type>``, the name of an
        operation or of an event type. If the type has no such field, the type is returned.
    module
        Module to search first.
    """
    what, _, rest = name.partition("/")
    field = rest.partition("/")[0]
    paths = sorted((root / CONTRACTS).glob("*.py"), key=lambda path: path.stem != module)
    for path in paths:
        for node in _definitions(ast.parse(path.read_text(encoding="utf-8")), what):
            line = _line_of_field(node, field) or node.lineno
            return Place(path.relative_to(root).as_posix(), line)
    return None


def _definitions(tree: ast.Module, name: str) -> Iterator[ast.expr | ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield node
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in _MAKERS:
            values = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "name")]
            if any(isinstance(value, ast.Constant) and value.value == name for value in values):
                yield node


def _line_of_field(node: ast.AST, field: str) -> int:
    for statement in getattr(node, "body", ()):
        if isinstance(statement, ast.AnnAssign) and getattr(statement.target, "id", "") == field:
            return statement.lineno
    return 0


_MAKERS = ("Operation", "EventType")
