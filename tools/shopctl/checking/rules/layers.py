"""Inside an app imports go one way: app → bootstrap → use cases → store and domain, domain pure."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from shopctl.checking.repository import App, Repository
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
    "chassis.transport",
)
_STORAGE = ("botocore", "boto3", "pynamodb", "chassis.aws", "chassis.records")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield imports that go upwards, or bring a technology where none belongs."""
    for app in repository.apps.values():
        for module in app.modules:
            for item in module.imports:
                if wrong := _wrong(app, module, item):
                    yield repository.finding(module.path, item.line, *wrong)
        yield from _cycles(repository, app)


def _wrong(app: App, module: Module, item: Import) -> tuple[str, str] | None:
    own = f"chalicelib.{app.name}"
    layer = module.name.rpartition(".")[2]
    if item.is_in("app"):
        return f"{layer} imports app, the entry point.", "Turn the import round."
    if item.is_in(f"{own}.bootstrap") and module not in (app.entry, *app.blueprints):
        return f"{layer} imports bootstrap, which is above it.", "Have bootstrap hand it in."
    if layer == "domain":
        if item.is_in(own):
            return (
                f"domain imports {item.target}; the rules stand on their own.",
                "Hand it in as an argument.",
            )
        if any(item.is_in(name) for name in _TECHNOLOGY):
            return (
                f"domain imports {item.target}; the rules know no AWS, HTTP or database.",
                "Move what needs it to store.py or service.py.",
            )
    if layer == "store" and item.is_in(f"{own}.service"):
        return "store imports service, which is above it.", "Turn the import round."
    if layer == "service" and any(item.is_in(name) for name in _STORAGE):
        return (
            f"service imports {item.target}; the use cases know no AWS and no database.",
            "Move what needs it to store.py, and have bootstrap hand that in.",
        )
    return None


def _cycles(repository: Repository, app: App) -> Iterator[Finding]:
    modules = {module.name: module for module in app.modules}
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
            module.path, line, f"Modules import each other: {names}.", "Turn one import round."
        )


def _imports(module: Module, name: str) -> bool:
    return any(item.is_in(name) for item in module.imports)
