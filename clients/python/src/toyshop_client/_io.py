"""Input and output of the client, asynchronous and blocking.

The client is written once, as coroutines over ``IO``. ``BlockingIO`` never suspends, so
``completed`` runs such a coroutine without an event loop.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Protocol, TypeVar

import httpx

T = TypeVar("T")


class IO(Protocol):
    """Sends requests, waits, and locks."""

    @property
    def http(self) -> "httpx.Client | httpx.AsyncClient":
        """The client that builds requests."""

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the whole response."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    def now(self) -> float:
        """Return the time of a monotonic clock, in seconds."""

    @property
    def lock(self) -> AbstractAsyncContextManager[None]:
        """Lock that admits one task or thread at a time."""

    async def close(self) -> None:
        """Close all connections."""


class AsyncIO:
    """Suspends the running task of an event loop.

    Parameters
    ----------
    http
        Sends the requests.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.lock: AbstractAsyncContextManager[None] = asyncio.Lock()

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the whole response."""
        return await self.http.send(request)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def now(self) -> float:
        """Return the time of a monotonic clock, in seconds."""
        return time.monotonic()

    async def close(self) -> None:
        """Close all connections."""
        await self.http.aclose()


class BlockingIO:
    """Blocks the running thread.

    Parameters
    ----------
    http
        Sends the requests.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.lock: AbstractAsyncContextManager[None] = _ThreadLock()

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the whole response."""
        return self.http.send(request)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def now(self) -> float:
        """Return the time of a monotonic clock, in seconds."""
        return time.monotonic()

    async def close(self) -> None:
        """Close all connections."""
        self.http.close()


class _ThreadLock:
    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()


def completed(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine over ``BlockingIO`` to its end, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("A coroutine over BlockingIO suspended.")


def iterated(items: AsyncIterator[T]) -> Iterator[T]:
    """Yield the items of an asynchronous iterator over ``BlockingIO``."""

    async def following() -> T:
        return await anext(items)

    while True:
        try:
            item = completed(following())
        except StopAsyncIteration:
            return
        yield item
