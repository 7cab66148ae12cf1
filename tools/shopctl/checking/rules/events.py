"""service.toml lists exactly the events that the code emits and consumes."""

import ast
from collections.abc import Iterator

from shopctl.checking.repository import Repository
from shopctl.checking.service_source import LambdaFunction, ServiceSource
from shopctl.project.aws_names import short
from shopctl.project.finding import Finding
from shopctl.project.source import Module

Place = tuple[Module, int]


def check(repository: Repository) -> Iterator[Finding]:
    """Yield events that are not declared, or declared and not used by the code.

    An event type that a ``Consumer`` has a handler for is consumed; any other use of its constant
    emits it. The filter policies must select exactly the consumed events.
    """
    for service in repository.services.values():
        consumed, emitted = _events_of(repository, service)
        declared = service.manifest.events
        yield from _compare(repository, service, "emits", emitted, declared.emits)
        yield from _compare(repository, service, "listens", consumed, declared.listens)
        yield from _compare_subscriptions(repository, service, set(consumed))


def subscriptions(service: ServiceSource) -> Iterator[tuple[LambdaFunction, str, list[str], int]]:
    """Yield the subscriptions of a service: function, topic, selected event types, line."""
    for function in service.functions:
        if function.trigger != "topic":
            continue
        path = ("Resources", function.logical_id, "Properties", "Events")
        for name, event in (service.delivery.at(*path) or {}).items():
            topic = short(event.at("Properties", "Topic")) or ""
            types = event.at("Properties", "FilterPolicy", "type") or []
            line = service.delivery.line_of(*path, name, "Properties", "FilterPolicy", "type")
            yield function, topic, types, line


def _events_of(
    repository: Repository, service: ServiceSource
) -> tuple[dict[str, Place], dict[str, Place]]:
    """Return the events that the code consumes and those that it emits, with the first place."""
    consumed: dict[str, Place] = {}
    emitted: dict[str, Place] = {}
    for module in service.modules:
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
    service: ServiceSource,
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
            f"{service.name} {verb} {event}, which its service.toml does not declare.",
            f"Add it to `events.{key}` there.",
        )
    for event in sorted(set(declared) - set(found)):
        yield repository.in_manifest(
            service.manifest_file,
            f'"{event}"',
            f"{service.name} declares that it {verb} {event}, which no code does.",
            f"Remove it from `events.{key}`.",
        )


def _compare_subscriptions(
    repository: Repository, service: ServiceSource, consumed: set[str]
) -> Iterator[Finding]:
    emitters = {
        event: other
        for other in repository.services.values()
        for event in other.manifest.events.emits
    }
    selected: set[str] = set()
    line = 1
    for function, topic, types, line in subscriptions(service):
        selected |= set(types)
        for event in types:
            emitter = emitters.get(event)
            if event not in consumed:
                yield repository.finding(
                    service.delivery_file,
                    line,
                    f"The filter policy of {function.name} selects {event}, which no code"
                    " consumes.",
                    "Remove it from the filter policy.",
                )
            elif emitter is None or topic not in emitter.manifest.owns.topics:
                yield repository.finding(
                    service.delivery_file,
                    line,
                    f"{function.name} expects {event} on the topic {topic or '?'}, to which it is"
                    " never published.",
                    f"Subscribe to a topic of {emitter.name if emitter else 'its emitter'}.",
                )
    for event in sorted(consumed - selected):
        yield repository.finding(
            service.delivery_file,
            line,
            f"No filter policy selects {event}, which the code consumes.",
            "Add it to a filter policy.",
        )
