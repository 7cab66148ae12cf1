"""What is changed in the requests that are made up, and why."""

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """Write whole numbers without a fraction: JSON Schema lets 2.0 pass for an integer, we don't.

    Amounts are never floats here, so that none is ever rounded.
    """
    if isinstance(body, dict):
        return {name: map_body(_, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(_, value) for value in body]
    if isinstance(body, float) and body.is_integer():
        return int(body)
    return body
