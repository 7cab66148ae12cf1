"""The AsyncAPI 3.1 document: topics, their event types, senders and receivers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from chassis.openapi import portable_schema
from contracts.events import EVENT_TYPES, CloudEvent, EventType
from contracts.reference import CONTACT, LICENSE, events
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
    examples = events.examples()
    for kind, envelope in zip(kinds, envelopes, strict=True):
        messages[kind.name] = _message(
            kind, schemas[envelope["$ref"].rpartition("/")[2]], examples.get(kind.name)
        )
    # each message has its envelope inline, with its own type and source
    for name in {envelope["$ref"].rpartition("/")[2] for envelope in envelopes}:
        del schemas[name]
    channels = sorted({_channel_of(kind) for kind in kinds})
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": events.TITLE,
            "version": "1",
            "description": events.DESCRIPTION,
            "contact": CONTACT,
            "license": LICENSE,
            "tags": [
                {"name": channel, "description": events.CHANNELS.get(channel, "")}
                for channel in channels
            ],
        },
        "servers": {
            "sns": {
                "host": "sns.{region}.amazonaws.com",
                "protocol": "sns",
                "description": "Amazon SNS in the region of the stage",
                "variables": {"region": {"description": "The AWS region, such as us-east-1"}},
            }
        },
        "defaultContentType": _CONTENT_TYPE,
        "channels": {
            channel: _channel(channel, [kind for kind in kinds if _channel_of(kind) == channel])
            for channel in channels
        },
        "operations": _operations(manifests),
        "components": {
            "messages": messages,
            "schemas": portable_schema(schemas),
            "securitySchemes": {
                "sigv4": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4. Only the topic's owner may publish; "
                    "a consumer needs the permission to subscribe.",
                }
            },
        },
    }


def _channel_of(kind: EventType) -> str:
    return aws_names.dashed(kind.source.lstrip("/")) + "-events"


def _message(
    kind: EventType, envelope: Mapping[str, Any], example: Mapping[str, Any] | None
) -> dict[str, Any]:
    fixed = {"source": {"const": kind.source}, "type": {"const": kind.name}}
    payload = {name: value for name, value in envelope.items() if name != "title"}
    described: dict[str, Any] = {
        "name": kind.name,
        "title": kind.name,
        "summary": events.SUMMARIES.get(kind.name, ""),
        "contentType": _CONTENT_TYPE,
        "headers": {
            "type": "object",
            "description": "SNS message attributes, for filter policies",
            "properties": {"type": {"const": kind.name}},
            "required": ["type"],
        },
        "payload": portable_schema(payload | {"properties": payload["properties"] | fixed}),
    }
    if example is not None:
        described["examples"] = [{"headers": {"type": kind.name}, "payload": example}]
    return described


def _channel(name: str, kinds: Iterable[EventType]) -> dict[str, Any]:
    return {
        "address": f"toyshop-{{stage}}-{name}",
        "title": name,
        "description": f"An SNS topic. {events.CHANNELS.get(name, '')}".strip(),
        "servers": [{"$ref": "#/servers/sns"}],
        "parameters": {"stage": {"description": "The stage of the shop, such as local or prod"}},
        "messages": {kind.name: {"$ref": f"#/components/messages/{kind.name}"} for kind in kinds},
    }


def _operations(manifests: Iterable[Manifest]) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for manifest in manifests:
        service = manifest.name
        for action, summary, description, names in (
            (
                "send",
                f"{service} publishes",
                "Published by the relay of the service, from the stream of its table.",
                manifest.events.emits,
            ),
            (
                "receive",
                f"{service} consumes",
                "Received by a function of the service, whose subscription filters by type.",
                manifest.events.listens,
            ),
        ):
            # the rule `manifests` reports unknown names
            kinds = [EVENT_TYPES[name] for name in names if name in EVENT_TYPES]
            for channel in sorted({_channel_of(kind) for kind in kinds}):
                operations[f"{service}.{action}.{channel}"] = {
                    "action": action,
                    "summary": summary,
                    "description": description,
                    "security": [{"$ref": "#/components/securitySchemes/sigv4"}],
                    "channel": {"$ref": f"#/channels/{channel}"},
                    "messages": [
                        {"$ref": f"#/channels/{channel}/messages/{kind.name}"}
                        for kind in kinds
                        if _channel_of(kind) == channel
                    ],
                }
    return operations
