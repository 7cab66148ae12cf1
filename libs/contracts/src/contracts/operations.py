"""What an API operation is: enough to call it, to document it and to test it."""

from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from contracts.headers import RequestHeader

Answer = TypeVar("Answer")
Audience = Literal["anyone", "customer", "staff", "owner or staff", "gateway", "services"]


class Operation(Struct, Generic[Answer], frozen=True, kw_only=True):
    """One operation of one service's API.

    Attributes
    ----------
    name
        ``operationId`` of the OpenAPI document, unique in its service.
    method, path
        As API Gateway routes them; path parameters in braces.
    answer
        Type of the body of a successful answer; ``None`` if it has none.
    status
        Statuses of success, the usual one first.
    problems
        Statuses of the problem answers that a client must expect.
    body, query
        Types of the request's body and query, if it has them.
    audience
        Who may call it.
    repeatable
        Whether a caller may send it again without knowing what became of the first try
        (RFC 9110, 9.2.2 calls it idempotent; a POST that only reads counts too).
    headers
        The request headers that it requires.
    raw_body
        Whether the request's body is any JSON document, taken byte by byte. ``body`` is ``None``
        then.
    """

    name: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    summary: str
    answer: Any = None
    status: tuple[int, ...] = (200,)
    problems: tuple[int, ...] = ()
    body: Any = None
    query: Any = None
    audience: Audience = "services"
    repeatable: bool = False
    headers: tuple[RequestHeader, ...] = ()
    raw_body: bool = False
