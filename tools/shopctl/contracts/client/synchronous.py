"""Generates the blocking classes of the client from the asynchronous ones.

Each method runs its asynchronous counterpart, so only the signatures exist twice.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from shopctl.contracts.client.schema_types import GENERATED, LINE

_MODELS = "toyshop_client.models"
_IMPORTS = {
    "collections.abc": ["Mapping", "Sequence"],
    "typing": ["Any"],
    "toyshop_client._io": ["completed"],
    "toyshop_client.paging": ["Items"],
}


def source(modules: Mapping[str, str]) -> str:
    """Return the text of the module.

    Parameters
    ----------
    modules
        The texts of the modules with the asynchronous classes, by name.
    """
    classes = "\n\n\n".join(
        _class(node, text) for text in modules.values() for node in _classes(ast.parse(text))
    )
    imported: dict[str, list[str]] = {
        **_IMPORTS,
        _MODELS: [],
        **{f"toyshop_client.{name}": [] for name in modules},
    }
    for name, text in modules.items():
        tree = ast.parse(text)
        imported[f"toyshop_client.{name}"] = [
            *_aliases(tree),
            *(one.name for one in _classes(tree)),
        ]
        imported[_MODELS] += _models(tree)
    lines = [_import(module, names, classes) for module, names in sorted(imported.items())]
    standard = [line for line in lines if line and "toyshop_client" not in line]
    ours = [line for line in lines if "toyshop_client" in line]
    return (
        f'"""What a shop offers, blocking.\n\n{GENERATED}\n"""\n\n'
        + "\n".join(standard)
        + "\n\n"
        + "\n".join(ours)
        + f"\n\n\n{classes}\n"
    )


def _classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name.startswith("Async")
    ]


def _aliases(tree: ast.Module) -> Iterator[str]:
    """Yield the names of types and other values that a module defines."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from (one.id for one in node.targets if isinstance(one, ast.Name))


def _models(tree: ast.Module) -> Iterator[str]:
    """Yield the models that a module imports."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == _MODELS:
            yield from (alias.name for alias in node.names)


def _import(module: str, names: Iterable[str], text: str) -> str:
    used = sorted(
        {name for name in names if re.search(rf"\b{name}\b", text)},
        key=lambda name: (not name[0].isupper(), name),
    )
    if not used:
        return ""
    line = f"from {module} import {', '.join(used)}"
    if len(line) <= LINE:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in used) + ")"


def _class(node: ast.ClassDef, text: str) -> str:
    name = node.name.removeprefix("Async")
    argument = name.lower()
    lines = [
        f"class {name}:",
        _docstring(node, text),
        "",
        f"    def __init__(self, {argument}: {node.name}) -> None:",
        f"        self._async = {argument}",
        *(
            f"        self.{attribute} = {kind}({argument}.{attribute})"
            for attribute, kind in _parts(node)
        ),
    ]
    for method in node.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name[0] != "_":
            lines += ["", *_method(method, text)]
    return "\n".join(lines)


def _parts(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield the attributes that are asynchronous objects, with the blocking class of each."""
    for statement in ast.walk(node):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            target, called = statement.targets[0], statement.value.func
            if isinstance(target, ast.Attribute) and isinstance(called, ast.Name):
                yield target.attr, called.id.removeprefix("Async")


def _method(method: ast.FunctionDef | ast.AsyncFunctionDef, text: str) -> Iterator[str]:
    is_property = bool(method.decorator_list)
    if is_property:
        yield "    @property"
    returned = ast.unparse(method.returns) if method.returns else "None"
    is_list = returned.startswith("AsyncItems[")
    yield _signature(method, returned.removeprefix("Async") if is_list else returned)
    yield _docstring(method, text)
    call = f"self._async.{method.name}"
    if is_property:
        yield f"        return {call}"
        return
    function = (
        "completed" if isinstance(method, ast.AsyncFunctionDef) else "Items" if is_list else ""
    )
    returns = "" if returned == "None" else "return "
    yield from _call(f"        {returns}", function, call, list(_passed(method.args)))


def _signature(method: ast.FunctionDef | ast.AsyncFunctionDef, returned: str) -> str:
    start = f"    def {method.name}("
    parameters = list(_parameters(method.args))
    line = f"{start}{', '.join(parameters)}) -> {returned}:"
    if len(line) <= LINE:
        return line
    inner = f"        {', '.join(parameters)}"
    # the formatter first tries all parameters in one line
    if len(inner) <= LINE and len(parameters) < 6:
        return f"{start}\n{inner}\n    ) -> {returned}:"
    lines = "".join(f"        {one},\n" for one in parameters)
    return f"{start}\n{lines}    ) -> {returned}:"


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    yield from (
        _parameter(one, default) for one, default in zip(arguments.args, defaults, strict=True)
    )
    if arguments.kwonlyargs:
        yield "*"
    yield from (
        _parameter(one, default)
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    )


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    if argument.annotation is None:
        return argument.arg
    text = f"{argument.arg}: {ast.unparse(argument.annotation)}"
    return text if default is None else f"{text} = {ast.unparse(default)}"


def _passed(arguments: ast.arguments) -> Iterator[str]:
    yield from (one.arg for one in arguments.args[1:])
    yield from (f"{one.arg}={one.arg}" for one in arguments.kwonlyargs)


def _call(start: str, function: str, call: str, arguments: list[str]) -> Iterator[str]:
    inner = f"{call}({', '.join(arguments)})"
    line = f"{start}{function}({inner})" if function else f"{start}{inner}"
    if len(line) <= LINE:
        yield line
        return
    yield f"{start}{function}("
    if len(f"            {inner}") <= LINE:
        yield f"            {inner}"
    else:
        yield f"            {call}("
        yield from (f"                {one}," for one in arguments)
        yield "            )"
    yield "        )"


def _docstring(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, text: str) -> str:
    """Return a docstring as it is written."""
    first = node.body[0]
    assert isinstance(first, ast.Expr)
    written = ast.get_source_segment(text, first)
    assert written
    return " " * first.col_offset + written
