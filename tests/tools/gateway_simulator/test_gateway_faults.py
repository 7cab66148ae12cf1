"""Faults on demand, and the control API that sets them."""

import time
from typing import Any

import pytest

CONFIRM = {"method": "POST", "path": "/v1/payment_intents/*/confirm"}


def fault(kind: str, **members: Any) -> dict[str, Any]:
    return {"match": CONFIRM, "kind": kind, **members}


@pytest.mark.parametrize(
    ("kind", "charged"),
    [("error_500", "requires_payment_method"), ("error_500_after", "succeeded")],
)
def test_a_500_is_kept_whether_or_not_the_work_was_done(
    simulate: Any, kind: str, charged: str
) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN an error on the next confirmation
        intent = await shop.create()
        await shop.control("POST", "/faults", fault(kind))
        # WHEN it comes
        failed = await shop.confirm(intent, key="k")
        # THEN the client knows nothing, and the key will not tell it more
        assert (failed.status, failed.body["error"]["type"]) == (500, "api_error")
        assert failed.headers["Stripe-Should-Retry"] == "false"
        replay = await shop.confirm(intent, key="k")
        assert (replay.status, replay.headers["Idempotent-Replayed"]) == (500, "true")
        # AND the intent does
        assert (await shop.retrieve(intent))["status"] == charged
        assert len(await shop.ledger()) == (charged == "succeeded")

    simulate(scenario)


def test_a_throttled_request_may_come_again(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        await shop.control("POST", "/faults", fault("throttle"))
        throttled = await shop.confirm(intent, key="k")
        assert (throttled.status, throttled.code) == (429, "rate_limit")
        assert await shop.ledger() == []
        assert (await shop.confirm(intent, key="k")).status == 200

    simulate(scenario)


def test_a_time_out_comes_after_the_charge(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN an answer that is held longer than the client waits
        intent = await shop.create()
        await shop.control("POST", "/faults", fault("timeout_after", seconds=30))
        path = f"/v1/payment_intents/{intent}/confirm"
        headers = {"Authorization": "Bearer sk_test_shop", "Idempotency-Key": "k"}
        form = {"payment_method": "pm_card_visa"}
        with pytest.raises(TimeoutError):
            await shop.http.post(path, data=form, headers=headers, timeout=0.1)
        # WHEN it asks again, while the first answer is still held
        replay = await shop.confirm(intent, key="k")
        # THEN it learns that the money was taken, once
        assert (replay.status, replay.body["status"]) == (200, "succeeded")
        assert replay.headers["Idempotent-Replayed"] == "true"
        assert len(await shop.ledger()) == 1

    simulate(scenario)


def test_a_slow_answer_is_the_right_one(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        await shop.control("POST", "/faults", fault("slow", seconds=0.1))
        began = time.monotonic()
        assert (await shop.confirm(intent)).status == 200
        assert time.monotonic() - began >= 0.1

    simulate(scenario)


def test_garbage_hides_an_answer_that_is_kept(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        await shop.control("POST", "/faults", fault("garbage"))
        path = f"/v1/payment_intents/{intent}/confirm"
        headers = {"Authorization": "Bearer sk_test_shop", "Idempotency-Key": "k"}
        form = {"payment_method": "pm_card_visa"}
        async with shop.http.post(path, data=form, headers=headers) as answer:
            assert (await answer.text()).startswith("<html>")
        assert (await shop.confirm(intent, key="k")).body["status"] == "succeeded"
        assert len(await shop.ledger()) == 1

    simulate(scenario)


def test_a_fault_is_for_the_requests_it_names_and_for_so_many(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        await shop.control("POST", "/faults", fault("throttle", times=2))
        intent = await shop.create()
        assert (await shop.confirm(intent)).status == 429
        (left,) = (await shop.control("GET", "/faults")).body
        assert left == {"match": CONFIRM, "kind": "throttle", "seconds": 0.0, "times": 1}
        assert (await shop.confirm(intent)).status == 429
        assert (await shop.control("GET", "/faults")).body == []
        assert (await shop.confirm(intent)).status == 200

    simulate(scenario)


def test_faults_can_be_cleared(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        await shop.control("POST", "/faults", {"kind": "throttle", "times": 9})
        assert (await shop.control("DELETE", "/faults")).status == 204
        await shop.create()

    simulate(scenario)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/faults", fault("explode"), "kind"),
        ("/faults", {"match": CONFIRM}, "kind"),
        ("/faults", fault("slow"), "seconds"),
        ("/faults", fault("slow", seconds=-1), "seconds"),
        ("/faults", fault("slow", seconds="1"), "seconds"),
        ("/faults", fault("slow", seconds=float("nan")), "seconds"),
        ("/faults", fault("throttle", times=0), "times"),
        ("/faults", fault("throttle", times=True), "times"),
        ("/faults", fault("throttle", colour="red"), "colour"),
        ("/faults", {"kind": "throttle", "match": "POST"}, "match"),
        ("/faults", {"kind": "throttle", "match": {"method": "post"}}, "match.method"),
        ("/faults", {"kind": "throttle", "match": {"path": "v1/refunds"}}, "match.path"),
        ("/faults", {"kind": "throttle", "match": {"host": "x"}}, "match.host"),
        ("/clock", {}, "advance_seconds"),
        ("/clock", {"advance_seconds": -1}, "advance_seconds"),
        ("/clock", {"advance_seconds": 1e300}, "advance_seconds"),
        ("/clock", [], "body"),
        ("/payment_intents/pi_x/authenticate", {"outcome": "maybe"}, "outcome"),
    ],
)
def test_bad_control_input_is_named(simulate: Any, path: str, body: Any, field: str) -> None:
    async def scenario(shop: Any) -> None:
        reply = await shop.control("POST", path, body)
        assert reply.status == 400
        assert reply.body["error"]["param"] == field
        assert field in reply.body["error"]["message"]
        assert (await shop.control("GET", "/faults")).body == []

    simulate(scenario)


def test_control_input_that_is_no_json_is_refused(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        async with shop.http.post("/_simulator/clock", data=b"{") as answer:
            assert answer.status == 400
        unknown = await shop.control(
            "POST", "/payment_intents/pi_x/authenticate", {"outcome": "failed"}
        )
        assert unknown.status == 404

    simulate(scenario)


def test_health_tells_the_clock(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        await shop.control("POST", "/clock", {"advance_seconds": 60})
        await shop.control("POST", "/clock", {"advance_seconds": 60})
        health = (await shop.control("GET", "/health")).body
        assert (health["status"], health["advanced_seconds"]) == ("ok", 120)
        assert health["now"] >= time.time() + 118

    simulate(scenario)


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({}, True),
        ({"method": "GET"}, True),
        ({"method": "POST"}, False),
        ({"path": "/v1/payment_intents"}, True),
        ({"path": "*intents"}, True),
        ({"path": "/v1/payment_intents/*"}, False),
    ],
)
def test_method_and_path_both_have_to_match(
    simulate: Any, match: dict[str, str], hit: bool
) -> None:
    async def scenario(shop: Any) -> None:
        await shop.control("POST", "/faults", {"match": match, "kind": "throttle"})
        reply = await shop.call("GET", "/v1/payment_intents")
        assert reply.status == (429 if hit else 200)

    simulate(scenario)
