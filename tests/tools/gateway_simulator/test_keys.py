"""Keys that are rolled, and webhooks signed by a clock that is ahead."""

import time
from typing import Any

from gateway_simulator.webhooks import signature
from support.webhook_receiver import Receiver, run_with_receiver


def test_rolled_api_key_replaces_every_other_also_after_a_restart(simulate: Any) -> None:
    rolled: dict[str, str] = {}

    async def roll(simulator: Any) -> None:
        assert (await simulator.control("GET", "/keys")).body == {}
        await simulator.create()
        rolled.update((await simulator.control("POST", "/keys/api_key/roll")).body)
        assert rolled["api_key"].startswith("sk_test_")
        refused = await simulator.call("GET", "/v1/payment_intents")
        assert (refused.status, refused.code) == (401, "api_key_expired")

    async def use(simulator: Any) -> None:
        assert (await simulator.control("GET", "/keys")).body == rolled
        assert (await simulator.call("GET", "/v1/payment_intents")).status == 401
        headers = {"Authorization": f"Bearer {rolled['api_key']}"}
        async with simulator.http.get("/v1/payment_intents", headers=headers) as answer:
            assert answer.status == 200
            assert len((await answer.json())["data"]) == 1

    simulate(roll)
    simulate(use)


def test_unknown_key_cannot_be_rolled(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        assert (await simulator.control("POST", "/keys/password/roll")).status == 400

    simulate(scenario)


def test_webhooks_are_signed_with_the_rolled_secret_and_the_skewed_clock(simulate: Any) -> None:
    receiver = Receiver()

    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        rolled = await simulator.control("POST", "/keys/webhook_secret/roll")
        secret = rolled.body["webhook_secret"]
        await simulator.control("POST", "/webhooks", {"skew_seconds": 3600})
        before = time.time()
        await simulator.confirm(intent)
        await receiver.events(1)
        payload, header = receiver.received[0]
        timestamp = int(header.partition(",")[0].removeprefix("t="))
        assert timestamp >= before + 3600 - 1
        assert header == signature(payload, secret, timestamp)

    run_with_receiver(simulate, receiver, scenario)
