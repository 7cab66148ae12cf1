"""Executes a function's code on its syntax trees, without importing or running it.

Each constructor call in the bootstrap creates one object, so that two consumers in one app are
distinguished. All branches are taken, so the result is what a function *may* do. Apps pass their
dependencies explicitly, so for them this equals what a function does. A call through ``getattr`` or
a registry is not seen.
"""

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shopctl.checking.reach import uses
from shopctl.checking.reach.uses import DYNAMODB_METHODS, Use
from shopctl.checking.reach.values import (
    NOTHING,
    Class,
    Client,
    ClientMethod,
    Function,
    Object,
    Package,
    Record,
    RecordMethod,
    Scope,
    Text,
    Transaction,
    TransactionMethod,
    Tuple,
    Value,
    Values,
    at_position,
    fields_of,
    identity,
    texts,
    union,
)
from shopctl.checking.service_source import Handler
from shopctl.project.source import Module

_MODELS = ("chassis.records.Record", "pynamodb.models.Model")
_MAKE_CLIENT = "chassis.aws.client"
_TRANSACTION = "pynamodb.transactions.TransactWrite"
# methods of containers, which return what is in the container
_OF_CONTAINERS = ("items", "values", "get", "pop")
# functions that return their arguments, or an object that holds them
_PASS_THROUGH = (
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
_MAX_DEPTH = 40

Arguments = list[Values]
Keywords = Mapping[str, Values]


class Interpreter:
    """Finds the calls that entry points of an app may make.

    Parameters
    ----------
    entry
        The app's `app.py`.
    modules
        All modules whose code is followed: the app's and the chassis's.
    """

    def __init__(self, entry: Module, modules: Iterable[Module]) -> None:
        self._modules = {module.name: module for module in (entry, *modules)}
        self._globals: dict[str, Scope] = {}
        self._uses: set[Use] = set()
        self._results: dict[tuple[object, ...], Values] = {}
        self._depth = 0
        # of a statement or expression that is not listed, all parts are executed or evaluated
        self._statements: dict[type[ast.AST], Callable[[Any, Scope], None]] = {
            ast.AnnAssign: self._assign_one,
            ast.Assign: self._assign,
            ast.AugAssign: self._assign_one,
            ast.ClassDef: lambda *_: None,
            ast.For: self._for,
            ast.FunctionDef: self._define_function,
            ast.Return: self._return,
            ast.With: self._with,
        }
        self._expressions: dict[type[ast.expr], Callable[[Any, Scope], Values]] = {
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.Compare: self._compare,
            ast.Constant: lambda node, _: _text(node),
            ast.Dict: self._dict,
            ast.DictComp: self._dict_comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.Lambda: self._lambda,
            ast.ListComp: self._comprehension,
            ast.Name: self._name,
            ast.NamedExpr: self._named,
            ast.SetComp: self._comprehension,
            ast.Tuple: self._tuple,
        }
        self._entry = self._module_scope(entry)

    def uses(self, handlers: Iterable[Handler]) -> set[Use]:
        """Return the calls that these entry points may make."""
        self._uses = set()
        self._results = {}
        for handler in handlers:
            scope = self._module_scope(handler.module)
            self._run(Function(handler.module, handler.node, None, scope), [], {})
        return self._uses

    def _module_scope(self, module: Module) -> Scope:
        if module.name not in self._globals:
            scope = self._globals[module.name] = Scope(module)
            # definitions first: a constant may use a function that is defined below it
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef):
                    scope.add(node.name, frozenset({Class(node.name, module, node)}))
                elif isinstance(node, ast.FunctionDef):
                    scope.add(node.name, frozenset({Function(module, node, None, scope)}))
            for node in module.tree.body:
                # expressions too: `app.register_blueprint(…)` connects a blueprint to the app
                if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr):
                    self._execute(node, scope)
        return self._globals[module.name]

    # statements

    def _execute(self, node: ast.AST, scope: Scope) -> None:
        self._statements.get(type(node), self._execute_parts)(node, scope)

    def _execute_parts(self, node: ast.AST, scope: Scope) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                values = self._evaluate(child, scope)
                if isinstance(child, ast.Yield | ast.YieldFrom):
                    scope.returned |= values
            else:
                self._execute(child, scope)

    def _execute_all(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        for node in body:
            self._execute(node, scope)

    def _define_function(self, node: ast.FunctionDef, scope: Scope) -> None:
        scope.add(node.name, frozenset({Function(scope.module, node, None, scope)}))

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        values = self._evaluate(node.value, scope)
        for target in node.targets:
            self._bind(target, values, scope)

    def _assign_one(self, node: ast.AnnAssign | ast.AugAssign, scope: Scope) -> None:
        if node.value is not None:
            self._bind(node.target, self._evaluate(node.value, scope), scope)

    def _return(self, node: ast.Return, scope: Scope) -> None:
        if node.value is not None:
            scope.returned |= self._evaluate(node.value, scope)

    def _for(self, node: ast.For, scope: Scope) -> None:
        self._bind(node.target, self._evaluate(node.iter, scope), scope)
        self._execute_all([*node.body, *node.orelse], scope)

    def _with(self, node: ast.With, scope: Scope) -> None:
        for item in node.items:
            values = self._evaluate(item.context_expr, scope)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, values, scope)
        self._execute_all(node.body, scope)

    def _bind(self, target: ast.expr, values: Values, scope: Scope) -> None:
        """Add values to a variable, field, tuple of them, or container."""
        if isinstance(target, ast.Name):
            scope.add(target.id, values)
        elif isinstance(target, ast.Attribute):
            for owner in self._evaluate(target.value, scope):
                if isinstance(owner, Object):
                    owner.fields[target.attr] = owner.fields.get(target.attr, NOTHING) | values
        elif isinstance(target, ast.Tuple | ast.List):
            for position, item in enumerate(target.elts):
                self._bind(item, at_position(values, position), scope)
        elif isinstance(target, ast.Subscript | ast.Starred):
            self._bind(target.value, values, scope)

    # expressions

    def _evaluate(self, node: ast.expr, scope: Scope) -> Values:
        """Return the possible values of an expression."""
        return self._expressions.get(type(node), self._evaluate_parts)(node, scope)

    def _evaluate_parts(self, node: ast.expr, scope: Scope) -> Values:
        parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return self._evaluate_all(parts, scope)

    def _evaluate_all(self, nodes: Iterable[ast.expr], scope: Scope) -> Values:
        return union(self._evaluate(node, scope) for node in nodes)

    def _name(self, node: ast.Name, scope: Scope) -> Values:
        found = scope.find(node.id)
        return self._imported(scope.module.names.get(node.id)) if found is None else found

    def _tuple(self, node: ast.Tuple, scope: Scope) -> Values:
        return frozenset({Tuple(tuple(self._evaluate(item, scope) for item in node.elts))})

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Values:
        return frozenset({Function(scope.module, node, None, scope)})

    def _dict(self, node: ast.Dict, scope: Scope) -> Values:
        self._evaluate_all([key for key in node.keys if key is not None], scope)
        return self._evaluate_all(node.values, scope)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope
    ) -> Values:
        return self._evaluate(node.elt, self._comprehension_scope(node.generators, scope))

    def _dict_comprehension(self, node: ast.DictComp, scope: Scope) -> Values:
        inner = self._comprehension_scope(node.generators, scope)
        self._evaluate(node.key, inner)
        return self._evaluate(node.value, inner)

    def _comprehension_scope(self, generators: list[ast.comprehension], scope: Scope) -> Scope:
        inner = Scope(scope.module, {}, scope)
        for generator in generators:
            self._bind(generator.target, self._evaluate(generator.iter, inner), inner)
            self._evaluate_all(generator.ifs, inner)
        return inner

    def _named(self, node: ast.NamedExpr, scope: Scope) -> Values:
        values = self._evaluate(node.value, scope)
        self._bind(node.target, values, scope)
        return values

    def _compare(self, node: ast.Compare, scope: Scope) -> Values:
        self._evaluate_all([node.left, *node.comparators], scope)
        return NOTHING

    def _imported(self, dotted: str | None) -> Values:
        """Return the possible values of an imported name."""
        if dotted is None:
            return NOTHING
        if dotted in self._modules or dotted in (_MAKE_CLIENT, _TRANSACTION):
            return frozenset({Package(dotted)})
        module, _, name = dotted.rpartition(".")
        if module in self._modules:
            return self._module_scope(self._modules[module]).variables.get(name, NOTHING)
        return NOTHING

    # attributes

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Values:
        owners = self._evaluate(node.value, scope)
        return union(self._member(owner, node.attr) for owner in owners)

    def _member(self, owner: Value, name: str) -> Values:
        """Return the possible values of an attribute of one value."""
        if isinstance(owner, Package):
            return self._imported(f"{owner.name}.{name}")
        if isinstance(owner, Client):
            return frozenset({ClientMethod(owner.service, name)})
        if isinstance(owner, Transaction):
            return frozenset({TransactionMethod(name)})
        if isinstance(owner, Object):
            return self._member_of_object(owner, name)
        if isinstance(owner, Class):
            return self._member_of_class(owner, name)
        if isinstance(owner, Record):
            return self._member_of_record(owner, name)
        return NOTHING

    def _member_of_object(self, owner: Object, name: str) -> Values:
        if name in owner.fields:
            return owner.fields[name]
        method = owner.kind.methods.get(name)
        if method is None:
            return NOTHING
        function = Function(owner.kind.module, method, owner)
        return self._run(function, [], {}) if function.is_property else frozenset({function})

    def _member_of_class(self, owner: Class, name: str) -> Values:
        if _is_model(owner):
            return self._member_of_record(Record(owner), name)
        method = owner.methods.get(name)
        return frozenset({Function(owner.module, method)}) if method else NOTHING

    def _member_of_record(self, owner: Record, name: str) -> Values:
        kind = self._defining_class(owner.kind, name)
        if kind is not None:
            return frozenset({Function(kind.module, kind.methods[name], owner)})
        if name in DYNAMODB_METHODS:
            return frozenset({RecordMethod(owner.kind, name)})
        if name.startswith("_get_connection") or _is_index(owner, name):
            return frozenset({owner})
        return NOTHING

    def _defining_class(self, kind: Class, method: str) -> Class | None:
        """Return the class that defines a record's method: its own or a base class."""
        bases = [
            value
            for base in kind.node.bases
            for value in self._imported(kind.module.resolve(base))
            if isinstance(value, Class)
        ]
        return next((item for item in (kind, *bases) if method in item.methods), None)

    # calls

    def _call(self, node: ast.Call, scope: Scope) -> Values:
        functions = self._evaluate(node.func, scope)
        if not functions and isinstance(node.func, ast.Attribute):
            owners = self._evaluate(node.func.value, scope)
            if node.func.attr == "_asdict":
                return fields_of(owners)
            if node.func.attr in _OF_CONTAINERS:
                return owners
        arguments = [self._evaluate(item, scope) for item in node.args]
        keywords = {item.arg or "**": self._evaluate(item.value, scope) for item in node.keywords}
        result = union(
            self._result(function, arguments, keywords, node, scope) for function in functions
        )
        if not result and not any(isinstance(function, Function) for function in functions):
            return self._result_outside(functions, [*arguments, *keywords.values()], node)
        return result

    def _result(
        self,
        function: Value,
        arguments: Arguments,
        keywords: Keywords,
        node: ast.Call,
        scope: Scope,
    ) -> Values:
        """Return the possible results of calling one value."""
        if isinstance(function, Package) and function.name == _MAKE_CLIENT:
            return frozenset(Client(name) for name in texts(arguments[0]))
        if isinstance(function, Package) and function.name == _TRANSACTION:
            return frozenset({Transaction()})
        if isinstance(function, Class):
            return self._construct(function, arguments, keywords)
        if isinstance(function, ClientMethod):
            self._uses |= uses.of_client(function, arguments, node, scope)
            return NOTHING
        if isinstance(function, TransactionMethod):
            self._uses.add(uses.of_transaction(function, node, scope))
            return NOTHING
        if isinstance(function, RecordMethod):
            self._uses.add(uses.of_record(function, node, scope))
            return frozenset({Record(function.kind)})
        if isinstance(function, Function):
            found = uses.of_downstream(function, node, scope)
            self._uses |= found or set()
            return self._run(function, arguments, keywords) if found is None else NOTHING
        # a call of an object or record gives the object, as ``with`` and conditions need
        return frozenset({function}) if isinstance(function, Record | Object) else NOTHING

    def _result_outside(self, functions: Values, arguments: Arguments, node: ast.Call) -> Values:
        """Return the possible results of code that is not followed, such as a thread pool.

        It may call each function that it is passed, with anything else that it is passed.
        """
        passed = union(arguments)
        for function in passed:
            if isinstance(function, Function):
                others = passed - {function}
                self._run(function, [others] * len(function.positional), {})
        result: Values = frozenset(item for item in functions if not isinstance(item, ClientMethod))
        if isinstance(node.func, ast.Name) and node.func.id in _PASS_THROUGH:
            result |= passed
        return result

    def _construct(self, kind: Class, arguments: Arguments, keywords: Keywords) -> Values:
        if _is_model(kind):
            return frozenset({Record(kind)})
        created = Object(kind)
        initializer = kind.methods.get("__init__")
        if initializer is None:
            created.fields.update(zip(kind.fields, arguments, strict=False))
            created.fields.update(keywords)
        else:
            self._run(Function(kind.module, initializer, created), arguments, keywords)
        return frozenset({created})

    def _run(self, function: Function, arguments: Arguments, keywords: Keywords) -> Values:
        """Execute a function once for each set of arguments and return its possible results."""
        node = function.node
        key = (
            id(node),
            id(function.owner) if function.owner else None,
            tuple(map(identity, arguments)),
            tuple(sorted((name, identity(values)) for name, values in keywords.items())),
        )
        if key in self._results or self._depth > _MAX_DEPTH:
            return self._results.get(key, NOTHING)
        # a recursive call returns nothing new
        self._results[key] = NOTHING
        scope = self._function_scope(function, arguments, keywords)
        self._depth += 1
        if isinstance(node, ast.Lambda):
            scope.returned = self._evaluate(node.body, scope)
        else:
            self._execute_all(node.body, scope)
        self._depth -= 1
        self._results[key] = scope.returned
        return scope.returned

    def _function_scope(
        self, function: Function, arguments: Arguments, keywords: Keywords
    ) -> Scope:
        outer = function.scope or self._module_scope(function.module)
        positional = function.positional
        names = [*positional, *function.keyword_only]
        scope = Scope(function.module, dict.fromkeys(names, NOTHING), outer)
        if function.owner is not None and positional and not function.is_static:
            scope.add(positional.pop(0), frozenset({function.owner}))
        for name, values in [*zip(positional, arguments, strict=False), *keywords.items()]:
            scope.add(name, values)
        return scope


def _text(node: ast.Constant) -> Values:
    return frozenset({Text(node.value)}) if isinstance(node.value, str) else NOTHING


def _is_model(kind: Class) -> bool:
    """Return whether a class is a PynamoDB model."""
    return any(kind.module.resolve(base) in _MODELS for base in kind.node.bases)


def _is_index(record: Record, name: str) -> bool:
    """Return whether an attribute of a model is an index, and not an attribute of its items."""
    for item in record.kind.node.body:
        if isinstance(item, ast.Assign | ast.AnnAssign):
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                made = item.value.func if isinstance(item.value, ast.Call) else None
                return not (isinstance(made, ast.Name) and made.id.endswith("Attribute"))
    return False
