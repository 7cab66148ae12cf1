"""A simulator per test: the real application on a test server in the same process."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway_simulator.server import make_app
from gateway_simulator.store import Store
from gateway_simulator.webhooks import Webhooks

Form = dict[str, str]


@dataclass(frozen=True)
class Reply:
    """Status, JSON body and headers of a response."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str | None:
        """The error's code."""
        code: str | None = self.body["error"].get("code")
        return code


class Simulator:
    """Client of the simulated API and of the control API.

    Parameters
    ----------
    http
        HTTP client connected to the application.
    store
        State of the simulator.
    """

    def __init__(self, http: TestClient[Any, Any], store: Store) -> None:
        self.http = http
        self.store = store

    async def call(
        self, method: str, path: str, form: Form | None = None, key: str | None = None
    ) -> Reply:
        """Call the API."""
        headers = {"Authorization": "Bearer sk_test_shop"}
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.http.request(method, path, data=form, headers=headers) as response:
            return Reply(response.status, await response.json(), dict(response.headers))

    async def control(self, method: str, path: str, body: Any = None) -> Reply:
        """Call the control API."""
        async with self.http.request(method, f"/_simulator{path}", json=body) as response:
            text = await response.text()
            return Reply(response.status, await response.json() if text else None, {})

    async def create(self, key: str | None = None, **form: str) -> str:
        """Create an intent for order `ord_1`, with further parameters, and return its id."""
        fields = {"amount": "2999", "currency": "aud", "metadata[order_id]": "ord_1"}
        reply = await self.call("POST", "/v1/payment_intents", {**fields, **form}, key)
        assert reply.status == 200, reply.body
        return str(reply.body["id"])

    async def confirm(
        self, intent: str, card: str = "pm_card_visa", key: str | None = None
    ) -> Reply:
        """Confirm an intent with a card."""
        path = f"/v1/payment_intents/{intent}/confirm"
        return await self.call("POST", path, {"payment_method": card}, key)

    async def retrieve(self, intent: str) -> Any:
        """Return the current state of an intent."""
        return (await self.call("GET", f"/v1/payment_intents/{intent}")).body

    async def ledger(self) -> list[dict[str, Any]]:
        """Return the ledger."""
        entries: list[dict[str, Any]] = (await self.control("GET", "/ledger")).body
        return entries


Scenario = Callable[[Simulator], Awaitable[None]]
Simulate = Callable[..., None]


@pytest.fixture
def simulate(tmp_path: Path) -> Simulate:
    """Return a function that runs a scenario; all scenarios of a test share the saved state."""

    def run(scenario: Scenario, webhook_url: str | None = None) -> None:
        async def serve() -> None:
            store = Store(tmp_path / "state")
            webhooks = None
            if webhook_url is not None:
                webhooks = Webhooks(store, webhook_url, "whsec_test", retry_delays=(0.01, 0.02))
            async with TestClient(TestServer(make_app(store, webhooks))) as http:
                await scenario(Simulator(http, store))

        asyncio.run(serve())

    return run
