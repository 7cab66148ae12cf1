"""The error answer of every API (``application/problem+json``)."""

from msgspec import UNSET, Struct, UnsetType

CONTENT_TYPE = "application/problem+json"


class FieldError(Struct, frozen=True):
    """A field that is not valid: its JSON pointer (RFC 6901), and what it must be."""

    pointer: str
    detail: str


class Problem(Struct, frozen=True, kw_only=True):
    """Problem details for HTTP APIs (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | UnsetType = UNSET
