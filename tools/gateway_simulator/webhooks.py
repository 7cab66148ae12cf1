"""Webhooks, signed as Stripe signs them and delivered in the background."""

import asyncio
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterable, Sequence
from typing import cast

import aiohttp

from gateway_simulator.errors import Json
from gateway_simulator.store import Store, UnitOfWork

RETRY_DELAYS = (0.5, 2.0, 8.0, 30.0)

_TABLE = "deliveries"
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_AT_ONCE = 8

log = logging.getLogger(__name__)


def signature(payload: bytes, secret: str, timestamp: int) -> str:
    """Return the `Stripe-Signature` header of a payload."""
    signed = str(timestamp).encode() + b"." + payload
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Webhooks:
    """Delivers events to one URL, at least once, in no order.

    An event that waits for its delivery is as durable as the change it tells of: after a crash
    the next start delivers it.

    Parameters
    ----------
    store
        Where the state of each delivery is kept.
    url
        Where events are posted.
    secret
        What they are signed with.
    retry_delays
        Seconds to wait after each attempt that failed; the last failure ends it.
    """

    def __init__(
        self,
        store: Store,
        url: str,
        secret: str,
        retry_delays: Sequence[float] = RETRY_DELAYS,
    ) -> None:
        self._store = store
        self._url = url
        self._secret = secret
        self._retry_delays = retry_delays
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Deliver what an earlier run left behind."""
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        rows = self._store.rows(_TABLE).values()
        self.deliver([row["event"] for row in rows if row["state"] == "pending"])

    def plan(self, work: UnitOfWork) -> None:
        """Make the deliveries of a unit of work's events part of that work."""
        for event in work.events:
            work.put(_TABLE, event["id"], {"state": "pending", "event": event})

    def deliver(self, events: Iterable[Json]) -> None:
        """Begin to deliver events whose delivery has been planned."""
        for event in events:
            task = asyncio.create_task(self._deliver(event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop delivering; what is undelivered stays planned."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, event: Json) -> None:
        for delay in (0.0, *self._retry_delays):
            await asyncio.sleep(delay)
            if await self._post(event):
                self._settle(event, "delivered")
                return
        log.error("gave up on webhook %s (%s) to %s", event["id"], event["type"], self._url)
        self._settle(event, "abandoned")

    async def _post(self, event: Json) -> bool:
        payload = json.dumps(event, separators=(",", ":")).encode()
        # Receivers compare with their own clock, so this is not the simulator's.
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, self._secret, timestamp),
            "User-Agent": "Stripe/1.0 (gateway simulator)",
        }
        session = cast(aiohttp.ClientSession, self._session)
        try:
            async with (
                self._free,
                session.post(
                    self._url, data=payload, headers=headers, allow_redirects=False
                ) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("webhook %s was not delivered: %r", event["id"], error)
            return False
        if not 200 <= status < 300:
            log.warning("webhook %s was answered with %s", event["id"], status)
        return 200 <= status < 300

    def _settle(self, event: Json, state: str) -> None:
        work = self._store.begin()
        work.put(_TABLE, event["id"], {"state": state})
        work.commit()
