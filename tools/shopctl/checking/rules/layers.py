"""Imports within an app go one way: app → bootstrap → service → store and domain, domain pure."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.project.finding import Finding
from shopctl.project.source import Import, Module

_TECHNOLOGY = (
    "botocore",
    "boto3",
    "pynamodb",
    "chalice",
    "urllib3",
    "urllib.request",
    "http",
    "requests",
    "stripe",
    "chassis.api",
    "chassis.aws",
    "chassis.client",
    "chassis.consumer",
    "chassis.parking",
    "chassis.records",
    "chassis.relay",
)
_STORAGE = ("botocore", "boto3", "pynamodb", "chassis.aws", "chassis.records")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield imports of a higher layer, and of a technology in a layer that must not know it."""
    for service in repository.services.values():
        for module in service.modules:
            for item in module.imports:
                if problem := _problem(service, module, item):
                    yield repository.finding(module.path, item.line, *problem)
        yield from _cycles(repository, service)


def _problem(service: ServiceSource, module: Module, item: Import) -> tuple[str, str] | None:
    """Return problem and remedy for an import that a layer must not have; else None."""
    own = f"chalicelib.{service.name}"
    layer = module.name.rpartition(".")[2]
    if item.is_in("app"):
        return f"{layer} imports app, the entry point.", "Reverse the import."
    if item.is_in(f"{own}.bootstrap") and module not in (service.entry, *service.blueprints):
        return f"{layer} imports bootstrap, a higher layer.", "Pass it in from bootstrap."
    if layer == "domain":
        return _problem_in_domain(service, item)
    if layer == "store" and item.is_in(f"{own}.service"):
        return "store imports service, a higher layer.", "Reverse the import."
    if layer == "service" and any(item.is_in(name) for name in _STORAGE):
        return (
            f"service imports {item.target}; use cases know neither AWS nor a database.",
            "Move the code that needs it to store.py, and pass that in from bootstrap.",
        )
    return None


def _problem_in_domain(service: ServiceSource, item: Import) -> tuple[str, str] | None:
    own = f"chalicelib.{service.name}"
    if item.is_in(own):
        imported = [module for module in service.modules if item.is_in(module.name)]
        if imported and all(_is_pure(own, module) for module in imported):
            return None
        return (
            f"domain imports {item.target}; the domain imports no other module of the app but those"
            " that import neither another one nor a technology.",
            "Pass it in as an argument.",
        )
    if _is_technology(item):
        return (
            f"domain imports {item.target}; the domain knows no AWS, HTTP or database.",
            "Move the code that needs it to store.py or service.py.",
        )
    return None


def _is_pure(own: str, module: Module) -> bool:
    """Return whether a module is a part of the domain: it could stand in the same file."""
    return not any(item.is_in(own) or _is_technology(item) for item in module.imports)


def _is_technology(item: Import) -> bool:
    return any(item.is_in(name) for name in _TECHNOLOGY)


def _cycles(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    modules = {module.name: module for module in service.modules}
    graph = {
        name: {other for other in modules if other != name and _imports(module, other)}
        for name, module in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = [*reversed(error.args[1])]
        module = modules[cycle[0]]
        line = next(item.line for item in module.imports if item.is_in(cycle[1]))
        names = " → ".join(name.rpartition(".")[2] for name in cycle)
        yield repository.finding(
            module.path, line, f"Modules import each other: {names}.", "Reverse one of the imports."
        )


def _imports(module: Module, name: str) -> bool:
    return any(item.is_in(name) for item in module.imports)
