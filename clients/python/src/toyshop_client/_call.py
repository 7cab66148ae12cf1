"""Calls of operations, as the generated module ``_operations`` describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call of one operation.

    Attributes
    ----------
    path
        The path below the API's base URL.
    answer
        The type of a successful response's body; ``type(None)`` if it has none.
    statuses
        The statuses of a successful response.
    query
        Query parameters; those that are ``None`` are not sent.
    body
        Sent as JSON; ``None`` if there is no body.
    content_type
        The media type of the body.
    signed_in
        Whether the user's access token is sent.
    repeatable
        Whether the request may be sent again when the outcome of the first attempt is unknown.
    """

    method: str
    path: str
    answer: type[T]
    statuses: tuple[int, ...]
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = field(default=None, repr=False)
    content_type: str = "application/json"
    signed_in: bool = False
    repeatable: bool = False


def segment(value: str) -> str:
    """Return a value as one segment of a path.

    Raises
    ------
    ValueError
        If it is empty or would be removed from the path.
    """
    if value in ("", ".", ".."):
        raise ValueError(f"{value!r} is not an id.")
    return quote(value, safe="")


def prefixed(prefix: str, values: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return values with a prefix before their names."""
    return {f"{prefix}{name}": value for name, value in (values or {}).items()}
