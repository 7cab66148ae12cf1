"""The two kinds of message, and the scalar types that several of them use."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from contracts import patterns


class Input(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a caller sends. An unknown field is an error: it is a typo more often than a wish."""


class Output(Struct, kw_only=True):
    """What a service answers or emits. A reader ignores fields that it does not know yet."""


Timestamp = Annotated[datetime, Meta(tz=True, description="UTC, RFC 3339, ends with Z")]
Email = Annotated[
    str,
    Meta(max_length=254, pattern=patterns.EMAIL),
]
PersonName = Annotated[str, Meta(min_length=1, max_length=200, pattern=patterns.NOT_BLANK)]
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
