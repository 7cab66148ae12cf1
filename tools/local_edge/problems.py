"""The edge's own error answers, as problem documents (RFC 9457)."""

import json
from collections.abc import Mapping
from http.client import responses

from aiohttp import web

PROBLEM_TYPE = "application/problem+json"
# the error types of API Gateway when no route matches, and when the authorizer denies: it denies
# tokens that are not valid, and the storefront's gateway response to that is a 401
_NO_ROUTE = "MissingAuthenticationTokenException"
_DENIED = "AccessDeniedException"
_PROBLEMS = {
    400: ("bad-request", "The request is malformed."),
    401: ("unauthorized", "Sign in first. The access token is missing, expired or not valid."),
    403: ("forbidden", "You are not allowed to do this."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not support this method."),
    408: ("request-timeout", "The request did not arrive in time. Send it again."),
    412: ("precondition-failed", "This has changed since you read it."),
    413: ("too-large", "The body is larger than 10 MB."),
    415: ("unsupported-media-type", "The body's media type or content coding is not supported."),
    416: ("range-not-satisfiable", "There are no such bytes."),
    417: ("expectation-failed", "This expectation is not supported."),
    421: ("misdirected-request", "The shop runs at 127.0.0.1 only."),
    429: ("too-many-requests", "Too many requests. Try again in a moment."),
    431: ("headers-too-large", "The address or a header is longer than 8 kB."),
    500: ("internal-error", "The shop failed to answer."),
    501: ("not-implemented", "A body can be sent as a whole or in chunks, not coded otherwise."),
    502: ("internal-error", "The shop failed to answer."),
    503: ("unavailable", "The shop is not available or very busy. Try again in a moment."),
    504: ("timeout", "The shop took too long to answer."),
    505: ("version-not-supported", "Use HTTP/1.1."),
}
"""The name of each problem's type and the text, by status."""


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
    name, detail = _PROBLEMS.get(
        status, ("bad-request" if status < 500 else "internal-error", title)
    )
    return json.dumps(
        {
            "type": f"/problems.html#{name}",
            "title": title,
            "status": status,
            "detail": detail,
        }
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
    if status < 400 or content_type == PROBLEM_TYPE:
        return None
    # an answer to HEAD has no body; every service sends the correlation id
    if "X-Correlation-Id" in headers or _is_from_service(body):
        return None
    if status == 403 and headers.get("x-amzn-ErrorType", "").startswith(_NO_ROUTE):
        return 404
    if status == 403 and headers.get("x-amzn-ErrorType", "").startswith(_DENIED):
        return 401
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
