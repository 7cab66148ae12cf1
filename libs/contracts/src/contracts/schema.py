"""The two kinds of message, and scalar types that several contracts use."""

from abc import ABC
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from contracts import patterns


class Input(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request. An unknown field is an error, since it is most likely a typing error."""


class Output(Struct, kw_only=True):
    """A response or the data of an event. A reader ignores fields that it does not know."""


Timestamp = Annotated[
    datetime, Meta(tz=True, description="A time in UTC (RFC 3339), ending with Z")
]
if TYPE_CHECKING:
    EmailAddress = str
else:

    class EmailAddress(ABC):  # noqa: B024  # strings are its only instances
        """The type of email addresses in requests.

        The values are strings. A type of its own lets the services check and normalize each of
        them with the rule of ``chassis.email_addresses``, which no pattern can express.
        """

    EmailAddress.register(str)

Email = Annotated[
    EmailAddress,
    Meta(
        description="An address that can receive email. Case and surrounding white space are "
        "ignored; an international domain is converted to ASCII.",
        examples=["alice@example.com"],
        extra_json_schema={"maxLength": 254},
    ),
]
PersonName = Annotated[str, Meta(min_length=1, max_length=200, pattern=patterns.NOT_BLANK)]
Limit = Annotated[int, Meta(ge=1, le=100, description="The maximum number of items")]
Cursor = Annotated[str, Meta(min_length=1, max_length=2000)]
PageCursor = Annotated[
    Cursor | None, Meta(description="The `next_cursor` of the previous page of the same query")
]
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
