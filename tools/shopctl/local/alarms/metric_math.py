"""The part of CloudWatch's metric math that alarms use.

Numbers, names of metrics, ``+ - * /``, comparisons, ``AND``, ``OR``, ``IF`` and ``FILL``. A value
is missing, None, wherever an operand is; ``FILL`` replaces it.
"""

import ast
import functools
import re
from collections.abc import Callable, Mapping
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import Any

Value = float | None

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], float]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Gt: gt,
    ast.GtE: ge,
    ast.Lt: lt,
    ast.LtE: le,
    ast.Eq: eq,
    ast.NotEq: ne,
}


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Return the value of an expression for one period; None if it is missing.

    Raises
    ------
    ValueError
        If the expression has something that is not supported, or a name without a value.
    """
    return _value(_parsed(expression), values)


@functools.cache
def _parsed(expression: str) -> ast.expr:
    # Python has the same syntax, in lower case
    text = re.sub(r"\bAND\b|&&", "and", re.sub(r"\bOR\b|\|\|", "or", expression))
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"Not an expression: {expression}") from error


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _value(operand, values)
            return None if value is None else -value
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            # CloudWatch has no value where a divisor is 0
            dividend, divisor = _value(left, values), _value(right, values)
            return None if dividend is None or not divisor else dividend / divisor
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
            return _applied(_BINARY[type(operator)], _value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if (
            type(operator) in _COMPARISONS
        ):
            compare = _COMPARISONS[type(operator)]
            return _applied(compare, _value(left, values), _value(right, values))
        case ast.BoolOp(op=operator, values=operands):
            found = [_value(each, values) for each in operands]
            if None in found:
                return None
            combine = all if isinstance(operator, ast.And) else any
            return float(combine(found))
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            decided = _value(condition, values)
            if decided is None:
                return None
            return _value(then if decided else otherwise, values)
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, replacement]):
            value = _value(filled, values)
            return _value(replacement, values) if value is None else value
    raise ValueError(f"Not supported: {ast.unparse(node)}")


def _applied(function: Callable[[Any, Any], float], left: Value, right: Value) -> Value:
    return None if left is None or right is None else float(function(left, right))
