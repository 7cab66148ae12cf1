"""The services depend on each other in one direction: no cycle of calls and events."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from shopctl.checking.repository import Repository
from shopctl.project import services
from shopctl.project.finding import Finding


def check(repository: Repository) -> Iterator[Finding]:
    """Yield a cycle, if there is one. Listening to one's own events is none."""
    apps = repository.apps
    depends_on = services.dependencies({name: app.manifest for name, app in apps.items()})
    try:
        TopologicalSorter(depends_on).prepare()
    except CycleError as error:
        # graphlib names each service before the one that depends on it
        cycle = [*reversed(error.args[1])]
        app, heard = apps[cycle[0]], apps[cycle[1]]
        reasons = [f"{heard.name} =", *(f'"{event}"' for event in heard.manifest.events.emits)]
        text = app.manifest_path.read_text(encoding="utf-8")
        yield repository.declared(
            app,
            next((reason for reason in reasons if reason in text), "name"),
            f"The services depend on each other in a cycle: {' → '.join(cycle)}.",
            "Take out one of these calls or events; what needs both is an aggregator above them.",
        )
