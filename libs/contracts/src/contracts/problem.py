"""The error answer of every API (``application/problem+json``)."""

from http import HTTPStatus
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

CONTENT_TYPE = "application/problem+json"

PAGE = "/problems.html"
"""The page of the shop's website that explains each type of problem, in a section of its own."""

TYPES: dict[int, str] = {
    400: f"{PAGE}#bad-request",
    401: f"{PAGE}#unauthorized",
    403: f"{PAGE}#forbidden",
    404: f"{PAGE}#not-found",
    405: f"{PAGE}#method-not-allowed",
    409: f"{PAGE}#conflict",
    412: f"{PAGE}#precondition-failed",
    413: f"{PAGE}#too-large",
    415: f"{PAGE}#unsupported-media-type",
    422: f"{PAGE}#invalid",
    428: f"{PAGE}#precondition-required",
    429: f"{PAGE}#too-many-requests",
    500: f"{PAGE}#internal-error",
    503: f"{PAGE}#unavailable",
}
"""The type of a problem that has no type of its own, by its status."""

TITLES: dict[int, str] = {status.value: status.phrase for status in HTTPStatus} | {
    # Python 3.13 has other words for these
    413: "Request Entity Too Large",
    422: "Unprocessable Entity",
}
"""The title of a problem that has none of its own, and the description of an answer, by status."""

KEY_REUSED = f"{PAGE}#idempotency-key-reused"
"""The type of the problem that an idempotency key was used for another request."""

Code = Literal[
    "card_number",
    "control_character",
    "format",
    "invalid",
    "not_allowed",
    "not_found",
    "repeated",
    "required",
    "too_large",
    "too_long",
    "too_short",
    "too_small",
    "type",
    "unknown",
]
"""What is wrong with a field; `invalid` stands for everything without a code of its own."""


class FieldError(Struct, frozen=True):
    """A field that is not valid: its JSON pointer (RFC 6901), what it must be, and what is wrong.

    ``detail`` is for people, ``code`` for programs; a newer shop may send other codes.
    """

    pointer: str
    detail: str
    code: str = "invalid"


class Problem(Struct, frozen=True, kw_only=True):
    """Problem details for HTTP APIs (RFC 9457).

    ``type`` is the address of a page about this type of problem, relative to the shop's origin.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | UnsetType = UNSET
