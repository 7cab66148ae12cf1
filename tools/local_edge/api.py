"""Forwards ``/api/…`` to the storefront, with the path exactly as the client sent it."""

import asyncio
import io

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from local_edge.limits import Turns
from local_edge.problems import PROBLEM_TYPE, problem, problem_body, status_of_gateway_answer

BODY_LIMIT = 10 * 1024 * 1024
_HOP_BY_HOP = (
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
)
# API Gateway routes these; a path answers OPTIONS as it answers any method that it does not support
_ROUTED = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# no service reads what browsers add, and the embedded AWS refuses requests of web pages
_ADDED_BY_BROWSERS = ("Origin", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site")
_REPLACED_IN_REQUEST = (*_HOP_BY_HOP, *_ADDED_BY_BROWSERS, "Host", "Content-Length", "Expect")
_REPLACED_IN_ANSWER = (*_HOP_BY_HOP, "Content-Length", "Date", "Server")


async def forward(
    request: web.Request,
    client: aiohttp.ClientSession,
    origin: str,
    turns: Turns,
    body_seconds: float,
    below: str = "",
) -> web.Response:
    """Forward a request when it is its turn, and return the answer.

    Redirects are left to the client. An error of the API gateway itself becomes a problem answer.

    Parameters
    ----------
    origin
        The URL that replaces ``/api``.
    turns
        Limits how many requests are forwarded at a time.
    body_seconds
        How long the body may take to arrive.
    below
        What follows the origin instead of ``/api``, for a path that does not begin with it.

    Raises
    ------
    BusyError
        If the request's turn does not come in time; it was not forwarded.
    """
    path = request.raw_path.partition("?")[0]  # a query may contain any slash
    if "%2f" in path.lower() or "//" in path:
        return problem(404)  # API Gateway matches no encoded slash or empty segment
    try:
        async with asyncio.timeout(body_seconds):
            body = await _body(request)
    except TimeoutError:
        late = problem(408)
        late.force_close()
        return late
    if body is None:
        return problem(413)
    method = request.method if request.method in _ROUTED else "OPTIONS"
    # encoded=True leaves the path as it was sent
    url = URL(origin + below + request.raw_path.removeprefix("/api"), encoded=True)
    async with (
        turns.turn(method, path),
        client.request(
            method,
            url,
            headers=_request_headers(request),
            data=io.BytesIO(body) if body else None,
            allow_redirects=False,
        ) as answer,
    ):
        content = await answer.read()
        headers = CIMultiDict(answer.headers)
    for name in _REPLACED_IN_ANSWER:
        headers.popall(name, None)
    headers["X-Content-Type-Options"] = "nosniff"
    status = status_of_gateway_answer(answer.status, answer.content_type, content, headers)
    if status is not None:
        headers.popall("Content-Encoding", None)
        headers["Content-Type"] = PROBLEM_TYPE
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return web.Response(status=status, body=problem_body(status), headers=headers)
    # without a body, an answer to HEAD has no length: it is not the one that GET has
    body = None if request.method == "HEAD" else content
    return web.Response(status=answer.status, body=body, headers=headers)


async def _body(request: web.Request) -> bytes | None:
    """Read the body; return ``None`` if it is larger than API Gateway accepts."""
    if (request.content_length or 0) > BODY_LIMIT:
        return None
    content = bytearray()
    async for chunk in request.content.iter_any():
        content += chunk
        if len(content) > BODY_LIMIT:
            return None
    return bytes(content)


def _request_headers(request: web.Request) -> CIMultiDict[str]:
    headers = CIMultiDict(request.headers)
    for name in _REPLACED_IN_REQUEST:
        headers.popall(name, None)
    clients = [*request.headers.getall("X-Forwarded-For", []), request.remote or "127.0.0.1"]
    headers["X-Forwarded-For"] = ", ".join(clients)
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Host"] = request.host
    return headers
