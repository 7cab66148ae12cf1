"""The error answer of every API: ``application/problem+json``."""

from msgspec import Struct

CONTENT_TYPE = "application/problem+json"


class FieldError(Struct, frozen=True):
    """One field that is wrong: where (RFC 6901 JSON pointer), and what was expected there."""

    pointer: str
    detail: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details for HTTP APIs (RFC 9457)."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    instance: str | None = None
    errors: list[FieldError] | None = None
