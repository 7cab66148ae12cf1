"""All rules, in the order in which they are checked."""

from collections.abc import Callable, Iterator
from types import ModuleType

from shopctl.checking.diagrams import graph
from shopctl.checking.repository import Repository
from shopctl.checking.rules import (
    actions,
    alarms,
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
    one_stage,
    owned,
    permitted_calls,
    policies,
    private,
    retained,
    served,
    skeleton,
    templates,
    vendored,
)
from shopctl.project.finding import Finding

Check = Callable[[Repository], Iterator[Finding]]

# all other rules read the manifests
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
    permitted_calls,
    functions,
    actions,
    private,
    one_stage,
    configured,
    network,
    delivery,
    alarms,
    limits,
    retained,
    skeleton,
    contracts,
    graph,
    logs,
    vendored,
    templates,
)


def results(repository: Repository) -> Iterator[tuple[str, list[Finding]]]:
    """Yield the statement of each rule with its findings.

    If a manifest is invalid, no other rule is checked, since all of them read the manifests.
    """
    for rule in (*FIRST, *RULES):
        findings = list(rule.check(repository))
        yield (rule.__doc__ or rule.__name__).splitlines()[0].rstrip("."), findings
        if findings and rule in FIRST:
            return
