"""`Idempotency-Key`: what is kept, for how long, and what is refused."""

import asyncio
from typing import Any

import pytest

INTENTS = "/v1/payment_intents"
FORM = {"amount": "2999", "currency": "aud"}
DAY = 24 * 3600


def test_the_same_request_gets_the_same_answer(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        first = await shop.call("POST", INTENTS, FORM, "k")
        again = await shop.call("POST", INTENTS, dict(reversed(FORM.items())), "k")
        assert (again.status, again.body) == (first.status, first.body)
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["Original-Request"] == first.headers["Request-Id"]
        assert again.headers["Request-Id"] != first.headers["Request-Id"]
        assert len((await shop.call("GET", INTENTS)).body["data"]) == 1

    simulate(scenario)


def test_a_charge_is_replayed_and_not_repeated(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        for card, status in (("pm_card_chargeDeclined", 402), ("pm_card_visa", 200)):
            first = await shop.confirm(intent, card, key=card)
            again = await shop.confirm(intent, card, key=card)
            assert (first.status, again.status, again.body) == (status, status, first.body)
        refunds = [
            await shop.call("POST", "/v1/refunds", {"payment_intent": intent}, "r")
            for _ in range(2)
        ]
        assert refunds[0].body == refunds[1].body
        assert [entry["type"] for entry in await shop.ledger()] == ["charge", "charge", "refund"]

    simulate(scenario)


def test_a_replay_tells_what_was_and_not_what_is(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create(key="k")
        await shop.confirm(intent)
        form = {**FORM, "metadata[order_id]": "ord_1"}
        replay = await shop.call("POST", INTENTS, form, "k")
        assert replay.body["status"] == "requires_payment_method"

    simulate(scenario)


def test_a_key_stands_for_one_request(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = (await shop.call("POST", INTENTS, FORM, "k")).body["id"]
        others = (
            await shop.call("POST", INTENTS, {**FORM, "amount": "3000"}, "k"),
            await shop.call("POST", f"{INTENTS}/{intent}/cancel", FORM, "k"),
        )
        for other in others:
            assert (other.status, other.body["error"]["type"]) == (400, "idempotency_error")
        # A refusal is not what is kept.
        assert (await shop.call("POST", INTENTS, FORM, "k")).body["id"] == intent

    simulate(scenario)


def test_a_request_that_was_not_valid_can_be_corrected(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        assert (await shop.call("POST", INTENTS, {"amount": "1"}, "k")).status == 400
        assert (await shop.call("POST", INTENTS, FORM, "k")).status == 200
        intent = await shop.create()
        assert (await shop.confirm(intent, "pm_card_unknown", "c")).status == 400
        assert (await shop.confirm(intent, "pm_card_visa", "c")).status == 200

    simulate(scenario)


def test_a_refusal_by_the_endpoint_is_kept(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN a refund that was refused since nothing had been paid
        intent = await shop.create()
        form = {"payment_intent": intent}
        refused = await shop.call("POST", "/v1/refunds", form, "k")
        assert refused.status == 400
        # WHEN it has been paid THEN the same key still gets the refusal
        await shop.confirm(intent)
        assert (await shop.call("POST", "/v1/refunds", form, "k")).body == refused.body
        assert (await shop.call("POST", "/v1/refunds", form, "other")).status == 200

    simulate(scenario)


@pytest.mark.parametrize(("seconds", "intents"), [(DAY - 60, 1), (DAY, 2)])
def test_a_key_is_forgotten_after_a_day(simulate: Any, seconds: int, intents: int) -> None:
    async def scenario(shop: Any) -> None:
        await shop.call("POST", INTENTS, FORM, "k")
        await shop.control("POST", "/clock", {"advance_seconds": seconds})
        await shop.call("POST", INTENTS, FORM, "k")
        assert len((await shop.call("GET", INTENTS)).body["data"]) == intents

    simulate(scenario)


def test_a_key_that_is_in_use_is_a_conflict(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN a request that takes its time
        intent = await shop.create()
        await shop.control("POST", "/faults", {"kind": "slow", "seconds": 0.1})
        slow = asyncio.create_task(shop.confirm(intent, key="k"))
        await asyncio.sleep(0.05)
        # WHEN the same key comes again meanwhile THEN it is a conflict
        conflict = await shop.confirm(intent, key="k")
        assert (conflict.status, conflict.code) == (409, "idempotency_key_in_use")
        # AND afterwards it is a replay
        assert (await slow).status == 200
        assert (await shop.confirm(intent, key="k")).body == (await slow).body
        assert len(await shop.ledger()) == 1

    simulate(scenario)


def test_a_key_has_a_length(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        assert (await shop.call("POST", INTENTS, FORM, "k" * 255)).status == 200
        assert (await shop.call("POST", INTENTS, FORM, "k" * 256)).status == 400

    simulate(scenario)


def test_a_read_is_never_replayed(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        path = f"{INTENTS}/{intent}"
        await shop.call("GET", path, key="k")
        await shop.confirm(intent)
        assert (await shop.call("GET", path, key="k")).body["status"] == "succeeded"

    simulate(scenario)
