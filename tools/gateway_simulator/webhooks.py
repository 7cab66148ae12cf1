"""Webhooks with Stripe's signature, delivered in the background."""

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
from gateway_simulator.keys import Keys
from gateway_simulator.store import Store, UnitOfWork

RETRY_DELAYS = (0.5, 2.0, 8.0, 30.0)

_TABLE = "deliveries"
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_MAX_CONCURRENT = 8

log = logging.getLogger(__name__)


def signature(payload: bytes, secret: str, timestamp: int) -> str:
    """Return the `Stripe-Signature` header of a payload.

    Parameters
    ----------
    payload
        Body of the webhook.
    secret
        Signing secret (`whsec_…`).
    timestamp
        Time of sending in seconds since 1970.
    """
    signed = str(timestamp).encode() + b"." + payload
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Webhooks:
    """Delivers events to one URL, at least once and in no particular order.

    A pending delivery is stored in the same unit of work as the change that the event reports, so
    that it is resumed after a crash.

    Parameters
    ----------
    store
        Store of the deliveries' states.
    url
        URL that events are sent to.
    secret
        Signing secret (`whsec_…`), until the account's is rolled.
    retry_delays
        Seconds to wait before each retry; after the last one, a delivery is abandoned.

    Attributes
    ----------
    keys
        The account's keys.
    skew_seconds
        Seconds by which the clock that signs webhooks is ahead of the system clock.
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
        self.keys = Keys(store.directory)
        self.skew_seconds = 0.0
        self._retry_delays = retry_delays
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT)
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Resume the deliveries that an earlier run left pending."""
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        rows = self._store.rows(_TABLE).values()
        self.deliver([row["event"] for row in rows if row["state"] == "pending"])

    def add_deliveries(self, work: UnitOfWork) -> None:
        """Add a pending delivery for each event of a unit of work to that unit."""
        for event in work.events:
            work.put(_TABLE, event["id"], {"state": "pending", "event": event})

    def deliver(self, events: Iterable[Json]) -> None:
        """Start to deliver events whose deliveries are stored."""
        for event in events:
            task = asyncio.create_task(self._deliver(event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop all deliveries; those that are not complete remain pending."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, event: Json) -> None:
        for delay in (0.0, *self._retry_delays):
            await asyncio.sleep(delay)
            if await self._post(event):
                self._set_state(event, "delivered")
                return
        log.error(
            "webhook abandoned event_id=%s type=%s url=%s", event["id"], event["type"], self._url
        )
        self._set_state(event, "abandoned")

    async def _post(self, event: Json) -> bool:
        payload = json.dumps(event, separators=(",", ":")).encode()
        # Receivers compare it with the system clock, so it is not the simulator's time.
        timestamp = int(time.time() + self.skew_seconds)
        secret = self.keys.get("webhook_secret") or self._secret
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, secret, timestamp),
            "User-Agent": "Stripe/1.0 (gateway simulator)",
        }
        session = cast(aiohttp.ClientSession, self._session)
        try:
            async with (
                self._slots,
                session.post(
                    self._url, data=payload, headers=headers, allow_redirects=False
                ) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("webhook not delivered event_id=%s error=%r", event["id"], error)
            return False
        if not 200 <= status < 300:
            log.warning("webhook rejected event_id=%s status=%s", event["id"], status)
        return 200 <= status < 300

    def _set_state(self, event: Json, state: str) -> None:
        work = self._store.begin()
        work.put(_TABLE, event["id"], {"state": state})
        work.commit()
