"""API operations: what is needed to serve, call, document and test each of them."""

from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from contracts.headers import RequestHeader
from contracts.problem import Problem

Answer = TypeVar("Answer")
Audience = Literal["anyone", "customer", "staff", "owner or staff", "gateway", "services"]
AUDIENCES: dict[Audience, str] = {
    "anyone": "everyone",
    "customer": "signed-in customers",
    "staff": "staff",
    "owner or staff": "the customer who owns it and for staff",
    "gateway": "the payment gateway",
    "services": "permitted services",
}
"""Each audience in words, to follow "for"."""


class Operation(Struct, Generic[Answer], frozen=True, kw_only=True):
    """One operation of the API of one service.

    Attributes
    ----------
    name
        The ``operationId`` of the OpenAPI document, unique in its service.
    method, path
        The method and the path as API Gateway routes them; path parameters are in braces.
    summary
        What the operation does, for readers of the OpenAPI document.
    answer
        The type of a successful response's body; ``None`` if it has none.
    status
        The statuses of success, the usual one first.
    problems
        The statuses of the problem answers that a client must expect.
    problem_bodies
        The types of the problem answers that have more members than ``Problem``, by status.
    body, query
        The types of the request's body and query; ``None`` if it has none.
    audience
        Who may call the operation.
    repeatable
        Whether a caller may send the request again when it does not know the outcome of the
        first attempt. That includes what RFC 9110 (9.2.2) calls idempotent, and a POST that only
        reads.
    headers
        The request headers that it requires.
    conditional
        Whether the answer is a 304 if ``If-None-Match`` names its ETag. Only where the ETag changes
        whenever anything in the answer changes.
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
    problem_bodies: dict[int, type[Problem]] = {}
    body: Any = None
    query: Any = None
    audience: Audience = "services"
    repeatable: bool = False
    headers: tuple[RequestHeader, ...] = ()
    conditional: bool = False
    raw_body: bool = False
