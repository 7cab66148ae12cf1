"""The two kinds of message, and the scalar types that several of them use."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct


class Input(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends. An unknown field is an error: it is a typo more often than a wish."""


class Output(Struct, kw_only=True):
    """What a service answers or emits. A reader ignores fields that it does not know yet."""


Timestamp = Annotated[datetime, Meta(tz=True, description="UTC, RFC 3339, ends with Z")]
# `$` alone would let a trailing line feed through in Python, though not in ECMA 262, which JSON
# Schema follows; hence `$(?!\n)` in every pattern of these contracts.
_ADDRESS_PART = r"[^@\s<>,;:\\()\[\]\x00-\x1f\"']+"
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=rf"^{_ADDRESS_PART}@{_ADDRESS_PART}\.[A-Za-z0-9-]{{2,}}$(?!\n)",
    ),
]
Line = r"^[^\x00-\x1f\x7f]*$(?!\n)"
"""Pattern of a text of one line: no control characters, so it may stand in a header or a log."""

Text = r"^(?=.*\S)[^\x00-\x1f\x7f]*$(?!\n)"
"""Pattern of a line that is not blank."""

PersonName = Annotated[str, Meta(min_length=1, max_length=200, pattern=Text)]
Limit = Annotated[int, Meta(ge=1, le=100)]
Cursor = Annotated[str, Meta(min_length=1, max_length=2000)]
DEFAULT_LIMIT = 20
PARAMETER_PREFIX = "parameter_prefix"
"""Key in ``Meta(extra=…)`` of a ``dict[str, str]`` in a query type: its entries are parameters.

With the value ``"attr."`` the parameter ``attr.color=red`` is the entry ``{"color": "red"}``.
"""


class NoBody(Input):
    """A body that may only be absent or ``{}``."""


class NoQuery(Input):
    """A query without parameters."""


class Health(Output):
    """A service that answers at all."""

    status: str
