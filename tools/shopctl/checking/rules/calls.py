"""Every call of another service in the code is in service.toml, and the other way round."""

import ast
from collections.abc import Iterator

from shopctl.checking.repository import App, Operation, Repository
from shopctl.project.finding import Finding
from shopctl.project.source import Module

_HEALTH = "contracts.health"


def check(repository: Repository) -> Iterator[Finding]:
    """Yield calls that are not declared, and declared ones that no code makes."""
    owners = {app.manifest.api: app for app in repository.apps.values()}
    for app in repository.apps.values():
        made: set[tuple[str, str]] = set()
        for module, call, operation in calls_of(repository, app):
            if operation is None:
                yield repository.finding(
                    module.path,
                    call.lineno,
                    f"Which operation is called here, `{ast.unparse(call.args[0])}`, cannot be"
                    " told from the code.",
                    "Name the contract's constant in the call.",
                )
                continue
            made.add((operation.module, operation.name))
            yield from _undeclared(repository, app, owners, module, call, operation)
        yield from _unused(repository, app, made)


def calls_of(
    repository: Repository, app: App
) -> Iterator[tuple[Module, ast.Call, Operation | None]]:
    """Yield the calls of neighbours in an app's code, with the operation if it can be told."""
    for module in app.modules:
        for call in module.calls("call"):
            if not call.args:
                continue
            dotted = module.resolve(call.args[0]) or ""
            operation = repository.operations.get(dotted)
            if operation or "chassis.client.Downstream" in module.names.values():
                yield module, call, operation


def _undeclared(
    repository: Repository,
    app: App,
    owners: dict[str, App],
    module: Module,
    call: ast.Call,
    operation: Operation,
) -> Iterator[Finding]:
    declared = app.manifest.calls
    if operation.module == _HEALTH:
        # it is the same operation of every service, so whose is called shows at run time alone
        is_declared, callee = any(operation.name in names for names in declared.values()), "…"
    else:
        callee = owners[operation.module].name if operation.module in owners else "?"
        is_declared = operation.name in declared.get(callee, ())
    if not is_declared:
        yield repository.finding(
            module.path,
            call.lineno,
            f"{app.name} calls {operation.name} of {callee}, which its service.toml does not say.",
            f'Add "{operation.name}" to `calls.{callee}` there, or do without the call.',
        )


def _unused(repository: Repository, app: App, made: set[tuple[str, str]]) -> Iterator[Finding]:
    for callee, operations in app.manifest.calls.items():
        if callee not in repository.apps:
            continue
        for name in operations:
            operation = repository.operations_of(repository.apps[callee]).get(name)
            if operation and (operation.module, name) not in made:
                yield repository.declared(
                    app,
                    f'"{name}"',
                    f"{app.name} declares that it calls {name} of {callee}, and no code does.",
                    f"Take it out of `calls.{callee}`.",
                )
