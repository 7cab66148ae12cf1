"""Calls that leave the process: of AWS services and of other services of the shop."""

import ast
from dataclasses import dataclass, field

from shopctl.checking.reach.values import (
    NOTHING,
    ClientMethod,
    Function,
    Object,
    RecordMethod,
    Scope,
    TransactionMethod,
    Values,
    texts,
)
from shopctl.project.source import Module

DYNAMODB_METHODS = {
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
}
"""DynamoDB operations by the PynamoDB method that calls them."""

_IN_TRANSACTIONS = {
    "save": "PutItem",
    "delete": "DeleteItem",
    "update": "UpdateItem",
    "condition_check": "ConditionCheckItem",
}

# client methods whose first argument names the operation that is called later
_NAMED_BY_ARGUMENT = ("generate_presigned_url", "get_paginator")


@dataclass(frozen=True)
class Use:
    """One call that leaves the process.

    Attributes
    ----------
    service
        Name of an AWS service in botocore, or of a downstream service.
    operation
        Name of botocore's method, or the dotted name of the downstream service's operation.
    module, line
        The first place of the call.
    is_downstream
        Whether another service of the shop is called.
    """

    service: str
    operation: str
    module: Module = field(compare=False)
    line: int = field(compare=False)
    is_downstream: bool = False


def of_client(
    method: ClientMethod, arguments: list[Values], node: ast.Call, scope: Scope
) -> set[Use]:
    """Return the uses that the call of a client's method stands for."""
    names = [method.name]
    if method.name in _NAMED_BY_ARGUMENT and arguments:
        names = texts(arguments[0])
    return {Use(method.service, name, scope.module, node.lineno) for name in names}


def of_record(method: RecordMethod, node: ast.Call, scope: Scope) -> Use:
    """Return the use that the call of a PynamoDB method stands for."""
    return Use("dynamodb", DYNAMODB_METHODS[method.name], scope.module, node.lineno)


def of_transaction(method: TransactionMethod, node: ast.Call, scope: Scope) -> Use:
    """Return the use that a write in a transaction stands for; each needs its own permission."""
    return Use("dynamodb", _IN_TRANSACTIONS[method.name], scope.module, node.lineno)


def of_downstream(function: Function, node: ast.Call, scope: Scope) -> set[Use] | None:
    """Return the uses of a downstream service; None if the call is not one of its client."""
    owner = function.owner
    if not isinstance(owner, Object) or owner.kind.name != "ServiceClient" or not node.args:
        return None
    operation = scope.module.resolve(node.args[0]) or "?"
    return {
        Use(name, operation, scope.module, node.lineno, is_downstream=True)
        for name in texts(owner.fields.get("service", NOTHING))
    }
