"""Security schemes: how each audience of an operation proves who it is."""

from msgspec import Struct

from contracts.headers import STRIPE_SIGNATURE
from contracts.operations import Audience


class SecurityScheme(Struct, frozen=True):
    """A security scheme: its name in an OpenAPI document and its Security Scheme Object."""

    name: str
    definition: dict[str, str]


BEARER = SecurityScheme(
    "bearer",
    {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access_token of a session",
    },
)
GATEWAY_SIGNATURE = SecurityScheme(
    "signature",
    {
        "type": "apiKey",
        "in": "header",
        "name": STRIPE_SIGNATURE.name,
        "description": STRIPE_SIGNATURE.description,
    },
)
SIGV4 = SecurityScheme(
    "sigv4",
    {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4, signed with the role of a permitted caller",
    },
)

SCHEMES: dict[Audience, SecurityScheme | None] = {
    "anyone": None,
    "customer": BEARER,
    "staff": BEARER,
    "owner or staff": BEARER,
    "gateway": GATEWAY_SIGNATURE,
    "services": SIGV4,
}
"""The scheme of each audience; ``None`` if it needs none."""
