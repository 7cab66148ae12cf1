"""The edge in front of an upstream that answers as the gateway or the storefront would."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from local_edge.api import BODY_LIMIT
from local_edge.limits import Limits
from local_edge.server import Origins, application

API = "/restapis/toyshop-local-storefront-api/api/_user_request_"
GATEWAY = "http://127.0.0.1:12111"
FILES = "/toyshop-local-file-manager-public"


class Upstream:
    """Gives the answer that a test sets, and records requests."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"status": 200, "text": "{}"}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def respond(self, request: web.Request) -> web.Response:
        """Answer a request; a write only while ``open`` is set."""
        body = await request.read()
        self.requests.append((request.method, request.raw_path, dict(request.headers), body))
        if request.method != "GET":
            await self.open.wait()
        return web.Response(**self.answer)

    @property
    def path(self) -> str:
        return self.requests[-1][1]

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.requests[-1][2].items()}


class Edge:
    """A client of the edge that follows no redirect and leaves paths as they are."""

    def __init__(self, session: aiohttp.ClientSession, origin: URL, upstream: Upstream) -> None:
        self._session, self._origin, self.upstream = session, origin, upstream

    async def send_raw(self, *parts: bytes) -> tuple[str, str]:
        """Send bytes on a connection of their own; return head and body when it is closed."""
        reader, writer = await asyncio.open_connection(self._origin.host, self._origin.port)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        head, _, body = answer.decode().partition("\r\n\r\n")
        return head, body

    async def send(self, method: str, path: str, **options: Any) -> "Answer":
        url = URL(str(self._origin).rstrip("/") + path, encoded=True)
        async with self._session.request(method, url, allow_redirects=False, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.read())


class Answer:
    """The answer that a client received."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["Content-Type"] == "application/problem+json"
        content: dict[str, Any] = json.loads(self.body)
        assert content["type"].startswith("/problems.html#")
        assert content["status"] == self.status
        assert set(content) == {"type", "title", "status", "detail"}
        return content


@asynccontextmanager
async def running(directory: Path, limits: Limits | None = None) -> AsyncIterator[Edge]:
    upstream = Upstream()
    behind = web.Application(client_max_size=2 * BODY_LIMIT)
    behind.router.add_route("*", "/{path:.*}", upstream.respond)
    page = directory / "web"
    page.mkdir()
    (page / "index.html").write_text("<!doctype html><title>Toys</title>")
    (page / "app.js").write_text("export {}")
    (page / ".secret").write_text("no")
    (directory / "outside.txt").write_text("no")
    async with TestServer(behind) as server:
        origins = Origins.local(str(server.make_url("")).rstrip("/"), page, GATEWAY)
        async with (
            TestServer(application(origins, limits)) as edge,
            aiohttp.ClientSession() as session,
        ):
            yield Edge(session, edge.make_url("/"), upstream)


Scenario = Callable[[Edge], Awaitable[None]]


def run(directory: Path, scenario: Scenario, limits: Limits | None = None) -> None:
    """Run a scenario with the edge and its upstream."""

    async def main() -> None:
        async with running(directory, limits) as edge:
            await scenario(edge)

    asyncio.run(main())
