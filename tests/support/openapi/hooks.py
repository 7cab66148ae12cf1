"""Changes of the requests that schemathesis generates."""

import re
from typing import Any

import schemathesis

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """Send whole numbers as integers, and other control characters as line feeds.

    JSON Schema accepts 2.0 as an integer, the apps do not: amounts are never floats, so that they
    are never rounded. No schema excludes control characters, and every app refuses them; a line
    feed is accepted or refused by the field's own pattern.
    """
    if isinstance(body, dict):
        return {map_body(_, name): map_body(_, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(_, value) for value in body]
    if isinstance(body, float) and body.is_integer():
        return int(body)
    return _CONTROL.sub("\n", body) if isinstance(body, str) else body


@schemathesis.hook
def map_query(_: schemathesis.HookContext, query: Any) -> Any:
    """Send control characters as line feeds."""
    if isinstance(query, dict):
        return {map_query(_, name): map_query(_, value) for name, value in query.items()}
    if isinstance(query, list):
        return [map_query(_, value) for value in query]
    return _CONTROL.sub("\n", query) if isinstance(query, str) else query


@schemathesis.hook
def before_load_schema(_context: Any, raw_schema: Any) -> None:
    """Remove the examples: their ids are of another shop, and they are tested as they are."""
    _remove_examples(raw_schema)


def _remove_examples(node: Any) -> None:
    if isinstance(node, dict):
        node.pop("example", None)
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, dict | list):
            _remove_examples(child)
