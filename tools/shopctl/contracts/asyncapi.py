"""The AsyncAPI 3.0 document: topics, their event types, senders and receivers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from chassis.openapi import portable_schema
from contracts.events import EVENT_TYPES, CloudEvent, EventType
from shopctl.project import aws_names
from shopctl.project.manifest import Manifest

_SCHEMA = "#/components/schemas/{name}"
_CONTENT_TYPE = "application/cloudevents+json"


def document(manifests: Sequence[Manifest]) -> dict[str, Any]:
    """Return the AsyncAPI document of the shop.

    Parameters
    ----------
    manifests
        All services' manifests, which declare emitted and consumed events.
    """
    kinds = list(EVENT_TYPES.values())
    envelopes, schemas = msgspec.json.schema_components(
        [CloudEvent[kind.data] for kind in kinds],  # type: ignore[name-defined]
        ref_template=_SCHEMA,
    )
    messages = {}
    for kind, envelope in zip(kinds, envelopes, strict=True):
        messages[kind.name] = _message(kind, schemas[envelope["$ref"].rpartition("/")[2]])
    # each message has its envelope inline, with its own type and source
    for name in {envelope["$ref"].rpartition("/")[2] for envelope in envelopes}:
        del schemas[name]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Toy shop: events",
            "version": "1",
            "description": "CloudEvents 1.0 in structured JSON, over one SNS topic per service, "
            "at least once and in no particular order.",
        },
        "defaultContentType": _CONTENT_TYPE,
        "channels": {
            channel: _channel(channel, [kind for kind in kinds if _channel_of(kind) == channel])
            for channel in sorted({_channel_of(kind) for kind in kinds})
        },
        "operations": _operations(manifests),
        "components": {"messages": messages, "schemas": portable_schema(schemas)},
    }


def _channel_of(kind: EventType) -> str:
    return aws_names.dashed(kind.source.lstrip("/")) + "-events"


def _message(kind: EventType, envelope: Mapping[str, Any]) -> dict[str, Any]:
    fixed = {"source": {"const": kind.source}, "type": {"const": kind.name}}
    payload = {name: value for name, value in envelope.items() if name != "title"}
    return {
        "name": kind.name,
        "title": kind.name,
        "contentType": _CONTENT_TYPE,
        "headers": {
            "type": "object",
            "description": "SNS message attributes, for filter policies",
            "properties": {"type": {"const": kind.name}},
            "required": ["type"],
        },
        "payload": portable_schema(payload | {"properties": payload["properties"] | fixed}),
    }


def _channel(name: str, kinds: Iterable[EventType]) -> dict[str, Any]:
    return {
        "address": f"toyshop-{{stage}}-{name}",
        "description": "An SNS topic",
        "parameters": {"stage": {"description": "The stage of the shop, such as local or prod"}},
        "messages": {kind.name: {"$ref": f"#/components/messages/{kind.name}"} for kind in kinds},
    }


def _operations(manifests: Iterable[Manifest]) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for manifest in manifests:
        service = manifest.name
        for action, verb, names in (
            ("send", "emits", manifest.events.emits),
            ("receive", "listens", manifest.events.listens),
        ):
            # the rule `manifests` reports unknown names
            kinds = [EVENT_TYPES[name] for name in names if name in EVENT_TYPES]
            for channel in sorted({_channel_of(kind) for kind in kinds}):
                operations[f"{service}.{action}.{channel}"] = {
                    "action": action,
                    "summary": f"{service} {verb}",
                    "channel": {"$ref": f"#/channels/{channel}"},
                    "messages": [
                        {"$ref": f"#/channels/{channel}/messages/{kind.name}"}
                        for kind in kinds
                        if _channel_of(kind) == channel
                    ],
                }
    return operations
