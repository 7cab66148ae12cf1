"""Access tokens: sent when needed, and refreshed once when they expire."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
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


BOB = SESSION | {"access_token": "access-bob", "refresh_token": "refresh-bob"}


class Interrupted:
    """A shop that refuses Alice's first token; something else happens while it handles a request.

    Parameters
    ----------
    moment
        The request: of the profile, or to refresh the session.
    refreshes
        Whether it refreshes the session.
    """

    def __init__(self, moment: str, *, refreshes: bool) -> None:
        self._moment = moment
        self._refreshes = refreshes
        self.tokens: list[str] = []

    def is_time(self, request: httpx.Request) -> bool:
        """Return whether it happens during a request."""
        is_refresh = b"refresh-1" in request.content
        asks = len(self.tokens) == 1 and request.url.path == "/api/users/me"
        return is_refresh if self._moment == "refresh" else asks

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/sessions":
            if b"bob" in request.content:
                return answer(200, BOB)
            return answer(200, FRESH) if self._refreshes else problem(401)
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.tokens.append(token)
        return problem(401) if token == "access-1" else answer(200, {**USER, "name": token})


def blocking(shop_side: Interrupted, act: Callable[[Any], Any]) -> tuple[str, str]:
    """Return whose profile the blocking client reads, and whose session it has afterwards."""

    def handle(request: httpx.Request) -> httpx.Response:
        response = shop_side.handle(request)
        if shop_side.is_time(request):
            act(shop)
        return response

    transport = httpx.MockTransport(handle)
    with ToyShop(ORIGIN, session=Session(**SESSION), transport=transport) as shop:
        try:
            found = shop.users.me().name
        except Unauthorized:
            found = ""
        return found, shop.session.access_token if shop.session else ""


def asynchronous(shop_side: Interrupted, act: Callable[[Any], Any]) -> tuple[str, str]:
    """Return whose profile the asynchronous client reads, and its session afterwards."""

    async def handle(request: httpx.Request) -> httpx.Response:
        response = shop_side.handle(request)
        if shop_side.is_time(request) and (acting := act(shop)):
            await acting
        return response

    async def run() -> tuple[str, str]:
        try:
            found = (await shop.users.me()).name
        except Unauthorized:
            found = ""
        await shop.close()
        return found, shop.session.access_token if shop.session else ""

    transport = httpx.MockTransport(handle)
    shop = AsyncToyShop(ORIGIN, session=Session(**SESSION), transport=transport)
    return asyncio.run(run())


def bob_signs_in(shop: Any) -> Any:
    return shop.sign_in("bob@example.com", "secret")


@pytest.mark.parametrize("client", [blocking, asynchronous])
@pytest.mark.parametrize(
    ("moment", "refreshes", "sent"),
    [
        # the call is answered, with Alice's new token
        ("refresh", True, ["access-1", "access-2"]),
        ("refresh", False, ["access-1"]),
        # Alice's session is not refreshed, and the call is not repeated
        ("call", True, ["access-1"]),
    ],
)
def test_call_is_never_repeated_as_another_user(
    client: Callable[..., tuple[str, str]], moment: str, refreshes: bool, sent: list[str]
) -> None:
    answered = sent[-1] if len(sent) > 1 else ""
    shop_side = Interrupted(moment, refreshes=refreshes)
    # WHEN Alice signs out meanwhile, THEN the shop stays signed out
    assert client(shop_side, lambda shop: shop.sign_out()) == (answered, "")
    assert shop_side.tokens == sent
    # WHEN Bob signs in meanwhile, THEN further calls are his
    shop_side = Interrupted(moment, refreshes=refreshes)
    assert client(shop_side, bob_signs_in) == (answered, "access-bob")
    assert shop_side.tokens == sent


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
