"""The two kinds of message, and scalar types that several contracts use."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from contracts import patterns


class Input(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request. An unknown field is an error, since it is most likely a typing error."""


class Output(Struct, kw_only=True):
    """A response or the data of an event. A reader ignores fields that it does not know."""


Timestamp = Annotated[
    datetime, Meta(tz=True, description="A time in UTC (RFC 3339), ending with Z")
]
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
    """An empty body: none, or ``{}``."""


class NoQuery(Input):
    """A query without parameters."""


class Health(Output):
    """The health of a service."""

    status: str
