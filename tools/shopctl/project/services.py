"""The services of the shop as their manifests describe them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from shopctl.project import aws_names, manifest
from shopctl.project.errors import ShopProblem
from shopctl.project.manifest import Manifest


class Caller(NamedTuple):
    """A function of another service that may call a service's API."""

    service: str
    function: str


@dataclass(frozen=True)
class Service:
    """One service of the shop.

    Attributes
    ----------
    directory
        Directory of its Chalice app.
    manifest
        Content of its `service.toml`.
    depends_on
        Services whose API it calls or whose events it listens to.
    callers
        Functions of other services that may call its API.
    """

    directory: Path
    manifest: Manifest
    depends_on: frozenset[str] = frozenset()
    callers: tuple[Caller, ...] = ()

    @property
    def name(self) -> str:
        """Name of its directory, with underscores."""
        return self.manifest.name

    @property
    def dashed(self) -> str:
        """Name as names of AWS resources spell it."""
        return aws_names.dashed(self.name)

    @property
    def is_public(self) -> bool:
        """Whether its API is on the internet."""
        return self.manifest.visibility == "public"

    @property
    def manifest_file(self) -> Path:
        """The file that declares it."""
        return self.directory / "service.toml"

    @property
    def resources_file(self) -> Path:
        """The template of what outlives a release; need not exist."""
        return self.directory / "resources.yaml"

    @property
    def delivery_file(self) -> Path:
        """The template that is merged into Chalice's."""
        return self.directory / "delivery.yaml"

    @property
    def config_directory(self) -> Path:
        """Chalice's configuration and the policies that it names."""
        return self.directory / ".chalice"


def load(apps: Path, only: Iterable[str] = ()) -> list[Service]:
    """Read the services in an order in which every service follows those it depends on.

    Parameters
    ----------
    apps
        The directory of the apps.
    only
        Names of services to return; empty returns all.

    Raises
    ------
    ShopProblem
        If a manifest cannot be read, a name is unknown or the services form a cycle.
    """
    services = read(apps)
    wanted = {aws_names.underscored(name.strip()) for name in only} or set(services)
    unknown = sorted(wanted - set(services))
    if unknown:
        raise ShopProblem(
            f"There is no service {', '.join(unknown)}.",
            f"The services are {', '.join(services) or 'not there yet'}.",
        )
    graph = {name: sorted(service.depends_on & set(services)) for name, service in services.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle = " → ".join(error.args[1])
        raise ShopProblem(
            f"The services depend on each other in a cycle: {cycle}.",
            "Change `calls` or `listens` in one of their service.toml.",
        ) from None
    return [services[name] for name in order if name in wanted]


def waves(services: Iterable[Service]) -> Iterator[list[Service]]:
    """Yield groups of services that can be deployed in parallel, dependencies first."""
    waiting = list(services)
    while waiting:
        names = {service.name for service in waiting}
        wave = [service for service in waiting if not service.depends_on & names]
        yield wave
        waiting = [service for service in waiting if service not in wave]


def read(apps: Path) -> dict[str, Service]:
    """Read every service, by name, in alphabetical order.

    Raises
    ------
    ShopProblem
        If a manifest cannot be read, or calls a service that does not exist.
    """
    directories = {path.parent.name: path.parent for path in sorted(apps.glob("*/service.toml"))}
    manifests = {
        name: manifest.read(directory / "service.toml") for name, directory in directories.items()
    }
    for name, declared in manifests.items():
        for callee in declared.calls:
            if callee not in manifests:
                raise ShopProblem(
                    f"{directories[name] / 'service.toml'}: `calls.{callee}` names a service that"
                    " does not exist.",
                    f"The services are {', '.join(manifests)}.",
                )
    depends_on, callers = dependencies(manifests), callers_of(manifests)
    return {
        name: Service(directories[name], declared, depends_on[name], callers[name])
        for name, declared in manifests.items()
    }


def dependencies(manifests: Mapping[str, Manifest]) -> dict[str, frozenset[str]]:
    """Return, for each service, those whose API it calls or whose events it listens to.

    A service's own events are not a dependency.
    """
    emitters = {
        event: name for name, declared in manifests.items() for event in declared.events.emits
    }
    return {
        name: frozenset(
            {
                *declared.calls,
                *(emitters[event] for event in declared.events.listens if event in emitters),
            }
            - {name}
        )
        for name, declared in manifests.items()
    }


def callers_of(manifests: Mapping[str, Manifest]) -> dict[str, tuple[Caller, ...]]:
    """Return, for each service, the functions whose permissions let them call its API."""
    callers: dict[str, list[Caller]] = {name: [] for name in manifests}
    for name, declared in manifests.items():
        for function_name, function in declared.functions.items():
            for callee in function.calls & set(callers):
                callers[callee].append(Caller(name, function_name))
    return {name: tuple(sorted(found)) for name, found in callers.items()}
