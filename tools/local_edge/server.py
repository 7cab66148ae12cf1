"""Routes of the edge: ``/`` the page, ``/files/…`` public files, ``/api/…`` the storefront."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from local_edge import protocol
from local_edge.api import forward
from local_edge.distribution import is_of_sitemap, is_page_of_toy
from local_edge.document import DocumentUpload
from local_edge.files import serve_file
from local_edge.limits import BusyError, Limits, Turns
from local_edge.page import described, serve_page, serve_rendered, serve_robots, serve_settings
from local_edge.problems import problem

# the storefront answers within API Gateway's 29 seconds
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
_CONNECTIONS = 64
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
    document
        URL of the object from which the storefront reads the page's document.
    gateway
        URL of the gateway simulator, which has a page of a bank; empty without one.
    """

    api: str
    files: str
    web: Path
    uploads: str
    document: str
    gateway: str = ""

    @classmethod
    def local(cls, aws: str, web_directory: Path, gateway: str = "") -> "Origins":
        """Return the origins of the stage ``local``."""
        return cls(
            api=f"{aws}/restapis/toyshop-local-storefront-api/api/_user_request_",
            files=f"{aws}/toyshop-local-file-manager-public",
            web=web_directory,
            uploads=aws,
            document=f"{aws}/toyshop-local-storefront-api-page/page/index.html",
            gateway=gateway,
        )


ORIGINS = web.AppKey("ORIGINS", Origins)
CLIENT = web.AppKey("CLIENT", aiohttp.ClientSession)
LIMITS = web.AppKey("LIMITS", Limits)
TURNS = web.AppKey("TURNS", Turns)
DOCUMENT = web.AppKey("DOCUMENT", DocumentUpload)


def application(origins: Origins, limits: Limits | None = None) -> web.Application:
    """Return the edge's application, with the default limits if none are given."""
    limits = limits or Limits()
    protocol.install(limits.head_seconds)
    # bodies are never decompressed: a small one could expand to gigabytes
    options = {
        "auto_decompress": False,
        "keepalive_timeout": limits.idle_seconds,
        # for the rest of a body that is refused, so that the client reads the answer
        "lingering_time": min(2, limits.body_seconds),
    }
    app = web.Application(handler_args=options, middlewares=[_before_routes])
    app[ORIGINS] = origins
    app[LIMITS] = limits
    app[TURNS] = Turns(limits)
    app[DOCUMENT] = DocumentUpload(origins.web / "index.html", origins.document)
    app.on_response_prepare.append(protocol.describe)
    app.cleanup_ctx.append(_client)
    app.router.add_route("*", r"/{path:[\s\S]*}", _route)
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


@web.middleware
async def _before_routes(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.raw_path.startswith(("http://", "https://")):
        # the absolute form of a proxy's request, whose host counts (RFC 9112, 3.2.2)
        if not _is_local(request):
            return problem(421)
        request = request.clone(rel_url=request.url.relative())
    return protocol.answer_itself(request) or await handler(request)


async def _route(request: web.Request) -> web.StreamResponse:
    origins, client = request.app[ORIGINS], request.app[CLIENT]
    path = request.raw_path.partition("?")[0]
    if not _is_local(request):
        return problem(421)
    if _is_encoded(request):
        return problem(415, {"Accept-Encoding": "identity"})
    try:
        if path == "/api" or path.startswith("/api/"):
            turns, seconds = request.app[TURNS], request.app[LIMITS].body_seconds
            return await forward(request, client, origins.api, turns, seconds)
        if path.startswith("/files/"):
            return await serve_file(request, client, origins.files)
        if path == "/robots.txt":
            return serve_robots(request, origins.uploads)
        if path == "/settings.json" and origins.gateway:
            return serve_settings(request, origins.gateway, origins.uploads)
        if is_page_of_toy(path) and request.method in ("GET", "HEAD"):
            await request.app[DOCUMENT].bring_up_to_date(client)
            turns, seconds = request.app[TURNS], request.app[LIMITS].body_seconds
            answer = await forward(request, client, origins.api, turns, seconds, below="/pages")
            return serve_rendered(request, answer, origins.web, origins.uploads)
        if is_of_sitemap(path):
            turns, seconds = request.app[TURNS], request.app[LIMITS].body_seconds
            answer = await forward(request, client, origins.api, turns, seconds, below="/pages")
            return described(request, answer, origins.uploads)
        return serve_page(request, origins.web, origins.uploads)
    except BusyError:
        return problem(503, {"Retry-After": "1"})
    except aiohttp.ClientConnectorError:
        return problem(503, {"Retry-After": "5"})
    except TimeoutError:
        return problem(504)
    except aiohttp.ClientError:
        return problem(502)


def _is_local(request: web.Request) -> bool:
    """Return whether the host is a loopback name, not one of a page that rebinds its DNS name."""
    try:
        return request.url.host in _LOOPBACK
    except ValueError:
        return False


def _is_encoded(request: web.Request) -> bool:
    """Return whether a request declares a content coding, known or not."""
    codings = ",".join(request.headers.getall("Content-Encoding", [])).split(",")
    return any(coding.strip().lower() not in ("", "identity") for coding in codings)
