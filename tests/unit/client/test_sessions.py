"""Access tokens: sent when needed, and refreshed once when they expire."""

import asyncio
import json
import threading
import time
from typing import Any

import httpx
import pytest

from support.fake_storefront import ORIGIN, SESSION, TOY, FakeStorefront, answer, problem
from toyshop_client import AsyncToyShop, ConnectionFailed, Session, ToyShop, Unauthorized

USER = {"id": "usr_1", "email": "alice@example.com", "name": "Alice"}
FRESH = SESSION | {"access_token": "access-2"}


def signed_in(storefront: FakeStorefront, shop: Any) -> None:
    storefront.on("POST /sessions", answer(200, SESSION))
    shop.sign_in("alice@example.com", "secret")
    storefront.requests.clear()


def tokens(storefront: FakeStorefront, path: str = "/api/users/me") -> list[str]:
    return [
        request.headers.get("Authorization", "").removeprefix("Bearer ")
        for request in storefront.requests
        if request.url.path == path
    ]


def test_token_is_sent_where_it_is_needed(shop: Any, storefront: FakeStorefront) -> None:
    storefront.on("GET /users/me", answer(200, USER))
    storefront.on("GET /toys/toy_1", answer(200, TOY))
    signed_in(storefront, shop)
    shop.users.me()
    shop.toys.get("toy_1")
    shop.sign_out()
    shop.users.me()
    assert tokens(storefront) == ["access-1", ""]
    assert tokens(storefront, "/api/toys/toy_1") == [""]
    assert shop.session is None


def test_expired_session_is_refreshed_once(shop: Any, storefront: FakeStorefront) -> None:
    signed_in(storefront, shop)
    storefront.on("GET /users/me", problem(401), answer(200, USER))
    storefront.on("POST /sessions", answer(200, FRESH))
    assert shop.users.me().name == "Alice"
    assert tokens(storefront) == ["access-1", "access-2"]
    assert list(storefront.bodies()) == [{"refresh_token": "refresh-1"}]
    assert shop.session.access_token == "access-2"
    # AND a second refusal is final
    storefront.on("GET /users/me", problem(401))
    with pytest.raises(Unauthorized):
        shop.users.me()
    assert tokens(storefront)[2:] == ["access-2", "access-2"]


def test_session_that_cannot_be_refreshed_is_forgotten(
    shop: Any, storefront: FakeStorefront
) -> None:
    signed_in(storefront, shop)
    storefront.on("GET /users/me", problem(401, detail="Sign in again."))
    storefront.on("POST /sessions", problem(401, detail="The refresh token is not valid."))
    with pytest.raises(Unauthorized, match="Sign in again"):
        shop.users.me()
    assert shop.session is None


def test_lost_response_to_a_refresh_keeps_the_session(
    shop: Any, storefront: FakeStorefront
) -> None:
    signed_in(storefront, shop)
    storefront.on("GET /users/me", problem(401), problem(401), answer(200, USER))
    storefront.on("POST /sessions", httpx.ReadError(""))
    with pytest.raises(ConnectionFailed):
        shop.users.me()
    storefront.on("POST /sessions", answer(200, FRESH))
    assert shop.users.me().name == "Alice"


class Expiring:
    """A shop that counts how often it refuses an expired token and refreshes the session."""

    def __init__(self) -> None:
        self.refreshed = 0
        self.refused = 0

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            assert json.loads(request.content) == {"refresh_token": "refresh-1"}
            self.refreshed += 1
            return answer(200, FRESH)
        if request.headers["Authorization"] == "Bearer access-1":
            self.refused += 1
            return problem(401)
        return answer(200, USER)


def test_threads_share_one_refresh() -> None:
    shop_side, barrier = Expiring(), threading.Barrier(4)

    def handle(request: httpx.Request) -> httpx.Response:
        response = shop_side.handle(request)
        if request.method == "POST":
            # long enough for other threads to request another refresh
            time.sleep(0.05)
        if response.status_code == 401:
            # all threads use the expired token before any of them continues
            barrier.wait(timeout=10)
        return response

    names: list[str] = []
    with ToyShop(ORIGIN, session=Session(**SESSION), transport=httpx.MockTransport(handle)) as shop:
        threads = [
            threading.Thread(target=lambda: names.append(shop.users.me().name)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert names == ["Alice"] * 4
    assert (shop_side.refused, shop_side.refreshed) == (4, 1)


def test_tasks_share_one_refresh() -> None:
    shop_side = Expiring()

    async def handle(request: httpx.Request) -> httpx.Response:
        response = shop_side.handle(request)
        while response.status_code == 401 and shop_side.refused < 4:
            await asyncio.sleep(0)
        for _ in range(100 if request.method == "POST" else 0):
            # let the other tasks run
            await asyncio.sleep(0)
        return response

    async def run() -> list[Any]:
        async with AsyncToyShop(
            ORIGIN, session=Session(**SESSION), transport=httpx.MockTransport(handle)
        ) as shop:
            return await asyncio.gather(*(shop.users.me() for _ in range(4)))

    assert [user.name for user in asyncio.run(run())] == ["Alice"] * 4
    assert (shop_side.refused, shop_side.refreshed) == (4, 1)
