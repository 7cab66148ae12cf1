"""`Idempotency-Key`: stored answers, their retention, and conflicts."""

import asyncio
from typing import Any

import pytest

INTENTS = "/v1/payment_intents"
FORM = {"amount": "2999", "currency": "aud"}
DAY = 24 * 3600


def test_repeated_request_gets_the_stored_answer(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        first = await simulator.call("POST", INTENTS, FORM, "k")
        again = await simulator.call("POST", INTENTS, dict(reversed(FORM.items())), "k")
        assert (again.status, again.body) == (first.status, first.body)
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["Original-Request"] == first.headers["Request-Id"]
        assert again.headers["Request-Id"] != first.headers["Request-Id"]
        assert len((await simulator.call("GET", INTENTS)).body["data"]) == 1

    simulate(scenario)


def test_repeated_charge_and_refund_are_executed_once(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        for card, status in (("pm_card_chargeDeclined", 402), ("pm_card_visa", 200)):
            first = await simulator.confirm(intent, card, key=card)
            again = await simulator.confirm(intent, card, key=card)
            assert (first.status, again.status, again.body) == (status, status, first.body)
        refunds = [
            await simulator.call("POST", "/v1/refunds", {"payment_intent": intent}, "r")
            for _ in range(2)
        ]
        assert refunds[0].body == refunds[1].body
        assert [entry["type"] for entry in await simulator.ledger()] == [
            "charge",
            "charge",
            "refund",
        ]

    simulate(scenario)


def test_replay_does_not_reflect_later_changes(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create(key="k")
        await simulator.confirm(intent)
        form = {**FORM, "metadata[order_id]": "ord_1"}
        replay = await simulator.call("POST", INTENTS, form, "k")
        assert replay.body["status"] == "requires_payment_method"

    simulate(scenario)


def test_key_of_another_request_is_rejected(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = (await simulator.call("POST", INTENTS, FORM, "k")).body["id"]
        others = (
            await simulator.call("POST", INTENTS, {**FORM, "amount": "3000"}, "k"),
            await simulator.call("POST", f"{INTENTS}/{intent}/cancel", FORM, "k"),
        )
        for other in others:
            assert (other.status, other.body["error"]["type"]) == (400, "idempotency_error")
        # The rejections have not replaced the stored answer.
        assert (await simulator.call("POST", INTENTS, FORM, "k")).body["id"] == intent

    simulate(scenario)


def test_corrected_request_can_use_the_key_of_an_invalid_one(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        assert (await simulator.call("POST", INTENTS, {"amount": "1"}, "k")).status == 400
        assert (await simulator.call("POST", INTENTS, FORM, "k")).status == 200
        intent = await simulator.create()
        assert (await simulator.confirm(intent, "pm_card_unknown", "c")).status == 400
        assert (await simulator.confirm(intent, "pm_card_visa", "c")).status == 200

    simulate(scenario)


def test_error_of_an_executed_operation_is_stored(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN a refund that was rejected because nothing had been paid
        intent = await simulator.create()
        form = {"payment_intent": intent}
        rejected = await simulator.call("POST", "/v1/refunds", form, "k")
        assert rejected.status == 400
        # WHEN the intent is paid THEN the same key still gets the error
        await simulator.confirm(intent)
        assert (await simulator.call("POST", "/v1/refunds", form, "k")).body == rejected.body
        assert (await simulator.call("POST", "/v1/refunds", form, "other")).status == 200

    simulate(scenario)


@pytest.mark.parametrize(("seconds", "intents"), [(DAY - 60, 1), (DAY, 2)])
def test_key_expires_after_a_day(simulate: Any, seconds: int, intents: int) -> None:
    async def scenario(simulator: Any) -> None:
        await simulator.call("POST", INTENTS, FORM, "k")
        await simulator.control("POST", "/clock", {"advance_seconds": seconds})
        await simulator.call("POST", INTENTS, FORM, "k")
        assert len((await simulator.call("GET", INTENTS)).body["data"]) == intents

    simulate(scenario)


def test_key_of_a_request_in_progress_is_a_conflict(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN a slow request
        intent = await simulator.create()
        await simulator.control("POST", "/faults", {"kind": "slow", "seconds": 0.1})
        slow = asyncio.create_task(simulator.confirm(intent, key="k"))
        await asyncio.sleep(0.05)
        # WHEN the key is used again meanwhile THEN there is a conflict
        conflict = await simulator.confirm(intent, key="k")
        assert (conflict.status, conflict.code) == (409, "idempotency_key_in_use")
        # AND afterwards, the answer is replayed
        assert (await slow).status == 200
        assert (await simulator.confirm(intent, key="k")).body == (await slow).body
        assert len(await simulator.ledger()) == 1

    simulate(scenario)


def test_key_has_at_most_255_characters(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        assert (await simulator.call("POST", INTENTS, FORM, "k" * 255)).status == 200
        assert (await simulator.call("POST", INTENTS, FORM, "k" * 256)).status == 400

    simulate(scenario)


def test_get_request_ignores_the_key(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        path = f"{INTENTS}/{intent}"
        await simulator.call("GET", path, key="k")
        await simulator.confirm(intent)
        assert (await simulator.call("GET", path, key="k")).body["status"] == "succeeded"

    simulate(scenario)
