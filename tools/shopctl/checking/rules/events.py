"""Every event that the code emits or consumes is in service.toml, and the other way round."""

import ast
from collections.abc import Iterator

from shopctl.checking.repository import App, Function, Repository
from shopctl.project.aws_names import short
from shopctl.project.finding import Finding
from shopctl.project.source import Module

Place = tuple[Module, int]


def check(repository: Repository) -> Iterator[Finding]:
    """Yield events that are not declared, and declared ones that the code does not know.

    What a ``Consumer`` has a handler of is consumed; every other mention of an event type emits
    it. What the subscriptions let through has to be the same as what is consumed.
    """
    for app in repository.apps.values():
        consumed, emitted = events_of(repository, app)
        declared = app.manifest.events
        yield from _compare(repository, app, "emits", emitted, declared.emits)
        yield from _compare(repository, app, "listens", consumed, declared.listens)
        yield from _subscriptions(repository, app, set(consumed))


def events_of(repository: Repository, app: App) -> tuple[dict[str, Place], dict[str, Place]]:
    """Return the events that an app's code consumes, and those that it emits, with a place."""
    consumed: dict[str, Place] = {}
    emitted: dict[str, Place] = {}
    for module in app.modules:
        keys = {id(key) for call in module.calls("Consumer") for key in _keys(call)}
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Name | ast.Attribute):
                continue
            event = repository.events.get(module.resolve(node) or "")
            if event:
                (consumed if id(node) in keys else emitted).setdefault(event, (module, node.lineno))
    return consumed, emitted


def _keys(call: ast.Call) -> list[ast.expr]:
    handlers = call.args[0] if call.args else None
    return [key for key in handlers.keys if key] if isinstance(handlers, ast.Dict) else []


def _compare(
    repository: Repository,
    app: App,
    key: str,
    found: dict[str, Place],
    declared: tuple[str, ...],
) -> Iterator[Finding]:
    verb = {"emits": "emits", "listens": "consumes"}[key]
    for event in sorted(set(found) - set(declared)):
        module, line = found[event]
        yield repository.finding(
            module.path,
            line,
            f"{app.name} {verb} {event}, which its service.toml does not say.",
            f"Add it to `events.{key}` there.",
        )
    for event in sorted(set(declared) - set(found)):
        yield repository.declared(
            app,
            f'"{event}"',
            f"{app.name} declares that it {verb} {event}, and no code does.",
            f"Take it out of `events.{key}`.",
        )


def subscriptions(app: App) -> Iterator[tuple[Function, str, list[str], int]]:
    """Yield the subscriptions of an app: function, topic, event types let through, line."""
    for function in app.functions:
        if function.trigger != "topic":
            continue
        path = ("Resources", function.logical_id, "Properties", "Events")
        for name, event in (app.delivery.at(*path) or {}).items():
            topic = short(event.at("Properties", "Topic")) or ""
            types = event.at("Properties", "FilterPolicy", "type") or []
            line = app.delivery.line_of(*path, name, "Properties", "FilterPolicy", "type")
            yield function, topic, types, line


def _subscriptions(repository: Repository, app: App, consumed: set[str]) -> Iterator[Finding]:
    emitters = {
        event: other for other in repository.apps.values() for event in other.manifest.events.emits
    }
    let_through: set[str] = set()
    line = 1
    for function, topic, types, line in subscriptions(app):
        let_through |= set(types)
        for event in types:
            owner = emitters.get(event)
            if event not in consumed:
                yield repository.finding(
                    app.delivery_path,
                    line,
                    f"The subscription of {function.name} lets {event} through, which no code"
                    " consumes.",
                    "Take it out of the filter policy.",
                )
            elif owner is None or topic not in owner.manifest.owns.topics:
                yield repository.finding(
                    app.delivery_path,
                    line,
                    f"{function.name} waits for {event} on the topic {topic or '?'}, where it is"
                    " never published.",
                    f"Subscribe to a topic of {owner.name if owner else 'its emitter'}.",
                )
    for event in sorted(consumed - let_through):
        yield repository.finding(
            app.delivery_path,
            line,
            f"No subscription lets {event} through, which the code consumes.",
            "Add it to a filter policy.",
        )
