"""Webhooks: content, signature, retries, and resumption after a restart."""

import asyncio
import hashlib
import hmac
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from gateway_simulator.webhooks import signature
from support.webhook_receiver import Receiver, run_with_receiver


def test_signature_has_stripes_format() -> None:
    expected = hmac.new(b"whsec_x", b'12.{"a":1}', hashlib.sha256).hexdigest()
    assert signature(b'{"a":1}', "whsec_x", 12) == f"t=12,v1={expected}"


def test_every_outcome_is_reported_by_one_event(simulate: Any) -> None:
    receiver = Receiver()

    async def scenario(simulator: Any) -> None:
        # GIVEN intents with all outcomes
        paid, cancelled, action = [await simulator.create() for _ in range(3)]
        await simulator.confirm(paid, "pm_card_chargeDeclined")
        await simulator.confirm(paid)
        await simulator.confirm(action, "pm_card_authenticationRequired")
        await simulator.call("POST", f"/v1/payment_intents/{cancelled}/cancel")
        await simulator.call("POST", "/v1/refunds", {"payment_intent": paid})
        # WHEN the webhooks have arrived
        events = await receiver.events(6)
        # THEN there is one event per outcome, with the id of the order
        assert sorted(event["type"] for event in events) == [
            "charge.refunded",
            "payment_intent.canceled",
            "payment_intent.payment_failed",
            "payment_intent.requires_action",
            "payment_intent.succeeded",
            "refund.created",
        ]
        for event in events:
            assert event["object"] == "event"
            assert event["id"].startswith("evt_")
            # a refund has metadata of its own
            order = {} if event["type"] == "refund.created" else {"order_id": "ord_1"}
            assert event["data"]["object"]["metadata"] == order
        succeeded = next(e for e in events if e["type"] == "payment_intent.succeeded")
        assert succeeded["data"]["object"] == await simulator.retrieve(paid)
        # AND a replayed request sends no event
        await simulator.create(key="k")
        await simulator.create(key="k")
        await asyncio.sleep(0.02)
        assert len(receiver.received) == 6

    run_with_receiver(simulate, receiver, scenario)


def test_failed_delivery_is_retried_and_finally_abandoned(simulate: Any) -> None:
    receiver = Receiver(500, 302, 204, 500, 500, 500)

    async def scenario(simulator: Any) -> None:
        # WHEN the first two attempts of a delivery fail THEN the third sends the same event
        await simulator.confirm(await simulator.create())
        events = await receiver.events(3)
        assert len({event["id"] for event in events}) == 1
        # WHEN all three attempts of another fail THEN there is no fourth
        await simulator.confirm(await simulator.create())
        await receiver.events(6)
        await asyncio.sleep(0.05)
        assert len(receiver.received) == 6

    run_with_receiver(simulate, receiver, scenario)


def test_pending_delivery_is_resumed_after_a_restart(simulate: Any) -> None:
    async def without_receiver(simulator: Any) -> None:
        # GIVEN a charge, and a simulator that stops before its event is delivered
        await simulator.confirm(await simulator.create())

    simulate(without_receiver, webhook_url=f"http://127.0.0.1:{unused_port()}/hook")
    receiver = Receiver()

    async def scenario(simulator: Any) -> None:
        # WHEN it starts again THEN the event is delivered
        (event,) = await receiver.events(1)
        assert event["type"] == "payment_intent.succeeded"

    run_with_receiver(simulate, receiver, scenario)
    received = len(receiver.received)

    async def after_delivery(simulator: Any) -> None:
        # AND not sent again after another restart
        await asyncio.sleep(0.05)
        assert len(receiver.received) == received

    run_with_receiver(simulate, receiver, after_delivery)


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_authentication_is_reported_by_an_event(simulate: Any, outcome: str) -> None:
    receiver = Receiver()

    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        await simulator.confirm(intent, "pm_card_authenticationRequired")
        await receiver.events(1)
        path = f"/payment_intents/{intent}/authenticate"
        await simulator.control("POST", path, {"outcome": outcome})
        event_type = (await receiver.events(2))[-1]["type"]
        expected = "succeeded" if outcome == "succeeded" else "payment_failed"
        assert event_type == f"payment_intent.{expected}"

    run_with_receiver(simulate, receiver, scenario)
