"""Every service.toml is valid, and names services, operations and events that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

from shopctl.checking.repository import Repository
from shopctl.project import manifest
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding
from shopctl.project.manifest import Manifest

_LINE = re.compile(r"at line (\d+)")
_KEY = re.compile(r"`([a-z_.0-9]+)")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield manifests that cannot be read, or else names in them that do not exist."""
    manifests: dict[Path, Manifest] = {}
    invalid = False
    for path in sorted(repository.apps.glob("*/service.toml")):
        try:
            manifests[path] = manifest.read(path)
        except ShopProblem as problem:
            invalid = True
            yield _located(repository, path, problem)
    if invalid:
        return
    services = {declared.name: declared for declared in manifests.values()}
    for path, declared in manifests.items():
        yield from _contract(repository, path, declared)
        yield from _calls(repository, path, declared, services)
        yield from _events(repository, path, declared, services)


def _located(repository: Repository, path: Path, problem: ShopProblem) -> Finding:
    """Return the finding for a manifest that cannot be read, at the line that is wrong."""
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    line = 1
    if at := _LINE.search(problem.what):
        line = int(at[1])
    elif key := _KEY.search(problem.what):
        word = re.compile(rf"\s*\[?(\w+\.)?{re.escape(key[1].rpartition('.')[2])}\b")
        line = next((number for number, row in enumerate(text, 1) if word.match(row)), 1)
    what = problem.what.removeprefix(str(path)).lstrip(": ")
    return repository.finding(path, line, what, problem.remedy)


def _contract(repository: Repository, path: Path, declared: Manifest) -> Iterator[Finding]:
    if declared.api not in {module.name for module in repository.contracts}:
        yield repository.in_manifest(
            path,
            "api =",
            f"There is no contract `{declared.api}`.",
            "Name a module of libs/contracts.",
        )


def _calls(
    repository: Repository, path: Path, declared: Manifest, services: dict[str, Manifest]
) -> Iterator[Finding]:
    for callee, operations in declared.calls.items():
        if callee not in services:
            yield repository.in_manifest(
                path,
                f"{callee} =",
                f"It calls {callee}, a service that does not exist.",
                f"The services are {', '.join(services)}.",
            )
            continue
        known = repository.operations_of(services[callee])
        for operation in operations:
            if operation not in known:
                yield repository.in_manifest(
                    path,
                    f'"{operation}"',
                    f"{callee} has no operation {operation}.",
                    f"It has {', '.join(sorted(known))}.",
                )


def _events(
    repository: Repository, path: Path, declared: Manifest, services: dict[str, Manifest]
) -> Iterator[Finding]:
    known = set(repository.events.values())
    emitted = {event for service in services.values() for event in service.events.emits}
    for event in (*declared.events.emits, *declared.events.listens):
        if event not in known:
            yield repository.in_manifest(
                path,
                f'"{event}"',
                f"There is no event {event}.",
                "contracts/events.py defines all events.",
            )
    for event in declared.events.listens:
        if event not in emitted:
            yield repository.in_manifest(
                path, f'"{event}"', f"No service emits {event}.", "Correct the event's type."
            )
