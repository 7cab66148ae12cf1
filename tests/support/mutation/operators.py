"""Mutants of a module: copies of its syntax tree, each with one small fault."""

import ast
import copy
import hashlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_FOR_PEOPLE = {"description", "title", "examples", "example", "summary"}
"""Keywords whose values are documentation."""


_NEVER_MUTATED = ("annotation", "returns", "type_params", "decorator_list", "format_spec")
_NOT_MUTATED = {
    # what a class is declared with concerns types, or forbids what nobody does, such as frozen=True
    ast.ClassDef: ("bases", "keywords"),
}


@dataclass(frozen=True)
class Mutant:
    """A module with one fault.

    Attributes
    ----------
    path
        The file of the module, relative to the root of the repository.
    function
        The name of the innermost function or class around the fault; empty at the top.
    change
        The statement or expression before and after, as source code.
    first_line
        The first line of the outermost function, decorators included, which is also that of its
        code object; ``None`` if the module must be imported anew for the fault to take effect.
    line
        The line of the fault.
    """

    path: str
    function: str
    change: str
    first_line: int | None
    line: int
    code: CodeType

    @property
    def name(self) -> str:
        """A name that stays the same while the function does not change."""
        return f"{self.path} {self.function or '(module)'}: {self.change}"

    def rank(self, seed: int) -> str:
        """Return a key whose order is random, but the same for the same seed and name."""
        return hashlib.sha256(f"{seed} {self.name}".encode()).hexdigest()


@dataclass(frozen=True)
class _Place:
    """A node, and where its parent keeps it."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    function: str
    first_line: int | None

    def put(self, node: ast.AST | None) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        elif node is None:
            del getattr(self.parent, self.field)[self.index]
        else:
            getattr(self.parent, self.field)[self.index] = node


def mutants_of(root: Path, path: str) -> Iterator[Mutant]:
    """Generate all mutants of a module.

    Parameters
    ----------
    path
        The file of the module, relative to ``root``.
    """
    tree = ast.parse((root / path).read_text())
    closures = _closures(compile(tree, root / path, "exec"))
    seen: dict[str, int] = {}
    for place in _places(tree, "", None):
        for changed in _changes(place):
            before = _text(place.node)
            after = _text(changed) if changed is not None else "(removed)"
            change = f"`{before}` → `{after}`"
            key = f"{place.function} {change}"
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > 1:
                change += f" ({seen[key]})"
            place.put(changed and ast.copy_location(changed, place.node))
            code = compile(ast.fix_missing_locations(tree), root / path, "exec")
            if changed is None and place.index is not None:
                getattr(place.parent, place.field).insert(place.index, place.node)
            else:
                place.put(place.node)
            line = getattr(place.node, "lineno", 0)
            in_place = _closures(code).get(place.first_line) == closures.get(place.first_line)
            first_line = place.first_line if in_place else None
            yield Mutant(path, place.function, change, first_line, line, code)


def _closures(code: CodeType) -> dict[int | None, tuple[str, ...]]:
    """Return what each function takes from around it, such as the class for ``super()``."""
    return {each.co_firstlineno: each.co_freevars for each in functions_of(code)}


def functions_of(code: CodeType) -> Iterator[CodeType]:
    """Generate the code objects of all functions that are not inside of other functions."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if each.co_flags & inspect.CO_NEWLOCALS:
                yield each
            else:  # the body of a class
                yield from functions_of(each)


def first_line_of(function: ast.FunctionDef) -> int:
    """Return the first line of a function, decorators included, as its code object has it."""
    return min([function.lineno, *(each.lineno for each in function.decorator_list)])


def _text(node: ast.AST) -> str:
    """Return the source of an expression or simple statement, or how a block begins."""
    lines = ast.unparse(node).splitlines()
    return " ".join(line.strip() for line in lines[:2]) if len(lines) == 2 else lines[0]


def _places(parent: ast.AST, function: str, first_line: int | None) -> Iterator[_Place]:
    if isinstance(parent, ast.FunctionDef | ast.ClassDef):
        function = f"{function}.{parent.name}".lstrip(".")
    for field, value in ast.iter_fields(parent):
        if field in _NOT_MUTATED.get(type(parent), ()) or field in _NEVER_MUTATED:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _is_fixed(node):
                continue
            line = first_line
            # what else a function has, such as default values, is evaluated by an import
            if line is None and isinstance(parent, ast.FunctionDef) and field == "body":
                line = first_line_of(parent)
            yield _Place(parent, field, index, node, function, line)
            yield from _places(node, function, line)


def _is_fixed(node: ast.AST) -> bool:
    """Return whether a node has no mutants: imports, assertions for types, documentation."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assert():
            return True
        case ast.keyword(arg=name):
            return name in _FOR_PEOPLE
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
    return False


def _changes(place: _Place) -> Iterator[ast.AST | None]:
    """Generate what may stand in a node's place; ``None`` removes it."""
    match place.node:
        case ast.Compare(left=left, ops=[operator], comparators=comparators):
            for other in _COMPARISONS[type(operator)]:
                yield ast.Compare(left, [other()], comparators)
        case ast.Compare(left=left, ops=operators, comparators=comparators):
            for number, operator in enumerate(operators):
                for other in _COMPARISONS[type(operator)]:
                    changed = [*operators[:number], other(), *operators[number + 1 :]]
                    yield ast.Compare(left, changed, comparators)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for number in range(len(values)):
                rest = [*values[:number], *values[number + 1 :]]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=operator, right=right):
            if type(operator) in _ARITHMETIC and not _is_text(left) and not _is_text(right):
                yield ast.BinOp(left, _ARITHMETIC[type(operator)](), right)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.Constant) and not _is_not(test):
                changed_node = copy.deepcopy(place.node)
                changed_node.test = ast.UnaryOp(ast.Not(), test)  # type: ignore[union-attr]
                yield changed_node
        case ast.comprehension(ifs=[_, *_]):
            changed_node = copy.deepcopy(place.node)
            changed_node.ifs = []  # type: ignore[union-attr]
            yield changed_node
        case ast.Constant(value=value):
            yield from _constants(value)
        case ast.keyword(value=ast.Constant()):
            pass
        case ast.keyword(arg=str()) if isinstance(place.parent, ast.Call):
            if _calls_a_function(place.parent):
                yield None
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute()], value=ast.Name()):
            pass  # keeps an argument in __init__; without it, nothing works
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Delete():
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value):
            if not isinstance(value, ast.Constant | ast.Compare) and not _is_not(value):
                yield ast.Return(ast.Constant(None))
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.ExceptHandler(type=kind, name=name):
            if not isinstance(place.node.body[0], ast.Raise) or place.node.body[0].exc:
                yield ast.ExceptHandler(kind, name, [ast.Raise()])
            if isinstance(kind, ast.Tuple):
                for number in range(len(kind.elts)):
                    rest = [*kind.elts[:number], *kind.elts[number + 1 :]]
                    yield ast.ExceptHandler(ast.Tuple(rest, ast.Load()), name, place.node.body)


def _constants(value: object) -> Iterator[ast.AST]:
    match value:
        case bool():
            yield ast.Constant(not value)
        case int() | float():
            yield ast.Constant(value + 1)
        case str() if value and " " not in value:
            yield ast.Constant(f"{value}X")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_not(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def _calls_a_function(call: ast.Call) -> bool:
    """Return whether a call names a function; a class mostly requires what it is given."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else _text(call.func)
    return name[:1].islower()
