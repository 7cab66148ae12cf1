"""Fixtures of the client's tests: both clients, with a fake storefront."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.fake_storefront import ORIGIN, FakeStorefront
from toyshop_client import AsyncToyShop, Retries, ToyShop
from toyshop_client._io import AsyncIO, BlockingIO


@pytest.fixture
def storefront() -> FakeStorefront:
    return FakeStorefront()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the client's pauses, which advance its clock without waiting."""
    made: list[float] = []

    async def sleep(_: Any, seconds: float) -> None:
        made.append(seconds)

    for io in (BlockingIO, AsyncIO):
        monkeypatch.setattr(io, "sleep", sleep)
        monkeypatch.setattr(io, "now", lambda _: sum(made))
    return made


class Blocking:
    """Lets a test call the asynchronous client as if it blocked."""

    def __init__(self, target: Any, run: Any) -> None:
        self._target, self._run = target, run

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name in ("toys", "orders", "users"):
            return Blocking(value, self._run)
        if not callable(value):
            return value

        def call(*positional: Any, **named: Any) -> Any:
            result = value(*positional, **named)
            if inspect.isawaitable(result):
                return self._run(result)
            return Iterated(result, self._run) if hasattr(result, "pages") else result

        return call


class Iterated:
    """Iterates over the items of an asynchronous list."""

    def __init__(self, items: Any, run: Any) -> None:
        self._items, self._run = items, run

    def __iter__(self) -> Iterator[Any]:
        return self._all(aiter(self._items))

    def pages(self) -> Iterator[Any]:
        return self._all(self._items.pages())

    def _all(self, items: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(items)

        while True:
            try:
                yield self._run(following())
            except StopAsyncIteration:
                return


@pytest.fixture(params=["blocking", "asynchronous"])
def shop(
    request: pytest.FixtureRequest, storefront: FakeStorefront, pauses: list[float]
) -> Iterator[Any]:
    """Return each of the two clients."""
    transport = httpx.MockTransport(storefront.handle)
    retries = Retries(attempts=3, first_pause=1.0)
    if request.param == "blocking":
        with ToyShop(ORIGIN, transport=transport, retries=retries) as blocking:
            yield blocking
        return
    with asyncio.Runner() as runner:
        client = AsyncToyShop(ORIGIN, transport=transport, retries=retries)
        yield Blocking(client, runner.run)
        runner.run(client.close())
