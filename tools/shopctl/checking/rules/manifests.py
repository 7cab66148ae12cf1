"""Every service.toml can be read, and names services, operations and events that exist."""

import re
from collections.abc import Iterator

from shopctl.checking.repository import App, Repository
from shopctl.project.errors import ShopProblem
from shopctl.project.finding import Finding

_LINE = re.compile(r"at line (\d+)")
_KEY = re.compile(r"`([a-z_.0-9]+)")


def check(repository: Repository) -> Iterator[Finding]:
    """Yield what is wrong in the manifests."""
    broken = [*_broken(repository)]
    yield from broken
    if broken:
        return
    emitted = {event for app in repository.apps.values() for event in app.manifest.events.emits}
    for app in repository.apps.values():
        yield from _names(repository, app)
        for event in app.manifest.events.listens:
            if event not in emitted:
                yield repository.declared(
                    app, f'"{event}"', f"No service emits {event}.", "Correct the event's type."
                )


def _broken(repository: Repository) -> Iterator[Finding]:
    for app in repository.apps.values():
        try:
            app.manifest  # noqa: B018 - reads the file
        except ShopProblem as problem:
            yield _located(repository, app, problem)


def _located(repository: Repository, app: App, problem: ShopProblem) -> Finding:
    text = app.manifest_path.read_text(encoding="utf-8", errors="replace").splitlines()
    line = 1
    if at := _LINE.search(problem.what):
        line = int(at[1])
    elif key := _KEY.search(problem.what):
        word = re.compile(rf"\s*\[?(\w+\.)?{re.escape(key[1].rpartition('.')[2])}\b")
        line = next((number for number, row in enumerate(text, 1) if word.match(row)), 1)
    what = problem.what.removeprefix(str(app.manifest_path)).lstrip(": ")
    return repository.finding(app.manifest_path, line, what, problem.remedy)


def _names(repository: Repository, app: App) -> Iterator[Finding]:
    declared = app.manifest
    contracts = {module.name for module in repository.contracts}
    if declared.api not in contracts:
        yield repository.declared(
            app, "api =", f"There is no contract `{declared.api}`.", "Name a module of contracts."
        )
    for callee, operations in declared.calls.items():
        if callee not in repository.apps:
            yield repository.declared(
                app,
                f"{callee} =",
                f"It calls {callee}, a service that is not there.",
                f"The services are {', '.join(repository.apps)}.",
            )
            continue
        known = repository.operations_of(repository.apps[callee])
        for operation in operations:
            if operation not in known:
                yield repository.declared(
                    app,
                    f'"{operation}"',
                    f"{callee} has no operation {operation}.",
                    f"It has {', '.join(sorted(known))}.",
                )
    events = set(repository.events.values())
    for event in (*declared.events.emits, *declared.events.listens):
        if event not in events:
            yield repository.declared(
                app,
                f'"{event}"',
                f"There is no event {event}.",
                "contracts/events.py lists them all.",
            )
