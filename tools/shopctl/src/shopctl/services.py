"""The services of the shop as their manifests describe them."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from shopctl.problems import ShopProblem


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
    manifests = {path.parent.name: _read(path) for path in sorted(apps.glob("*/service.toml"))}
    emitters = {
        event: name
        for name, manifest in manifests.items()
        for event in manifest.get("events", {}).get("emits", [])
    }
    services = {
        name: _service(apps / name, manifest, emitters) for name, manifest in manifests.items()
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


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ShopProblem(f"{path} is not valid TOML: {error}.", "Correct it.") from None


def _service(directory: Path, manifest: dict[str, Any], emitters: dict[str, str]) -> Service:
    listens = manifest.get("events", {}).get("listens", [])
    heard = {emitters[event] for event in listens if event in emitters}
    return Service(
        name=directory.name,
        directory=directory,
        depends_on=frozenset({*manifest.get("calls", {}), *heard} - {directory.name}),
        aws=frozenset(manifest.get("aws", [])),
    )
