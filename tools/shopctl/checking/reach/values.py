"""The abstract values of the interpreter.

A variable holds the set of all values that it may have. A container is represented by the values
in it, except for a tuple, whose positions are kept apart. Data from outside the process (requests,
settings, responses) is the empty set.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from shopctl.project.source import Module


@dataclass(frozen=True)
class Class:
    """A class of the app or the chassis."""

    name: str
    module: Module
    node: ast.ClassDef

    @property
    def methods(self) -> dict[str, ast.FunctionDef]:
        """Methods by name."""
        return {item.name: item for item in self.node.body if isinstance(item, ast.FunctionDef)}

    @property
    def fields(self) -> list[str]:
        """Names of annotated fields, in the order of a dataclass's arguments."""
        return [
            item.target.id
            for item in self.node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        ]


@dataclass(eq=False)
class Object:
    """An instance, one for each evaluated constructor call."""

    kind: Class
    fields: dict[str, "Values"] = field(default_factory=dict)


@dataclass(frozen=True)
class Function:
    """A function, method or lambda.

    Attributes
    ----------
    owner
        The object that the method is bound to.
    scope
        The scope that it was defined in; None for methods.
    """

    module: Module
    node: "ast.FunctionDef | ast.Lambda"
    owner: "Object | Record | None" = None
    scope: "Scope | None" = field(default=None, compare=False)

    @property
    def positional(self) -> list[str]:
        """Names of the positional parameters, ``self`` included."""
        arguments = self.node.args
        return [item.arg for item in (*arguments.posonlyargs, *arguments.args)]

    @property
    def keyword_only(self) -> list[str]:
        """Names of the keyword-only parameters."""
        return [item.arg for item in self.node.args.kwonlyargs]

    @property
    def is_static(self) -> bool:
        """Whether it is a static method."""
        return "staticmethod" in self.decorators

    @property
    def is_property(self) -> bool:
        """Whether it is called by reading an attribute."""
        return bool(self.decorators & {"property", "cached_property"})

    @property
    def decorators(self) -> set[str]:
        """Names of its decorators without arguments."""
        decorators = getattr(self.node, "decorator_list", [])
        return {item.id for item in decorators if isinstance(item, ast.Name)}


@dataclass(frozen=True)
class Client:
    """A client of an AWS service."""

    service: str


@dataclass(frozen=True)
class ClientMethod:
    """A method of a client of an AWS service."""

    service: str
    name: str


@dataclass(frozen=True)
class Record:
    """A PynamoDB model: the class, any instance and its indexes."""

    kind: Class


@dataclass(frozen=True)
class RecordMethod:
    """A method that a PynamoDB model inherits and that calls DynamoDB."""

    kind: Class
    name: str


@dataclass(frozen=True)
class Transaction:
    """A transaction of PynamoDB, to which writes are added."""


@dataclass(frozen=True)
class TransactionMethod:
    """A method that adds a write to a transaction."""

    name: str


@dataclass(frozen=True)
class Text:
    """A string that is written in the code."""

    value: str


@dataclass(frozen=True)
class Package:
    """A module, or a function outside the app and the chassis that is known by its name."""

    name: str


@dataclass(frozen=True)
class Tuple:
    """A tuple with the possible values of each position."""

    items: "tuple[Values, ...]"


Value = (
    Class
    | Object
    | Function
    | Client
    | ClientMethod
    | Record
    | RecordMethod
    | Text
    | Transaction
    | TransactionMethod
    | Package
    | Tuple
)
Values = frozenset[Value]
NOTHING: Values = frozenset()


@dataclass(eq=False)
class Scope:
    """The variables of a function or module.

    Attributes
    ----------
    outer
        The scope in which a name that is not found here is looked up.
    returned
        All values that the function may return.
    """

    module: Module
    variables: dict[str, Values] = field(default_factory=dict)
    outer: "Scope | None" = None
    returned: Values = NOTHING

    def find(self, name: str) -> Values | None:
        """Return the possible values of a variable; None if there is no such variable."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.outer
        return None

    def add(self, name: str, values: Values) -> None:
        """Add to the possible values of a variable."""
        self.variables[name] = self.variables.get(name, NOTHING) | values


def at_position(values: Values, position: int) -> Values:
    """Return the possible values at a position of tuples; other values stand for their elements."""
    found: set[Value] = set()
    for value in values:
        if not isinstance(value, Tuple):
            found.add(value)
        elif position < len(value.items):
            found |= value.items[position]
    return frozenset(found)


def fields_of(values: Values) -> Values:
    """Return the possible values of all fields of all objects."""
    objects = [value for value in values if isinstance(value, Object)]
    return frozenset().union(*(held for item in objects for held in item.fields.values()))


def texts(values: Values) -> list[str]:
    """Return the strings among the values."""
    return [value.value for value in values if isinstance(value, Text)]


def union(values: Iterable[Values]) -> Values:
    """Return all values of several sets."""
    return frozenset().union(*values)


def identity(values: Values) -> tuple[int, ...]:
    """Return a key that is equal for equal sets; objects are compared by identity."""
    return tuple(sorted(id(item) if isinstance(item, Object) else hash(item) for item in values))
