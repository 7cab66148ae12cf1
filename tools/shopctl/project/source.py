"""Python modules as syntax trees: their imports, and what their names refer to."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One import.

    Attributes
    ----------
    target
        Dotted name of what is imported.
    line
        Line of the import.
    """

    target: str
    line: int

    def is_in(self, package: str) -> bool:
        """Return whether it imports a package or something in it."""
        return self.target == package or self.target.startswith(f"{package}.")


@dataclass(frozen=True)
class Module:
    """A module of the repository.

    Attributes
    ----------
    name
        Dotted name that it is imported by.
    path
        Its file.
    """

    name: str
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Its imports, anywhere in the file."""
        found = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [Import(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                found += [Import(f"{base}.{alias.name}", node.lineno) for alias in node.names]
        return tuple(found)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parents = self.name.split(".")[: -node.level]
        return ".".join([*parents, *([node.module] if node.module else [])])

    @cached_property
    def names(self) -> dict[str, str]:
        """Dotted names of what its imported names refer to."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{self._base(node)}.{alias.name}"
        return found

    def resolve(self, node: ast.expr) -> str | None:
        """Return the dotted name that an expression such as ``api.PLACE`` refers to, if any."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.resolve(node.value)
            return f"{base}.{node.attr}" if base else None
        return None

    def calls(self, name: str) -> Iterator[ast.Call]:
        """Yield the calls of functions and methods with a name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and called(node) == name:
                yield node


def called(call: ast.Call) -> str:
    """Return the last part of the name of the called function."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def text_of(call: ast.Call, keyword: str, position: int | None = None) -> str | None:
    """Return an argument of a call that is a string literal; None for anything else."""
    found = [item.value for item in call.keywords if item.arg == keyword]
    if not found and position is not None and len(call.args) > position:
        found = [call.args[position]]
    for value in found:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None


def modules(directory: Path, prefix: str) -> tuple[Module, ...]:
    """Return the modules below a directory.

    Parameters
    ----------
    prefix
        Dotted name of the directory itself.
    """
    found = []
    for path in sorted(directory.rglob("*.py")):
        parts = path.relative_to(directory).with_suffix("").parts
        dotted = ".".join([prefix, *(part for part in parts if part != "__init__")])
        found.append(Module(dotted, path))
    return tuple(found)
