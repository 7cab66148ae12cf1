"""What a function's handler reaches: an abstract run of an app's code, which reads and never runs.

Every constructor call in the bootstrap is one object, so that two consumers in one app are told
apart. A variable stands for the set of all values that it may hold; a container stands for the
values in it. What comes from outside (requests, settings, answers) stands for nothing. All branches
are taken. So the result is what a handler *may* do, and for code as plain as an app's that is what
it does; a call through ``getattr`` or a registry would be missed.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shopctl.checking.repository import App, Repository
from shopctl.project.source import Module

_RECORDS = ("chassis.records.Record", "pynamodb.models.Model")
_DYNAMODB = {
    "get": "GetItem",
    "batch_get": "BatchGetItem",
    "save": "PutItem",
    "delete": "DeleteItem",
    "update": "UpdateItem",
    "query": "Query",
    "scan": "Scan",
    "put_item": "PutItem",
    "get_item": "GetItem",
    "update_item": "UpdateItem",
    "delete_item": "DeleteItem",
    "transact_write_items": "TransactWriteItems",
}
# a container stands for what is in it, and so do these
_OF_CONTAINERS = ("items", "values", "get", "pop")
# what gives back what it is given, or holds it
_PASSING = (
    "cast",
    "dict",
    "filter",
    "iter",
    "list",
    "next",
    "partial",
    "reversed",
    "set",
    "sorted",
)
_DEPTH = 40


@dataclass(frozen=True)
class Use:
    """One call that leaves the process.

    Attributes
    ----------
    service
        As botocore names it, or the name of a neighbour.
    operation
        As botocore's method is called, or the dotted name of the neighbour's operation.
    path, line
        Where in the code.
    """

    service: str
    operation: str
    module: Module = field(compare=False)
    line: int = field(compare=False)
    is_neighbour: bool = False


@dataclass(frozen=True)
class _Class:
    name: str
    module: Module
    node: ast.ClassDef

    @property
    def methods(self) -> dict[str, ast.FunctionDef]:
        return {item.name: item for item in self.node.body if isinstance(item, ast.FunctionDef)}

    @property
    def fields(self) -> list[str]:
        return [
            item.target.id
            for item in self.node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        ]


@dataclass(eq=False)
class _Object:
    kind: _Class
    fields: dict[str, "Values"] = field(default_factory=dict)


@dataclass(frozen=True)
class _Function:
    module: Module
    node: "ast.FunctionDef | ast.Lambda"
    owner: "_Object | _Record | None" = None
    scope: "Scope | None" = field(default=None, compare=False)


@dataclass(frozen=True)
class _Client:
    service: str


@dataclass(frozen=True)
class _ClientMethod:
    service: str
    name: str


@dataclass(frozen=True)
class _Record:
    kind: _Class


@dataclass(frozen=True)
class _RecordMethod:
    kind: _Class
    name: str


@dataclass(frozen=True)
class _Text:
    value: str


@dataclass(frozen=True)
class _Package:
    name: str


@dataclass(frozen=True)
class _Tuple:
    items: "tuple[Values, ...]"


Value = (
    _Class
    | _Object
    | _Function
    | _Client
    | _ClientMethod
    | _Record
    | _RecordMethod
    | _Text
    | _Package
    | _Tuple
)
Values = frozenset[Value]
_NOTHING: Values = frozenset()


@dataclass(eq=False)
class Scope:
    """The variables of a function or module."""

    module: Module
    variables: dict[str, Values] = field(default_factory=dict)
    outer: "Scope | None" = None
    returned: Values = _NOTHING

    def find(self, name: str) -> Values | None:
        """Return what a variable may hold, or ``None`` if there is none of this name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.outer
        return None

    def add(self, name: str, values: Values) -> None:
        """Let a variable hold something more."""
        self.variables[name] = self.variables.get(name, _NOTHING) | values


class Reach:
    """Tells what the functions of an app reach.

    Parameters
    ----------
    repository
        Of the app, whose chassis is followed too.
    """

    def __init__(self, repository: Repository, app: App) -> None:
        self._modules = {module.name: module for module in (*app.modules, *repository.chassis)}
        self._globals: dict[str, Scope] = {}
        self._uses: set[Use] = set()
        self._seen: dict[tuple[object, ...], Values] = {}
        self._depth = 0
        self._entry = self._module_scope(app.entry)

    def uses(self, handlers: Iterable[ast.FunctionDef]) -> set[Use]:
        """Return what these entry points may call."""
        self._uses = set()
        self._seen = {}
        for handler in handlers:
            self._call_function(_Function(self._entry.module, handler, None, self._entry), [], {})
        return self._uses

    def _module_scope(self, module: Module) -> Scope:
        if module.name not in self._globals:
            scope = self._globals[module.name] = Scope(module)
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef):
                    scope.add(node.name, frozenset({_Class(node.name, module, node)}))
                elif isinstance(node, ast.FunctionDef):
                    scope.add(node.name, frozenset({_Function(module, node, None, scope)}))
            for node in module.tree.body:
                if isinstance(node, ast.Assign | ast.AnnAssign):
                    self._statement(node, scope)
        return self._globals[module.name]

    # statements

    def _block(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        for node in body:
            self._statement(node, scope)

    def _statement(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.FunctionDef):
            scope.add(node.name, frozenset({_Function(scope.module, node, None, scope)}))
        elif isinstance(node, ast.ClassDef):
            return
        elif isinstance(node, ast.Assign):
            values = self._value(node.value, scope)
            for target in node.targets:
                self._bind(target, values, scope)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            if node.value is not None:
                self._bind(node.target, self._value(node.value, scope), scope)
        elif isinstance(node, ast.Return):
            if node.value is not None:
                scope.returned |= self._value(node.value, scope)
        elif isinstance(node, ast.For):
            self._bind(node.target, self._value(node.iter, scope), scope)
            self._block([*node.body, *node.orelse], scope)
        elif isinstance(node, ast.With):
            for item in node.items:
                values = self._value(item.context_expr, scope)
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, values, scope)
            self._block(node.body, scope)
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    values = self._value(child, scope)
                    if isinstance(child, ast.Yield | ast.YieldFrom):
                        scope.returned |= values
                else:
                    self._statement(child, scope)

    def _bind(self, target: ast.expr, values: Values, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope.add(target.id, values)
        elif isinstance(target, ast.Attribute):
            for owner in self._value(target.value, scope):
                if isinstance(owner, _Object):
                    owner.fields[target.attr] = owner.fields.get(target.attr, _NOTHING) | values
        elif isinstance(target, ast.Tuple | ast.List):
            for position, item in enumerate(target.elts):
                self._bind(item, _at(values, position), scope)
        elif isinstance(target, ast.Subscript | ast.Starred):
            self._bind(target.value, values, scope)

    # expressions

    def _value(self, node: ast.expr, scope: Scope) -> Values:
        if isinstance(node, ast.Name):
            found = scope.find(node.id)
            return self._imported(scope.module.names.get(node.id)) if found is None else found
        if isinstance(node, ast.Attribute):
            return self._attribute(self._value(node.value, scope), node.attr)
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.Constant):
            return frozenset({_Text(node.value)}) if isinstance(node.value, str) else _NOTHING
        if isinstance(node, ast.Tuple):
            return frozenset({_Tuple(tuple(self._value(item, scope) for item in node.elts))})
        if isinstance(node, ast.Lambda):
            return frozenset({_Function(scope.module, node, None, scope)})
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if key is not None:
                    self._value(key, scope)
            return self._union(node.values, scope)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            inner = Scope(scope.module, {}, scope)
            for generator in node.generators:
                self._bind(generator.target, self._value(generator.iter, inner), inner)
                self._union(generator.ifs, inner)
            if isinstance(node, ast.DictComp):
                self._value(node.key, inner)
                return self._value(node.value, inner)
            return self._value(node.elt, inner)
        if isinstance(node, ast.NamedExpr):
            values = self._value(node.value, scope)
            self._bind(node.target, values, scope)
            return values
        if isinstance(node, ast.Compare):
            self._union([node.left, *node.comparators], scope)
            return _NOTHING
        # of all else (choices, containers, f-strings, …) the parts are evaluated
        return self._union(
            [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)], scope
        )

    def _union(self, nodes: Iterable[ast.expr], scope: Scope) -> Values:
        return frozenset().union(*(self._value(node, scope) for node in nodes))

    def _imported(self, dotted: str | None) -> Values:
        if dotted is None:
            return _NOTHING
        if dotted in self._modules:
            return frozenset({_Package(dotted)})
        module, _, name = dotted.rpartition(".")
        if dotted == "chassis.aws.client":
            return frozenset({_Package(dotted)})
        if module in self._modules:
            return self._module_scope(self._modules[module]).variables.get(name, _NOTHING)
        return _NOTHING

    def _attribute(self, owners: Values, name: str) -> Values:
        found: set[Value] = set()
        for owner in owners:
            if isinstance(owner, _Package):
                found |= self._imported(f"{owner.name}.{name}")
            elif isinstance(owner, _Client):
                found.add(_ClientMethod(owner.service, name))
            elif isinstance(owner, _Object):
                found |= self._member(owner, name)
            elif isinstance(owner, _Class):
                found |= self._class_member(owner, name)
            elif isinstance(owner, _Record):
                kind = self._definer(owner.kind, name)
                if kind is not None:
                    found.add(_Function(kind.module, kind.methods[name], owner, None))
                elif name in _DYNAMODB:
                    found.add(_RecordMethod(owner.kind, name))
                elif name.startswith("_get_connection") or not self._is_plain(owner, name):
                    found.add(owner)
        return frozenset(found)

    def _definer(self, kind: _Class, name: str) -> _Class | None:
        """Return which class defines a method of a record: its own, or one that it is built on."""
        bases = [
            value
            for base in kind.node.bases
            for value in self._imported(kind.module.resolve(base))
            if isinstance(value, _Class)
        ]
        return next((item for item in (kind, *bases) if name in item.methods), None)

    @staticmethod
    def _is_plain(record: _Record, name: str) -> bool:
        """Return whether an attribute of a record holds a value, and is not an index."""
        for item in record.kind.node.body:
            if isinstance(item, ast.Assign | ast.AnnAssign):
                targets = item.targets if isinstance(item, ast.Assign) else [item.target]
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    made = item.value.func if isinstance(item.value, ast.Call) else None
                    return isinstance(made, ast.Name) and made.id.endswith("Attribute")
        return True

    def _member(self, owner: _Object, name: str) -> Values:
        if name in owner.fields:
            return owner.fields[name]
        method = owner.kind.methods.get(name)
        if method is None:
            return _NOTHING
        function = _Function(owner.kind.module, method, owner, None)
        decorators = {item.id for item in method.decorator_list if isinstance(item, ast.Name)}
        if decorators & {"property", "cached_property"}:
            return self._call_function(function, [], {})
        return frozenset({function})

    def _class_member(self, owner: _Class, name: str) -> Values:
        if self._is_record(owner):
            return self._attribute(frozenset({_Record(owner)}), name)
        method = owner.methods.get(name)
        return frozenset({_Function(owner.module, method, None, None)}) if method else _NOTHING

    def _is_record(self, kind: _Class) -> bool:
        return any(kind.module.resolve(base) in _RECORDS for base in kind.node.bases)

    # calls

    def _call(self, node: ast.Call, scope: Scope) -> Values:
        functions = self._value(node.func, scope)
        if not functions and isinstance(node.func, ast.Attribute):
            owners = self._value(node.func.value, scope)
            if node.func.attr == "_asdict":
                return _fields(owners)
            if node.func.attr in _OF_CONTAINERS:
                return owners
        arguments = [self._value(item, scope) for item in node.args]
        keywords = {item.arg or "**": self._value(item.value, scope) for item in node.keywords}
        result: Values = _NOTHING
        known = False
        for function in functions:
            if isinstance(function, _Package) and function.name == "chassis.aws.client":
                result |= {_Client(item.value) for item in arguments[0] if isinstance(item, _Text)}
            elif isinstance(function, _Class):
                result |= self._construct(function, arguments, keywords)
            elif isinstance(function, _ClientMethod):
                self._note_client(function, arguments, node, scope)
            elif isinstance(function, _RecordMethod):
                operation = _DYNAMODB[function.name]
                self._uses.add(Use("dynamodb", operation, scope.module, node.lineno))
                result |= {_Record(function.kind)}
            elif isinstance(function, _Record):
                result |= {function}
            elif isinstance(function, _Function):
                known = True
                if not self._note_neighbour(function, node, scope):
                    result |= self._call_function(function, arguments, keywords)
            elif isinstance(function, _Object):
                result |= {function}
        if not known and not result:
            # what is handed to code outside, such as a thread pool, may be called by it
            handed = frozenset().union(*arguments, *keywords.values())
            for function in handed:
                if isinstance(function, _Function):
                    rest = handed - {function}
                    count = len(_parameters(function.node)[0])
                    self._call_function(function, [rest] * count, {})
            if isinstance(node.func, ast.Name) and node.func.id in _PASSING:
                result |= handed
            result |= {item for item in functions if not isinstance(item, _ClientMethod)}
        return result

    def _note_client(
        self, method: _ClientMethod, arguments: list[Values], node: ast.Call, scope: Scope
    ) -> None:
        names = [method.name]
        if method.name in ("generate_presigned_url", "get_paginator") and arguments:
            names = [item.value for item in arguments[0] if isinstance(item, _Text)]
        for name in names:
            self._uses.add(Use(method.service, name, scope.module, node.lineno))

    def _note_neighbour(self, function: _Function, node: ast.Call, scope: Scope) -> bool:
        owner = function.owner
        if not isinstance(owner, _Object) or owner.kind.name != "ServiceClient" or not node.args:
            return False
        operation = scope.module.resolve(node.args[0]) or "?"
        for name in owner.fields.get("service", _NOTHING):
            if isinstance(name, _Text):
                use = Use(name.value, operation, scope.module, node.lineno, is_neighbour=True)
                self._uses.add(use)
        return True

    def _construct(
        self, kind: _Class, arguments: list[Values], keywords: Mapping[str, Values]
    ) -> Values:
        if self._is_record(kind):
            return frozenset({_Record(kind)})
        created = _Object(kind)
        initializer = kind.methods.get("__init__")
        if initializer is None:
            created.fields.update(zip(kind.fields, arguments, strict=False))
            created.fields.update(keywords)
        else:
            self._call_function(
                _Function(kind.module, initializer, created, None), arguments, keywords
            )
        return frozenset({created})

    def _call_function(
        self, function: _Function, arguments: list[Values], keywords: Mapping[str, Values]
    ) -> Values:
        node = function.node
        key = (
            id(node),
            id(function.owner) if function.owner else None,
            tuple(map(_identity, arguments)),
            tuple(sorted((name, _identity(values)) for name, values in keywords.items())),
        )
        if key in self._seen or self._depth > _DEPTH:
            return self._seen.get(key, _NOTHING)
        self._seen[key] = _NOTHING
        scope = Scope(function.module, {}, function.scope or self._module_scope(function.module))
        positional, named = _parameters(node)
        for name in (*positional, *named):
            scope.variables[name] = _NOTHING
        if function.owner is not None and positional and not _is_static(node):
            scope.add(positional.pop(0), frozenset({function.owner}))
        for name, values in [*zip(positional, arguments, strict=False), *keywords.items()]:
            scope.add(name, values)
        self._depth += 1
        if isinstance(node, ast.Lambda):
            scope.returned = self._value(node.body, scope)
        else:
            self._block(node.body, scope)
        self._depth -= 1
        self._seen[key] = scope.returned
        return scope.returned


def _at(values: Values, position: int) -> Values:
    """Return what may be at a position of a tuple, or anywhere in what is no tuple."""
    found: set[Value] = set()
    for value in values:
        if isinstance(value, _Tuple):
            if position < len(value.items):
                found |= value.items[position]
        else:
            found.add(value)
    return frozenset(found)


def _fields(owners: Values) -> Values:
    """Return what the fields of some objects may hold."""
    objects = [owner for owner in owners if isinstance(owner, _Object)]
    return frozenset().union(*(values for owner in objects for values in owner.fields.values()))


def _parameters(node: "ast.FunctionDef | ast.Lambda") -> tuple[list[str], list[str]]:
    arguments = node.args
    positional = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
    named = [item.arg for item in arguments.kwonlyargs]
    return positional, named


def _is_static(node: "ast.FunctionDef | ast.Lambda") -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(item, ast.Name) and item.id == "staticmethod" for item in decorators)


def _identity(values: Values) -> tuple[int, ...]:
    return tuple(sorted(id(item) if isinstance(item, _Object) else hash(item) for item in values))
