"""A server that receives the simulator's webhooks."""

import asyncio
import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port


class Receiver:
    """Webhook route that answers with the given statuses, then with 204."""

    def __init__(self, *statuses: int) -> None:
        self.received: list[tuple[bytes, str]] = []
        self._statuses = list(statuses)

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response(status=self._statuses.pop(0) if self._statuses else 204)

    async def start(self, port: int) -> TestServer:
        app = web.Application()
        app.router.add_post("/hook", self.handle)
        server = TestServer(app, port=port)
        await server.start_server()
        return server

    async def events(self, count: int) -> list[dict[str, Any]]:
        """Wait until the given number of events has arrived, and return all of them."""
        async with asyncio.timeout(2):
            while len(self.received) < count:
                await asyncio.sleep(0.005)
        return [json.loads(payload) for payload, _ in self.received]


def run_with_receiver(simulate: Any, receiver: Receiver, scenario: Any) -> None:
    port = unused_port()

    async def with_receiver(simulator: Any) -> None:
        server = await receiver.start(port)
        await scenario(simulator)
        await server.close()

    simulate(with_receiver, webhook_url=f"http://127.0.0.1:{port}/hook")
