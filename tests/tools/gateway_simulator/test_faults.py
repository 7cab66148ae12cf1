"""Fault injection, and the control API."""

import time
from typing import Any

import pytest

CONFIRM = {"method": "POST", "path": "/v1/payment_intents/*/confirm"}


def fault(kind: str, **members: Any) -> dict[str, Any]:
    return {"match": CONFIRM, "kind": kind, **members}


@pytest.mark.parametrize(
    ("kind", "intent_status"),
    [("error_500", "requires_payment_method"), ("error_500_after", "succeeded")],
)
def test_500_is_stored_whether_or_not_the_operation_was_executed(
    simulate: Any, kind: str, intent_status: str
) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN a fault for the next confirmation
        intent = await simulator.create()
        await simulator.control("POST", "/faults", fault(kind))
        # WHEN an intent is confirmed
        failed = await simulator.confirm(intent, key="k")
        # THEN the response and its replay are a 500 that does not reveal the outcome
        assert (failed.status, failed.body["error"]["type"]) == (500, "api_error")
        assert failed.headers["Stripe-Should-Retry"] == "false"
        replay = await simulator.confirm(intent, key="k")
        assert (replay.status, replay.headers["Idempotent-Replayed"]) == (500, "true")
        # AND the intent and the ledger show it
        assert (await simulator.retrieve(intent))["status"] == intent_status
        assert len(await simulator.ledger()) == (intent_status == "succeeded")

    simulate(scenario)


def test_throttled_request_can_be_retried_with_the_same_key(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        await simulator.control("POST", "/faults", fault("throttle"))
        throttled = await simulator.confirm(intent, key="k")
        assert (throttled.status, throttled.code) == (429, "rate_limit")
        assert await simulator.ledger() == []
        assert (await simulator.confirm(intent, key="k")).status == 200

    simulate(scenario)


def test_rejected_request_is_not_executed_and_can_be_sent_again(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        await simulator.control("POST", "/faults", fault("reject"))
        rejected = await simulator.confirm(intent, key="k")
        assert (rejected.status, rejected.body["error"]["param"]) == (400, "injected")
        assert await simulator.ledger() == []
        assert (await simulator.confirm(intent, key="k")).status == 200

    simulate(scenario)


def test_timeout_after_executes_the_charge_before_the_delay(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN a response that is delayed for longer than the client's timeout
        intent = await simulator.create()
        await simulator.control("POST", "/faults", fault("timeout_after", seconds=30))
        path = f"/v1/payment_intents/{intent}/confirm"
        headers = {"Authorization": "Bearer sk_test_shop", "Idempotency-Key": "k"}
        form = {"payment_method": "pm_card_visa"}
        with pytest.raises(TimeoutError):
            await simulator.http.post(path, data=form, headers=headers, timeout=0.1)
        # WHEN the client retries during the delay
        replay = await simulator.confirm(intent, key="k")
        # THEN the stored answer is replayed, and there is one charge
        assert (replay.status, replay.body["status"]) == (200, "succeeded")
        assert replay.headers["Idempotent-Replayed"] == "true"
        assert len(await simulator.ledger()) == 1

    simulate(scenario)


def test_slow_request_succeeds_after_the_delay(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        await simulator.control("POST", "/faults", fault("slow", seconds=0.1))
        began = time.monotonic()
        assert (await simulator.confirm(intent)).status == 200
        assert time.monotonic() - began >= 0.1

    simulate(scenario)


def test_garbage_replaces_the_body_of_a_stored_answer(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        await simulator.control("POST", "/faults", fault("garbage"))
        path = f"/v1/payment_intents/{intent}/confirm"
        headers = {"Authorization": "Bearer sk_test_shop", "Idempotency-Key": "k"}
        form = {"payment_method": "pm_card_visa"}
        async with simulator.http.post(path, data=form, headers=headers) as response:
            assert (await response.text()).startswith("<html>")
        assert (await simulator.confirm(intent, key="k")).body["status"] == "succeeded"
        assert len(await simulator.ledger()) == 1

    simulate(scenario)


def test_fault_is_injected_into_the_given_number_of_matching_requests(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        await simulator.control("POST", "/faults", fault("throttle", times=2))
        intent = await simulator.create()
        assert (await simulator.confirm(intent)).status == 429
        (remaining,) = (await simulator.control("GET", "/faults")).body
        assert remaining == {"match": CONFIRM, "kind": "throttle", "seconds": 0.0, "times": 1}
        assert (await simulator.confirm(intent)).status == 429
        assert (await simulator.control("GET", "/faults")).body == []
        assert (await simulator.confirm(intent)).status == 200

    simulate(scenario)


def test_delete_removes_all_faults(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        await simulator.control("POST", "/faults", {"kind": "throttle", "times": 9})
        assert (await simulator.control("DELETE", "/faults")).status == 204
        await simulator.create()

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
        ("/faults", fault("throttle", color="red"), "color"),
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
def test_invalid_control_request_is_rejected_and_its_field_named(
    simulate: Any, path: str, body: Any, field: str
) -> None:
    async def scenario(simulator: Any) -> None:
        reply = await simulator.control("POST", path, body)
        assert reply.status == 400
        assert reply.body["error"]["param"] == field
        assert field in reply.body["error"]["message"]
        assert (await simulator.control("GET", "/faults")).body == []

    simulate(scenario)


def test_control_request_with_malformed_json_or_unknown_intent_is_rejected(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        async with simulator.http.post("/_simulator/clock", data=b"{") as response:
            assert response.status == 400
        unknown = await simulator.control(
            "POST", "/payment_intents/pi_x/authenticate", {"outcome": "failed"}
        )
        assert unknown.status == 404

    simulate(scenario)


def test_health_reports_the_clock(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        began = int(time.time())
        await simulator.control("POST", "/clock", {"advance_seconds": 60})
        await simulator.control("POST", "/clock", {"advance_seconds": 60})
        health = (await simulator.control("GET", "/health")).body
        assert (health["status"], health["advanced_seconds"]) == ("ok", 120)
        assert health["now"] >= began + 120

    simulate(scenario)


@pytest.mark.parametrize(
    ("match", "is_injected"),
    [
        ({}, True),
        ({"method": "GET"}, True),
        ({"method": "POST"}, False),
        ({"path": "/v1/payment_intents"}, True),
        ({"path": "*intents"}, True),
        ({"path": "/v1/payment_intents/*"}, False),
    ],
)
def test_fault_requires_method_and_path_to_match(
    simulate: Any, match: dict[str, str], is_injected: bool
) -> None:
    async def scenario(simulator: Any) -> None:
        await simulator.control("POST", "/faults", {"match": match, "kind": "throttle"})
        reply = await simulator.call("GET", "/v1/payment_intents")
        assert reply.status == (429 if is_injected else 200)

    simulate(scenario)
