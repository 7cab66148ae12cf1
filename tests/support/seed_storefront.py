"""A storefront that keeps the toys and pictures that it is given, to seed it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


class Storefront:
    """The few routes that seeding uses, and a store of pictures."""

    def __init__(self) -> None:
        self.toys: list[dict[str, Any]] = []
        self.announced: list[dict[str, Any]] = []
        self.pictures: dict[str, list[bytes]] = {}
        self.images: dict[str, list[dict[str, Any]]] = {}
        self.loses_upload = 0
        self.checked_after = 0
        self.reads_before_picture = 0
        self.most_at_once = self._at_once = 0
        self.refuse = 0
        self.busy = 0
        self.holds_uploads = False
        self.checkpoints = 0
        self.drops = self.loses_answer = False
        self.signed_in: list[Any] = []

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/sessions", self.sign_in)
        app.router.add_get("/api/toys", self.toys_page)
        app.router.add_post("/api/toys", self.add_toy)
        app.router.add_get("/api/toys/{id}", self.read_toy)
        app.router.add_get("/api/toys/{id}/images", self.uploaded_images)
        app.router.add_post("/api/toys/{id}/images", self.add_image)
        app.router.add_post("/storage", self.upload)
        # the embedded AWS
        app.router.add_get("/_toyshop/activity", self.activity)
        app.router.add_post("/_toyshop/checkpoint", self.checkpoint)
        return app

    def make_toy(self, draft: dict[str, Any]) -> dict[str, Any]:
        toy = {"id": f"toy_{len(self.toys)}", "images": [], "version": 1, **draft}
        self.toys.append(toy)
        return toy

    def by_name(self) -> dict[str, list[bytes]]:
        """Return the pictures of each toy."""
        return {toy["name"]: self.pictures.get(toy["id"], []) for toy in self.toys}

    async def sign_in(self, request: web.Request) -> web.Response:
        self.signed_in.append(await request.json())
        return web.json_response({"access_token": "t"})

    async def toys_page(self, request: web.Request) -> web.Response:
        start = int(request.query.get("cursor", "0"))
        items = self.toys[start : start + 100]
        more = start + 100 if start + 100 < len(self.toys) else None
        return web.json_response({"items": items, "next_cursor": str(more) if more else None})

    async def add_toy(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t"
        if self.refuse:
            return web.json_response({"detail": "No more toys."}, status=self.refuse)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0)
        toy = self.make_toy(await request.json())
        self._at_once -= 1
        if self.loses_answer:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(toy, status=201)

    async def read_toy(self, request: web.Request) -> web.Response:
        if self.reads_before_picture:
            self.reads_before_picture -= 1
            return web.json_response({"images": []})
        toy = self.toys[int(request.match_info["id"].removeprefix("toy_"))]
        return web.json_response(toy)

    async def uploaded_images(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t"
        images = self.images.get(request.match_info["id"], [])
        if self.checked_after:
            self.checked_after -= 1
            if not self.checked_after:
                for image in images:
                    self.check(request.match_info["id"], image)
        return web.json_response({"items": images, "next_cursor": None})

    def check(self, toy_id: str, image: dict[str, Any]) -> None:
        """Make an uploaded image one of its toy's."""
        image["status"] = "ready"
        toy = self.toys[int(toy_id.removeprefix("toy_"))]
        toy["images"].append(image)
        toy["version"] += 1

    async def add_image(self, request: web.Request) -> web.Response:
        if self.busy:
            self.busy -= 1
            return web.json_response({"detail": "Try again later."}, status=503)
        if self.drops:
            assert request.transport is not None
            request.transport.abort()
        image = await request.json()
        toy = self.toys[int(request.match_info["id"].removeprefix("toy_"))]
        self.announced.append({"toy": toy["name"], "unread": self.reads_before_picture, **image})
        images = self.images.setdefault(request.match_info["id"], [])
        images.append({"id": str(len(images)), "alt": image["alt"], "status": "pending"})
        fields = {"key": request.match_info["id"], "Content-Type": image["content_type"]}
        fields["image"] = str(len(images) - 1)
        url = str(request.url.origin() / "storage")
        upload = {"method": "POST", "url": url, "headers": {}, "fields": fields}
        return web.json_response({"image": {}, "upload": upload}, status=201)

    async def activity(self, _: web.Request) -> web.Response:
        return web.json_response({"events": 0})

    async def checkpoint(self, _: web.Request) -> web.Response:
        self.checkpoints += 1
        return web.json_response({})

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        while self.holds_uploads:
            await asyncio.sleep(0.01)
        if self.loses_upload:
            self.loses_upload -= 1
            return web.Response(status=500)
        file = form["file"]
        assert isinstance(file, web.FileField)
        self.pictures.setdefault(str(form["key"]), []).append(file.file.read())
        if not self.checked_after:
            self.check(str(form["key"]), self.images[str(form["key"])][int(str(form["image"]))])
        return web.Response(status=204)


@contextmanager
def serving(storefront: Storefront) -> Iterator[str]:
    """Yield the origin of a storefront on a thread: seeding has an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = TestServer(storefront.application())
    asyncio.run_coroutine_threadsafe(server.start_server(), loop).result(10)
    yield str(server.make_url("")).rstrip("/")
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
