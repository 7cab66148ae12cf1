"""The services of the shop as their manifests describe them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from shopctl.project import manifest
from shopctl.project.errors import ShopProblem
from shopctl.project.manifest import Manifest


@dataclass(frozen=True)
class Service:
    """One service of the shop.

    Attributes
    ----------
    name
        Name of its directory, with underscores.
    directory
        The Chalice app.
    depends_on
        Services whose API it calls or whose events it listens to.
    aws
        AWS services whose client it uses; empty means any.
    """

    name: str
    directory: Path
    depends_on: frozenset[str]
    aws: frozenset[str]

    @property
    def dashed(self) -> str:
        """The name as it appears in names of AWS resources."""
        return self.name.replace("_", "-")


def load(apps: Path, only: Iterable[str] = ()) -> list[Service]:
    """Read the services in an order in which every service follows those it depends on.

    Parameters
    ----------
    apps
        The directory of the apps.
    only
        Names to keep; empty keeps all.

    Raises
    ------
    ShopProblem
        If a manifest cannot be read, a name is unknown or the services form a cycle.
    """
    manifests = read(apps)
    depends_on = dependencies(manifests)
    services = {
        name: Service(name, apps / name, depends_on[name], frozenset(declared.aws))
        for name, declared in manifests.items()
    }
    wanted = {name.strip().replace("-", "_") for name in only} or set(services)
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
    """Yield services that may be deployed at once, after all that they depend on."""
    waiting = list(services)
    while waiting:
        names = {service.name for service in waiting}
        wave = [service for service in waiting if not service.depends_on & names]
        yield wave
        waiting = [service for service in waiting if service not in wave]


def read(apps: Path) -> dict[str, Manifest]:
    """Read every service's manifest.

    Raises
    ------
    ShopProblem
        If one cannot be read, or calls a service that is not there.
    """
    paths = {path.parent.name: path for path in sorted(apps.glob("*/service.toml"))}
    manifests = {name: manifest.read(path) for name, path in paths.items()}
    for name, declared in manifests.items():
        for callee in declared.calls:
            if callee not in manifests:
                raise ShopProblem(
                    f"{paths[name]}: `calls.{callee}` names a service that is not there.",
                    f"The services are {', '.join(manifests)}.",
                )
    return manifests


def dependencies(manifests: Mapping[str, Manifest]) -> dict[str, frozenset[str]]:
    """Return for each service those whose API it calls or whose events it listens to.

    A service's own events are no dependency.
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
