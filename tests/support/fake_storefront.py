"""A storefront with prepared responses, for tests of its client."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

ORIGIN = "https://shop.example"
SESSION = {
    "access_token": "access-1",
    "id_token": "id-1",
    "refresh_token": "refresh-1",
    "token_type": "Bearer",
    "expires_in": 3600,
}
MONEY = {"amount": 1250, "currency": "AUD"}
TOY: dict[str, Any] = {
    "id": "toy_1",
    "name": "Kite",
    "description": "Flies",
    "category": "outdoor",
    "brand": "Windy",
    "price": MONEY,
    "min_age": 3,
    "attributes": {"color": "red"},
    "images": [],
    "version": 4,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}
LINE = {
    "toy_id": "toy_1",
    "name": "Kite",
    "quantity": 1,
    "unit_price": MONEY,
    "line_total": MONEY,
}
ORDER: dict[str, Any] = {
    "id": "ord_1",
    "customer_id": "usr_1",
    "status": "placed",
    "lines": [LINE],
    "total": MONEY,
    "shipping_address": {
        "name": "Alice",
        "line1": "1 Toy St",
        "city": "Sydney",
        "postal_code": "2000",
        "country": "AU",
    },
    "version": 2,
    "placed_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
    "contact": {"email": "alice@example.com", "name": "Alice"},
    "payment": {
        "status": "pending",
        "transaction_id": None,
        "decline_code": None,
        "action": None,
        "refunded_amount": None,
        "disputed": None,
        "dispute": None,
    },
    "receipt": False,
}


def order(payment: str) -> dict[str, Any]:
    """Return an order whose payment has a status."""
    return {**ORDER, "payment": {**ORDER["payment"], "status": payment}}


def answer(
    status: int, document: Any = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Return a response with a JSON document; an error status makes it a problem."""
    if document is None:
        return httpx.Response(status, headers=headers)
    kind = "application/problem+json" if status >= 400 else "application/json"
    return httpx.Response(
        status, content=json.dumps(document), headers={"Content-Type": kind, **(headers or {})}
    )


def problem(status: int, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    """Return a problem response."""
    document = {
        "type": f"/problems.html#{status}",
        "title": "Title",
        "status": status,
        "detail": "What happened.",
    }
    return answer(status, document | members, headers)


Reply = httpx.Response | Exception


@dataclass
class FakeStorefront:
    """Returns prepared responses by method and path; the last one of a list is repeated.

    Attributes
    ----------
    replies
        The responses, or exceptions of the transport.
    requests
        The requests that were sent.
    """

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, request: str, *replies: Reply) -> None:
        """Prepare responses to an operation such as ``GET /toys``."""
        self.replies[request] = list(replies)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.requests.append(request)
        replies = self.replies[f"{request.method} {request.url.path.removeprefix('/api')}"]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        # a response can be read only once
        return httpx.Response(reply.status_code, content=reply.content, headers=reply.headers)

    def bodies(self) -> Iterator[Any]:
        """Yield the JSON bodies that were sent."""
        for request in self.requests:
            if request.content:
                yield json.loads(request.content)
