"""Changes of the requests that schemathesis generates."""

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """Send whole numbers as integers: JSON Schema accepts 2.0 as an integer, the apps do not.

    Amounts are never floats, so that they are never rounded.
    """
    if isinstance(body, dict):
        return {name: map_body(_, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(_, value) for value in body]
    if isinstance(body, float) and body.is_integer():
        return int(body)
    return body
