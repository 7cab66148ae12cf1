"""What one laptop can serve at a time, and how long it waits for a request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

_READING = ("GET", "HEAD", "OPTIONS")
_WEBHOOKS = "/api/webhooks/"


class BusyError(Exception):
    """The shop serves as many requests as it can; this one was not forwarded."""


@dataclass(frozen=True)
class Limits:
    """Limits of the edge.

    Attributes
    ----------
    reads, writes
        How many requests of either kind are forwarded at a time. The embedded AWS has up to four
        workers for the storefront, so more would only wait there. They are counted apart, so that
        a burst of orders leaves the catalog readable.
    wait_seconds
        How long a request waits for its turn before it is refused. A webhook waits longer, because
        nobody looks at a page meanwhile.
    webhook_wait_seconds
        The same for a webhook.
    head_seconds
        How long the head of a request may take to arrive, from its first byte.
    body_seconds
        How long its body may take.
    idle_seconds
        How long a connection may stay open without a request, or with the beginning of one that
        arrived during the request before.
    """

    reads: int = 16
    writes: int = 8
    wait_seconds: float = 0.7
    webhook_wait_seconds: float = 10
    head_seconds: float = 10
    body_seconds: float = 30
    idle_seconds: float = 20


class Turns:
    """Lets requests pass, as many at a time as the limits allow."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._reads = asyncio.Semaphore(limits.reads)
        self._writes = asyncio.Semaphore(limits.writes)

    @asynccontextmanager
    async def turn(self, method: str, path: str) -> AsyncIterator[None]:
        """Wait for a request's turn, which lasts until the context ends.

        Raises
        ------
        BusyError
            If its turn does not come in time.
        """
        limits = self._limits
        seconds = limits.webhook_wait_seconds if path.startswith(_WEBHOOKS) else limits.wait_seconds
        turns = self._reads if method in _READING else self._writes
        try:
            async with asyncio.timeout(seconds):
                await turns.acquire()
        except TimeoutError:
            raise BusyError from None
        try:
            yield
        finally:
            turns.release()
