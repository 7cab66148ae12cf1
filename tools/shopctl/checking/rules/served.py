"""Every operation of a service's contract has a handler, and no route is outside the contract."""

import ast
from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import Handler, ServiceSource
from shopctl.project.finding import Finding
from shopctl.project.source import called


def check(repository: Repository) -> Iterator[Finding]:
    """Yield operations without a handler, and handlers without an operation."""
    for service in repository.services.values():
        api = service.manifest.api
        contract = {
            dotted: operation
            for dotted, operation in repository.operations.items()
            if operation.module == api
        }
        served = set()
        for handler, decorator in _routes(service):
            operand = decorator.args[0] if decorator.args else None
            dotted = handler.module.resolve(operand) if operand else None
            if dotted in contract:
                served.add(dotted)
            else:
                yield repository.finding(
                    handler.module.path,
                    decorator.lineno,
                    f"{handler.node.name} serves no operation of {api}.",
                    "Define the route as an Operation there, and serve that.",
                )
        for dotted in sorted(set(contract) - served):
            yield repository.finding(
                service.entry.path,
                1,
                f"No handler serves {contract[dotted].name} of {api}.",
                f"Serve {dotted}, or remove it from the contract.",
            )


def _routes(service: ServiceSource) -> Iterator[tuple[Handler, ast.Call]]:
    """Yield the handlers of routes with the decorator that makes them one."""
    for function in service.functions:
        for handler in function.handlers:
            for decorator in handler.node.decorator_list:
                if isinstance(decorator, ast.Call) and called(decorator) in ("serves", "route"):
                    yield handler, decorator
