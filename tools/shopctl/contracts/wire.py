"""The part of the documents that callers and consumers rely on: everything but descriptions.

A contract is one API or one event type, with all schemas that it refers to.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shopctl.contracts.documents import Documents

Contract = dict[str, Any]
Contracts = Mapping[str, Contract]

_PROSE = {
    "description", "summary", "title", "info", "example", "examples", "tags", "openapi",
}  # fmt: skip
# the keys below these are names that the contract chose, so `title` there is a field
_NAMED = {"properties", "schemas", "paths", "responses", "headers", "content", "securitySchemes"}


def contracts(documents: Documents) -> Contracts:
    """Return the contracts in the documents, by name: ``apis/orders``, ``events/<type>``."""
    found = {
        f"apis/{name.removeprefix('openapi/').removesuffix('.json')}": _stripped(document)
        for name, document in documents.items()
        if name.startswith("openapi/")
    }
    return found | _events(documents["asyncapi.json"])


def _events(document: Mapping[str, Any]) -> dict[str, Contract]:
    found = {}
    components = document["components"]
    for channel in document["channels"].values():
        for name in channel["messages"]:
            payload = components["messages"][name]["payload"]
            used = _used(payload, components["schemas"], {})
            found[f"events/{name}"] = {
                "channel": channel["address"],
                "payload": _stripped(payload),
                "components": {"schemas": {key: _stripped(used[key]) for key in sorted(used)}},
            }
    return found


def _used(schema: Any, schemas: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Collect the components that a schema refers to, directly or through others."""
    children: Iterable[Any] = ()
    if isinstance(schema, dict):
        children = schema.values()
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in found:
            found[name] = schemas[name]
            _used(schemas[name], schemas, found)
    elif isinstance(schema, list):
        children = schema
    for child in children:
        _used(child, schemas, found)
    return found


def _stripped(node: Any, named: bool = False) -> Any:
    if isinstance(node, dict):
        return {
            key: _stripped(value, named=not named and key in _NAMED)
            for key, value in node.items()
            if named or key not in _PROSE
        }
    if isinstance(node, list):
        return [_stripped(value) for value in node]
    return node
