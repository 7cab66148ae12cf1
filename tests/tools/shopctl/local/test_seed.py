"""Seeding through the public API, against a storefront that keeps what it is given."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from seed_catalogue import load
from shopctl.local import seed
from shopctl.project.errors import ShopProblem


class Storefront:
    """The few routes that seeding uses, and a store of pictures."""

    def __init__(self) -> None:
        self.toys: list[dict[str, Any]] = []
        self.pictures: dict[str, bytes] = {}
        self.most_at_once = self._at_once = 0
        self.refuse = 0

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/sessions", self.sign_in)
        app.router.add_get("/api/toys", self.toys_page)
        app.router.add_post("/api/toys", self.add_toy)
        app.router.add_post("/api/toys/{id}/images", self.add_image)
        app.router.add_post("/storage", self.upload)
        return app

    async def sign_in(self, request: web.Request) -> web.Response:
        assert (await request.json())["email"] == "staff@example.com"
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
        toy = {"id": f"toy_{len(self.toys)}", **await request.json()}
        self.toys.append(toy)
        self._at_once -= 1
        return web.json_response(toy, status=201)

    async def add_image(self, request: web.Request) -> web.Response:
        image = await request.json()
        fields = {"key": request.match_info["id"], "Content-Type": image["content_type"]}
        url = str(request.url.origin() / "storage")
        upload = {"method": "POST", "url": url, "headers": {}, "fields": fields}
        return web.json_response({"image": {}, "upload": upload}, status=201)

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        self.pictures[str(form["key"])] = file.file.read()
        return web.Response(status=204)


@pytest.fixture
def storefront() -> Storefront:
    return Storefront()


@pytest.fixture
def origin(storefront: Storefront) -> Iterator[str]:
    """Serve on a thread: seeding has an event loop of its own."""
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


@pytest.fixture(autouse=True)
def small_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "load", lambda: load()[:12])


def nothing(done: int, of: int) -> None:
    pass


def test_every_toy_comes_once_with_its_picture(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    # WHEN a shop is seeded twice
    shown: list[tuple[int, int]] = []
    first = seed.seed(origin, tmp_path / "seed.json", lambda done, of: shown.append((done, of)))
    second = seed.seed(origin, tmp_path / "seed.json", nothing)
    # THEN it has each toy once, with a picture
    assert (first.created, first.present) == (12, 0)
    assert (second.created, second.present) == (0, 12)
    assert len({toy["name"] for toy in storefront.toys}) == len(storefront.toys) == 12
    assert len(storefront.pictures) == 12
    assert all(len(picture) > 100 for picture in storefront.pictures.values())
    assert shown[-1] == (12, 12)
    assert storefront.most_at_once <= 8


def test_toy_that_staff_renamed_does_not_come_back(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    seed.seed(origin, tmp_path / "seed.json", nothing)
    storefront.toys[3]["name"] = "Renamed"
    assert seed.seed(origin, tmp_path / "seed.json", nothing).created == 0


def test_lost_record_and_lost_toys_are_made_good(
    storefront: Storefront, origin: str, tmp_path: Path
) -> None:
    # GIVEN a shop that lost a toy, and the record of which toy is which
    seed.seed(origin, tmp_path / "seed.json", nothing)
    lost = storefront.toys.pop()
    (tmp_path / "seed.json").unlink()
    # WHEN it is seeded again THEN only that toy is added
    assert seed.seed(origin, tmp_path / "seed.json", nothing).created == 1
    assert storefront.toys[-1]["name"] == lost["name"]
    assert json.loads((tmp_path / "seed.json").read_text())


def test_refusal_is_a_sentence(storefront: Storefront, origin: str, tmp_path: Path) -> None:
    storefront.refuse = 503
    with pytest.raises(ShopProblem, match=r"answered adding .* with 503 .* No more toys\.") as why:
        seed.seed(origin, tmp_path / "seed.json", nothing)
    assert "./shop logs toys" in why.value.remedy
