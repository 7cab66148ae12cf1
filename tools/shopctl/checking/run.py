"""All checks, in the order of the design."""

from collections.abc import Callable, Iterator
from types import ModuleType

from shopctl.checking.diagrams import graph
from shopctl.checking.repository import Repository
from shopctl.checking.rules import (
    actions,
    calls,
    clients,
    configured,
    contracts,
    cycles,
    delivery,
    events,
    functions,
    imports,
    layers,
    limits,
    logs,
    manifests,
    network,
    owned,
    policies,
    private,
    retained,
    served,
    skeleton,
    templates,
)
from shopctl.project.finding import Finding

Check = Callable[[Repository], Iterator[Finding]]

# everything else is derived from the manifests
FIRST = (manifests,)
RULES: tuple[ModuleType, ...] = (
    cycles,
    calls,
    served,
    events,
    imports,
    layers,
    clients,
    owned,
    policies,
    functions,
    actions,
    private,
    configured,
    network,
    delivery,
    limits,
    retained,
    skeleton,
    contracts,
    graph,
    logs,
    templates,
)


def results(repository: Repository) -> Iterator[tuple[str, list[Finding]]]:
    """Yield each rule in words, with what breaks it.

    If a manifest is wrong, nothing else is looked at: all is held against the manifests.
    """
    for rule in (*FIRST, *RULES):
        findings = list(rule.check(repository))
        yield (rule.__doc__ or rule.__name__).splitlines()[0].rstrip("."), findings
        if findings and rule in FIRST:
            return
