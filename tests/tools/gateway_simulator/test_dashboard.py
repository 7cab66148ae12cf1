"""The dashboard: refunds, refunds that fail, disputes and cancellations, and their events."""

import re
from typing import Any

import pytest
import stripe
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

OBJECTS: dict[str, Any] = {"refund": stripe.Refund, "dispute": stripe.Dispute}


class Received:
    """A webhook route that keeps the events, in the order of their creation."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.events.append(await request.json())
        return web.Response(status=204)


def run(simulate: Any, scenario: Any) -> list[dict[str, Any]]:
    """Run a scenario, and return the events that its webhooks have delivered."""
    received, port = Received(), unused_port()

    async def with_receiver(simulator: Any) -> None:
        app = web.Application()
        app.router.add_post("/hook", received.handle)
        server = TestServer(app, port=port)
        await server.start_server()
        await scenario(simulator)
        store = simulator.store
        while any(row["state"] == "pending" for row in store.rows("deliveries").values()):
            await simulator.control("GET", "/health")
        await server.close()

    simulate(with_receiver, webhook_url=f"http://127.0.0.1:{port}/hook")
    return received.events


async def paid(simulator: Any) -> str:
    intent: str = await simulator.create()
    assert (await simulator.confirm(intent)).status == 200
    return intent


async def act(simulator: Any, path: str, **fields: Any) -> Any:
    reply = await simulator.control("POST", f"/dashboard/{path}", fields)
    assert reply.status == 200, reply.body
    return reply.body


def subjects(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["data"]["object"] for event in events if event["type"] == kind]


def test_partial_refunds_add_up_in_the_charge(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await paid(simulator)
        first = await act(simulator, "refunds", payment_intent=intent, amount=500)
        assert (first["amount"], first["status"], first["metadata"]) == (500, "succeeded", {})
        # by default, the rest is refunded
        rest = await act(simulator, "refunds", payment_intent=intent)
        assert rest["amount"] == 2499
        reply = await simulator.control("POST", "/dashboard/refunds", {"payment_intent": intent})
        assert (reply.status, reply.code) == (400, "charge_already_refunded")

    events = run(simulate, scenario)
    charges = subjects(events, "charge.refunded")
    assert sorted((each["amount_refunded"], each["refunded"]) for each in charges) == [
        (500, False),
        (2999, True),
    ]
    assert sorted(each["amount"] for each in subjects(events, "refund.created")) == [500, 2499]


def test_failed_refund_is_taken_back_from_the_charge(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await paid(simulator)
        refund = await act(simulator, "refunds", payment_intent=intent)
        failed = await act(simulator, f"refunds/{refund['id']}/fail")
        assert (failed["status"], failed["failure_reason"]) == (
            "failed",
            "expired_or_canceled_card",
        )
        charge = (await simulator.call("GET", f"/v1/charges/{refund['charge']}")).body
        assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
        assert [entry["status"] for entry in await simulator.ledger()] == ["succeeded", "failed"]
        again = await simulator.control("POST", f"/dashboard/refunds/{refund['id']}/fail", {})
        assert again.status == 400

    events = run(simulate, scenario)
    for kind in ("refund.failed", "refund.updated", "charge.refund.updated"):
        (failed,) = subjects(events, kind)
        assert (failed["object"], failed["status"]) == ("refund", "failed")


@pytest.mark.parametrize(
    ("kind", "outcome", "kinds", "statuses"),
    [
        (
            "chargeback",
            "won",
            ["closed", "created", "funds_reinstated", "funds_withdrawn"],
            {"needs_response", "won"},
        ),
        (
            "chargeback",
            "lost",
            ["closed", "created", "funds_withdrawn"],
            {"needs_response", "lost"},
        ),
        ("inquiry", "won", ["closed", "created"], {"warning_needs_response", "warning_closed"}),
        ("inquiry", "lost", ["closed", "created"], {"warning_needs_response", "lost"}),
    ],
)
def test_dispute_is_opened_and_closed(
    simulate: Any, kind: str, outcome: str, kinds: list[str], statuses: set[str]
) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await paid(simulator)
        dispute = await act(simulator, "disputes", payment_intent=intent, amount=1000, kind=kind)
        charge = (await simulator.call("GET", f"/v1/charges/{dispute['charge']}")).body
        assert charge["disputed"] is True
        # a charge is refundable only during an inquiry, and has one open dispute at a time
        refund = await simulator.call(
            "POST", "/v1/refunds", {"payment_intent": intent, "amount": "1"}
        )
        assert (refund.status, None if refund.status == 200 else refund.code) == (
            (200, None) if kind == "inquiry" else (400, "charge_disputed")
        )
        second = await simulator.control("POST", "/dashboard/disputes", {"payment_intent": intent})
        assert second.status == 400
        await act(simulator, f"disputes/{dispute['id']}/close", outcome=outcome)
        path = f"/v1/disputes?payment_intent={intent}"
        (listed,) = (await simulator.call("GET", path)).body["data"]
        assert listed == (await simulator.call("GET", f"/v1/disputes/{dispute['id']}")).body
        refund = await simulator.call("POST", "/v1/refunds", {"payment_intent": intent})
        assert refund.status == (200 if outcome == "won" else 400)

    events = run(simulate, scenario)
    disputes = [event for event in events if event["type"].startswith("charge.dispute.")]
    assert sorted(e["type"].removeprefix("charge.dispute.") for e in disputes) == kinds
    assert {event["data"]["object"]["status"] for event in disputes} == statuses


def test_dispute_can_be_accepted_through_the_api(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        dispute = await act(simulator, "disputes", payment_intent=await paid(simulator))
        path = f"/v1/disputes/{dispute['id']}/close"
        assert (await simulator.call("POST", path)).body["status"] == "lost"
        assert (await simulator.call("POST", path)).status == 400

    run(simulate, scenario)


def test_payment_is_cancelled_in_the_dashboard(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        await simulator.confirm(intent, "pm_card_authenticationRequired")
        await act(simulator, f"payment_intents/{intent}/cancel")

    (cancelled,) = subjects(run(simulate, scenario), "payment_intent.canceled")
    assert cancelled["status"] == "canceled"


def test_objects_have_the_members_that_stripe_always_sends(simulate: Any) -> None:
    created: dict[str, Any] = {}

    async def scenario(simulator: Any) -> None:
        intent = await paid(simulator)
        created["refund"] = await act(simulator, "refunds", payment_intent=intent, amount=1)
        created["dispute"] = await act(simulator, "disputes", payment_intent=intent)

    run(simulate, scenario)
    for name, kind in OBJECTS.items():
        always = {
            member
            for member, annotation in kind.__annotations__.items()
            if not re.search("Optional|None", str(annotation)) and member != "OBJECT_NAME"
        }
        assert always - created[name].keys() == set()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("refunds", {}, 400),
        ("refunds", {"payment_intent": "pi_none"}, 400),
        ("refunds", {"payment_intent": True}, 400),
        ("refunds", {"payment_intent": "pi_none", "colour": "red"}, 400),
        ("refunds/re_none/fail", {}, 404),
        ("disputes", {"payment_intent": "pi_none"}, 400),
        ("disputes/du_none/close", {"outcome": "lost"}, 404),
        ("disputes/du_none/close", {"outcome": "undecided"}, 400),
        ("payment_intents/pi_none/cancel", {}, 404),
    ],
)
def test_invalid_action_is_rejected(
    simulate: Any, path: str, body: dict[str, Any], status: int
) -> None:
    async def scenario(simulator: Any) -> None:
        assert (await simulator.control("POST", f"/dashboard/{path}", body)).status == status

    simulate(scenario)


@pytest.mark.parametrize(("path", "amount"), [("refunds", 3000), ("disputes", 3000)])
def test_more_than_the_charge_is_rejected(simulate: Any, path: str, amount: int) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await paid(simulator)
        body = {"payment_intent": intent, "amount": amount}
        reply = await simulator.control("POST", f"/dashboard/{path}", body)
        assert (reply.status, reply.body["error"]["param"]) == (400, "amount")

    simulate(scenario)
