"""Every call of another service is declared in service.toml, and every declared call is made."""

import ast
from collections.abc import Iterator

from shopctl.checking.contract_constants import Operation
from shopctl.checking.repository import HEALTH, Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.project.finding import Finding
from shopctl.project.source import Module

_CLIENT = "chassis.client.Downstream"


def check(repository: Repository) -> Iterator[Finding]:
    """Yield calls that are not declared, and declared calls that no code makes."""
    owners = {service.manifest.api: service for service in repository.services.values()}
    for service in repository.services.values():
        made: set[tuple[str, str]] = set()
        for module, call, operation in _calls_of(repository, service):
            if operation is None:
                yield repository.finding(
                    module.path,
                    call.lineno,
                    f"The called operation `{ast.unparse(call.args[0])}` is not a constant of a"
                    " contract.",
                    "Name the contract's constant in the call.",
                )
                continue
            made.add((operation.module, operation.name))
            yield from _undeclared(repository, service, owners, module, call, operation)
        yield from _unused(repository, service, made)


def _calls_of(
    repository: Repository, service: ServiceSource
) -> Iterator[tuple[Module, ast.Call, Operation | None]]:
    """Yield a service's calls of others, with the operation if the code names it."""
    for module in service.modules:
        for call in module.calls("call"):
            if not call.args:
                continue
            dotted = module.resolve(call.args[0]) or ""
            operation = repository.operations.get(dotted)
            if operation or _CLIENT in module.names.values():
                yield module, call, operation


def _undeclared(
    repository: Repository,
    service: ServiceSource,
    owners: dict[str, ServiceSource],
    module: Module,
    call: ast.Call,
    operation: Operation,
) -> Iterator[Finding]:
    declared = service.manifest.calls
    if operation.module == HEALTH:
        # every service has this operation: which one is called is known only at run time
        is_declared, callee = any(operation.name in names for names in declared.values()), "…"
    else:
        callee = owners[operation.module].name if operation.module in owners else "?"
        is_declared = operation.name in declared.get(callee, ())
    if not is_declared:
        yield repository.finding(
            module.path,
            call.lineno,
            f"{service.name} calls {operation.name} of {callee}, which its service.toml does not"
            " declare.",
            f'Add "{operation.name}" to `calls.{callee}` there, or remove the call.',
        )


def _unused(
    repository: Repository, service: ServiceSource, made: set[tuple[str, str]]
) -> Iterator[Finding]:
    for callee, operations in service.manifest.calls.items():
        if callee not in repository.services:
            continue
        for name in operations:
            known = repository.operations_of(repository.services[callee].manifest)
            operation = known.get(name)
            if operation and (operation.module, name) not in made:
                yield repository.in_manifest(
                    service.manifest_file,
                    f'"{name}"',
                    f"{service.name} declares a call of {name} of {callee}, which no code makes.",
                    f"Remove it from `calls.{callee}`.",
                )
