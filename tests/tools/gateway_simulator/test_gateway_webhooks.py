"""Webhooks: what is sent, how it is signed, and what happens when nobody takes it."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from gateway_simulator.webhooks import signature


class Receiver:
    """A shop's webhook route that answers with the statuses it is told, then with 204."""

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
        """Return the events, once there are so many."""
        async with asyncio.timeout(2):
            while len(self.received) < count:
                await asyncio.sleep(0.005)
        return [json.loads(payload) for payload, _ in self.received]


def played(simulate: Any, receiver: Receiver, scenario: Any) -> None:
    port = unused_port()

    async def with_receiver(shop: Any) -> None:
        server = await receiver.start(port)
        await scenario(shop)
        await server.close()

    simulate(with_receiver, webhook_url=f"http://127.0.0.1:{port}/hook")


def test_the_signature_is_stripes() -> None:
    expected = hmac.new(b"whsec_x", b'12.{"a":1}', hashlib.sha256).hexdigest()
    assert signature(b'{"a":1}', "whsec_x", 12) == f"t=12,v1={expected}"


def test_every_outcome_has_its_event(simulate: Any) -> None:
    receiver = Receiver()

    async def scenario(shop: Any) -> None:
        # GIVEN intents with all outcomes
        paid, cancelled, action = [await shop.create() for _ in range(3)]
        await shop.confirm(paid, "pm_card_chargeDeclined")
        await shop.confirm(paid)
        await shop.confirm(action, "pm_card_authenticationRequired")
        await shop.call("POST", f"/v1/payment_intents/{cancelled}/cancel")
        await shop.call("POST", "/v1/refunds", {"payment_intent": paid})
        # WHEN the webhooks have come
        events = await receiver.events(5)
        # THEN each outcome has been told, with the order in it
        assert sorted(event["type"] for event in events) == [
            "charge.refunded",
            "payment_intent.canceled",
            "payment_intent.payment_failed",
            "payment_intent.requires_action",
            "payment_intent.succeeded",
        ]
        for event in events:
            assert event["object"] == "event"
            assert event["id"].startswith("evt_")
            assert event["data"]["object"]["metadata"] == {"order_id": "ord_1"}
        succeeded = next(e for e in events if e["type"] == "payment_intent.succeeded")
        assert succeeded["data"]["object"] == await shop.retrieve(paid)
        # AND a replay tells nothing
        await shop.create(key="k")
        await shop.create(key="k")
        await asyncio.sleep(0.02)
        assert len(receiver.received) == 5

    played(simulate, receiver, scenario)


def test_a_delivery_that_fails_is_tried_again_and_then_given_up(simulate: Any) -> None:
    receiver = Receiver(500, 302, 204, 500, 500, 500)

    async def scenario(shop: Any) -> None:
        # WHEN the first two attempts of one fail THEN the third is the same event
        await shop.confirm(await shop.create())
        events = await receiver.events(3)
        assert len({event["id"] for event in events}) == 1
        # WHEN all attempts of another fail THEN there is no fourth
        await shop.confirm(await shop.create())
        await receiver.events(6)
        await asyncio.sleep(0.05)
        assert len(receiver.received) == 6

    played(simulate, receiver, scenario)


def test_what_was_not_delivered_is_delivered_after_a_restart(simulate: Any) -> None:
    async def unheard(shop: Any) -> None:
        # GIVEN a charge, and a simulator that stops before anybody heard of it
        await shop.confirm(await shop.create())

    simulate(unheard, webhook_url=f"http://127.0.0.1:{unused_port()}/hook")
    receiver = Receiver()

    async def scenario(shop: Any) -> None:
        # WHEN it starts again THEN it tells
        (event,) = await receiver.events(1)
        assert event["type"] == "payment_intent.succeeded"

    played(simulate, receiver, scenario)
    received = len(receiver.received)

    async def nothing_left(shop: Any) -> None:
        # AND tells once
        await asyncio.sleep(0.05)
        assert len(receiver.received) == received

    played(simulate, receiver, nothing_left)


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_an_authentication_is_told(simulate: Any, outcome: str) -> None:
    receiver = Receiver()

    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        await shop.confirm(intent, "pm_card_authenticationRequired")
        await receiver.events(1)
        path = f"/payment_intents/{intent}/authenticate"
        await shop.control("POST", path, {"outcome": outcome})
        told = (await receiver.events(2))[-1]["type"]
        expected = "succeeded" if outcome == "succeeded" else "payment_failed"
        assert told == f"payment_intent.{expected}"

    played(simulate, receiver, scenario)
