"""No app imports another app, libs import no app, and contracts import only types.

import-linter checks the tools. It cannot check the apps: their entry points are six modules of one
name, and its findings have no line.
"""

import sys
from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import ServiceSource
from shopctl.project.finding import Finding

_TOOLS = ("embedded_aws", "gateway_simulator", "local_edge", "seed_catalogue", "shopctl", "tests")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield imports between apps, libs and tools that are not allowed."""
    for service in repository.services.values():
        yield from _of_app(repository, service)
    yield from _of_libs(repository)


def _of_app(repository: Repository, service: ServiceSource) -> Iterator[Finding]:
    own = f"chalicelib.{service.name}"
    for module in service.modules:
        for item in module.imports:
            if item.is_in("chalicelib") and not item.is_in(own):
                other = item.target.split(".")[1]
                yield repository.finding(
                    module.path,
                    item.line,
                    f"{service.name} imports {item.target}, which belongs to {other}.",
                    f"Call the API of {other} or listen to its events instead.",
                )
            elif any(item.is_in(tool) for tool in _TOOLS):
                yield repository.finding(
                    module.path,
                    item.line,
                    f"{service.name} imports {item.target}, which is not part of its package.",
                    "Move the imported code into the app.",
                )


def _of_libs(repository: Repository) -> Iterator[Finding]:
    for module in (*repository.contracts, *repository.chassis):
        for item in module.imports:
            if item.is_in("chalicelib") or item.is_in("app"):
                yield repository.finding(
                    module.path,
                    item.line,
                    f"{module.name} imports {item.target}, which is part of an app.",
                    "Pass it in from the app's bootstrap.",
                )
    for module in repository.contracts:
        for item in module.imports:
            root = item.target.split(".")[0]
            if root not in {"contracts", "msgspec", *sys.stdlib_module_names}:
                yield repository.finding(
                    module.path,
                    item.line,
                    f"{module.name} imports {item.target}; contracts contain only types.",
                    "Move the code that needs it to the chassis.",
                )
