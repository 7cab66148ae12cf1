"""Request headers that operations require."""

from typing import Any

from msgspec import Struct


class RequestHeader(Struct, frozen=True):
    """A request header and the JSON Schema of its value."""

    name: str
    description: str
    schema: dict[str, Any]


IF_MATCH = RequestHeader(
    name="If-Match",
    description="The ETag of the version that you read, a list of ETags, or * for any version",
    schema={"type": "string", "examples": ['"3"', "*"]},
)
IF_NONE_MATCH = RequestHeader(
    name="If-None-Match",
    description="The ETag of the version that you have; a 304 says that it is the current one",
    schema={"type": "string", "examples": ['"3"']},
)
IDEMPOTENCY_KEY = RequestHeader(
    name="Idempotency-Key",
    description="A new key for a new request, the same key to repeat a request",
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)
STRIPE_SIGNATURE = RequestHeader(
    name="Stripe-Signature",
    description="The payment gateway's signature of the body",
    schema={"type": "string"},
)
