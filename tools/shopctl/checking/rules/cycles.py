"""The services depend on each other in one direction: no cycle of calls and events."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from shopctl.checking.repository import Repository
from shopctl.project.finding import Finding


def check(repository: Repository) -> Iterator[Finding]:
    """Yield a dependency cycle if there is one; a service may listen to its own events."""
    services = repository.services
    try:
        TopologicalSorter({name: each.depends_on for name, each in services.items()}).prepare()
    except CycleError as error:
        # graphlib lists each service before the one that depends on it
        cycle = [*reversed(error.args[1])]
        service, dependency = services[cycle[0]], services[cycle[1]]
        events = dependency.manifest.events.emits
        reasons = [f"{dependency.name} =", *(f'"{event}"' for event in events)]
        text = service.manifest_file.read_text(encoding="utf-8")
        yield repository.in_manifest(
            service.manifest_file,
            next((reason for reason in reasons if reason in text), "name"),
            f"The services depend on each other in a cycle: {' → '.join(cycle)}.",
            "Remove one of these calls or events; an aggregator above both may call both.",
        )
