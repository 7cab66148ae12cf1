"""Routes of the edge: ``/`` the page, ``/files/…`` public files, ``/api/…`` the storefront."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from local_edge import protocol
from local_edge.api import forward
from local_edge.files import serve_file
from local_edge.page import serve_page
from local_edge.problems import problem

# the storefront answers within API Gateway's 29 seconds
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
_CONNECTIONS = 64


@dataclass(frozen=True)
class Origins:
    """The origins of the edge's three parts.

    Attributes
    ----------
    api
        URL that replaces ``/api``.
    files
        URL of the public bucket, before ``/files/…``.
    web
        Directory of the page.
    uploads
        Origin of presigned URLs, which the page may connect to.
    """

    api: str
    files: str
    web: Path
    uploads: str

    @classmethod
    def local(cls, aws: str, web_directory: Path) -> "Origins":
        """Return the origins of the stage ``local``."""
        return cls(
            api=f"{aws}/restapis/toyshop-local-storefront-api/api/_user_request_",
            files=f"{aws}/toyshop-local-file-manager-public",
            web=web_directory,
            uploads=aws,
        )


ORIGINS = web.AppKey("ORIGINS", Origins)
CLIENT = web.AppKey("CLIENT", aiohttp.ClientSession)


def application(origins: Origins) -> web.Application:
    """Return the edge's application."""
    protocol.install()
    # bodies are never decompressed: a small one could expand to gigabytes
    app = web.Application(handler_args={"auto_decompress": False})
    app[ORIGINS] = origins
    app.cleanup_ctx.append(_client)
    app.router.add_route("*", "/{path:.*}", _route)
    return app


async def _client(app: web.Application) -> AsyncIterator[None]:
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=30)
    # bodies are forwarded as they are, compressed or not
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=_TIMEOUT,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
    ) as session:
        app[CLIENT] = session
        yield


async def _route(request: web.Request) -> web.StreamResponse:
    origins, client = request.app[ORIGINS], request.app[CLIENT]
    path = request.raw_path.partition("?")[0]
    if _is_encoded(request):
        return problem(415, {"Accept-Encoding": "identity"})
    try:
        if path == "/api" or path.startswith("/api/"):
            return await forward(request, client, origins.api)
        if path.startswith("/files/"):
            return await serve_file(request, client, origins.files)
        return await serve_page(request, origins.web, origins.uploads)
    except aiohttp.ClientConnectorError:
        return problem(503, {"Retry-After": "5"})
    except TimeoutError:
        return problem(504)
    except aiohttp.ClientError:
        return problem(502)


def _is_encoded(request: web.Request) -> bool:
    """Return whether a request declares a content coding, known or not."""
    codings = ",".join(request.headers.getall("Content-Encoding", [])).split(",")
    return any(coding.strip().lower() not in ("", "identity") for coding in codings)
