"""Every operation of a service's contract has a handler, and no route is outside the contract."""

import ast
from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding
from shopctl.project.source import called


def check(repository: Repository) -> Iterator[Finding]:
    """Yield operations without a handler, and handlers without an operation."""
    for app in repository.apps.values():
        contract = {
            dotted: operation
            for dotted, operation in repository.operations.items()
            if operation.module == app.manifest.api
        }
        served = set()
        for handler in (each for function in app.functions for each in function.handlers):
            module = handler.module
            for decorator in handler.node.decorator_list:
                if not isinstance(decorator, ast.Call) or called(decorator) not in (
                    "serves",
                    "route",
                ):
                    continue
                dotted = module.resolve(decorator.args[0]) if decorator.args else None
                if dotted in contract:
                    served.add(dotted)
                else:
                    yield repository.finding(
                        module.path,
                        decorator.lineno,
                        f"{handler.node.name} serves no operation of {app.manifest.api}.",
                        "Describe the route as an Operation there, and serve that.",
                    )
        for dotted in sorted(set(contract) - served):
            yield repository.finding(
                app.entry.path,
                1,
                f"No handler serves {contract[dotted].name}, which {app.manifest.api} promises.",
                f"Serve {dotted}, or take it out of the contract.",
            )
