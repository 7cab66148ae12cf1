"""The repository as the checks read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shopctl.checking import contract_constants
from shopctl.checking.contract_constants import Operation
from shopctl.checking.packaged_templates import Packaged, package
from shopctl.checking.service_source import ServiceSource
from shopctl.project import services, stages, yaml_lines
from shopctl.project.finding import Finding
from shopctl.project.manifest import Manifest
from shopctl.project.new_stage import NewStage
from shopctl.project.source import Module, modules
from shopctl.project.stages import Stage

SAMPLE = NewStage(
    name="sample",
    account="123456789012",
    region="ap-southeast-2",
    domain="shop.example.com",
    alarm_email="operations@example.com",
    gradual_release="Canary10Percent5Minutes",
    snap_start=True,
)
"""The stage on AWS that is always checked: with a network, alarms, gradual releases and snapshots.

Its name is reserved for it (`shopctl.project.stages`).
"""

HEALTH = "contracts.health"
"""Contract of the operation that every private service has."""


@dataclass(frozen=True)
class Repository:
    """A checkout of the shop, parsed when it is needed.

    Attributes
    ----------
    root
        Directory of the checkout.
    """

    root: Path

    @property
    def apps(self) -> Path:
        """The directory with one app per service."""
        return self.root / "apps"

    @cached_property
    def services(self) -> dict[str, ServiceSource]:
        """All services by name.

        Raises
        ------
        ShopProblem
            If a manifest cannot be read or calls a service that does not exist.
        """
        return {
            name: ServiceSource(
                service.directory, service.manifest, service.depends_on, service.callers
            )
            for name, service in services.read(self.apps).items()
        }

    @cached_property
    def stages(self) -> list[Stage]:
        """The stages of `stages.toml`, and one on AWS, which a new checkout does not have."""
        return [*stages.load_all(self.root / "stages.toml"), SAMPLE.stage()]

    @cached_property
    def packaged(self) -> list[Packaged]:
        """The templates that Chalice generates for each service and stage."""
        return package(self.services.values(), self.stages)

    @cached_property
    def contracts(self) -> tuple[Module, ...]:
        """The modules of `libs/contracts`."""
        return modules(self.root / "libs" / "contracts" / "src" / "contracts", "contracts")

    @cached_property
    def chassis(self) -> tuple[Module, ...]:
        """The modules of `libs/chassis`."""
        return modules(self.root / "libs" / "chassis" / "src" / "chassis", "chassis")

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """Every operation of the contracts by the dotted name of its constant."""
        return contract_constants.operations(self.contracts)

    @cached_property
    def events(self) -> Mapping[str, str]:
        """The name of every event type of the contracts by the dotted name of its constant."""
        return contract_constants.event_types(self.contracts)

    def operations_of(self, declared: Manifest) -> dict[str, Operation]:
        """Return the operations that other services can call of a service, by name."""
        contracts = {declared.api} | ({HEALTH} if declared.visibility == "private" else set())
        return {
            operation.name: operation
            for operation in self.operations.values()
            if operation.module in contracts
        }

    def finding(self, path: Path, line: int, what: str, remedy: str) -> Finding:
        """Return a finding with its path relative to the repository."""
        place = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return Finding(place, line, what, remedy)

    def in_manifest(self, path: Path, text: str, what: str, remedy: str) -> Finding:
        """Return a finding at the line of a manifest that contains a text."""
        return self.finding(path, yaml_lines.line_containing(path, text), what, remedy)
