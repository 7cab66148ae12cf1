"""The edge's own error answers, as problem documents (RFC 9457)."""

import json
from collections.abc import Mapping
from http.client import responses

from aiohttp import web

PROBLEM_TYPE = "application/problem+json"
# the error type of API Gateway when no route matches
_NO_ROUTE = "MissingAuthenticationTokenException"
_DETAILS = {
    400: "The request is malformed.",
    401: "Sign in first. The access token is missing, expired or not valid.",
    403: "You are not allowed to do this.",
    404: "There is nothing at this address.",
    405: "This address does not support this method.",
    408: "The request did not arrive in time. Send it again.",
    413: "The body is larger than 10 MB.",
    415: "The body's media type or content coding is not supported.",
    417: "This expectation is not supported.",
    421: "The shop runs at 127.0.0.1 only.",
    429: "Too many requests. Try again in a moment.",
    431: "The address or a header is longer than 8 kB.",
    500: "The shop failed to answer.",
    501: "A body can be sent as a whole or in chunks, without another transfer coding.",
    502: "The shop failed to answer.",
    503: "The shop is not available or very busy at the moment. Try again in a moment.",
    504: "The shop took too long to answer.",
    505: "Use HTTP/1.1.",
}


def problem(status: int, headers: dict[str, str] | None = None) -> web.Response:
    """Return the problem answer for a status."""
    return web.Response(
        status=status,
        body=problem_body(status),
        headers={
            "Content-Type": PROBLEM_TYPE,
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )


def problem_body(status: int) -> bytes:
    """Return the problem document for a status, without internal details."""
    title = responses.get(status, "Error")
    detail = _DETAILS.get(status, title)
    return json.dumps(
        {"type": "about:blank", "title": title, "status": status, "detail": detail}
    ).encode()


def status_of_gateway_answer(
    status: int, content_type: str, body: bytes, headers: Mapping[str, str]
) -> int | None:
    """Return the client's status for an error of the API gateway itself.

    Returns
    -------
    int or None
        The status for the client; ``None`` if the answer comes from a service.
    """
    if status < 400 or content_type == PROBLEM_TYPE or _is_from_service(body):
        return None
    if status == 403 and headers.get("x-amzn-ErrorType", "").startswith(_NO_ROUTE):
        return 404
    return status


def _is_from_service(body: bytes) -> bool:
    """Return whether a service wrote a body: the gateway writes ``message`` or ``__type``."""
    try:
        document = json.loads(body)
    except ValueError:
        return False
    if not isinstance(document, dict):
        return True
    return "__type" not in document and {name.lower() for name in document} != {"message"}
