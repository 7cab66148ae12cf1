"""The log fields, metrics and span attributes in the code of the services and the chassis."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from support.paths import ROOT

_LEVELS = ("debug", "info", "warning", "error", "exception", "summary")
_ATTRIBUTE = re.compile(
    r"(aws|cloud|deployment|error|faas|http|messaging|peer|rpc|server|service|toyshop|url)\.[a-z0-9._]+"
)


class DocumentedMetric(NamedTuple):
    """A metric as the table has it."""

    name: str
    unit: str
    dimensions: tuple[str, ...]


def _nodes() -> Iterator[ast.AST]:
    for pattern in ("libs/chassis/src/**/*.py", "apps/*/chalicelib/**/*.py", "apps/*/app.py"):
        for path in sorted(ROOT.glob(pattern)):
            yield from ast.walk(ast.parse(path.read_text()))


def _calls_of_log(*names: str) -> Iterator[ast.Call]:
    for node in _nodes():
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=name)) if name in names:
                yield node


def fields() -> set[str]:
    """Return the names of the fields of all lines of the log."""
    found = {
        "level", "message", "time", "service", "stage", "function", "correlation_id",
        "trace_id", "span_id", "stack",
    }  # fmt: skip
    for call in _calls_of_log(*_LEVELS):
        found |= {keyword.arg for keyword in call.keywords if keyword.arg}
    for node in _nodes():
        match node:
            case ast.Subscript(
                value=ast.Attribute(attr="fields"), slice=ast.Constant(value=str(name))
            ):
                found.add(name)
    return found


def metrics() -> set[DocumentedMetric]:
    """Return all metrics, each with its unit and its own dimensions."""
    found = set()
    for call in _calls_of_log("metric"):
        name, *others = call.args
        assert isinstance(name, ast.Constant), ast.unparse(call)
        unit = ast.literal_eval(others[1]) if len(others) > 1 else "Count"
        dimensions = tuple(sorted(keyword.arg or "" for keyword in call.keywords))
        found.add(DocumentedMetric(name.value, unit, dimensions))
    return found


def attributes() -> set[str]:
    """Return the names of the attributes of spans and their resources."""
    found: set[str] = set()
    for node in _nodes():
        match node:
            case ast.Dict(keys=names):
                constants = names
            case ast.Subscript(slice=name):
                constants = [name]
            case ast.Assign(targets=[ast.Name()], value=value):
                constants = [value]
            case _:
                continue
        for constant in constants:
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                found.add(constant.value)
    return {text for text in found if _ATTRIBUTE.fullmatch(text)}
