"""Payment intents and refunds: the state machine and the entries of the ledger."""

from typing import Any

import pytest

from gateway_simulator.store import UnitOfWork

UNEXPECTED = (400, "payment_intent_unexpected_state")


def test_new_intent_is_not_charged(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.retrieve(
            await simulator.create(description="Toys", receipt_email="a@b.c")
        )
        assert intent["object"] == "payment_intent"
        assert intent["status"] == "requires_payment_method"
        assert (intent["amount"], intent["currency"]) == (2999, "aud")
        assert intent["metadata"] == {"order_id": "ord_1"}
        assert intent["client_secret"].startswith(f"{intent['id']}_secret_")
        assert (intent["description"], intent["receipt_email"]) == ("Toys", "a@b.c")
        assert await simulator.ledger() == []

    simulate(scenario)


@pytest.mark.parametrize(
    ("currency", "smallest", "largest"),
    [
        ("aud", 50, 99_999_999),
        ("gbp", 30, 99_999_999),
        ("jpy", 50, 99_999_999),
        ("mxn", 1000, 99_999_999),
        ("inr", 50, 999_999_999),
        ("idr", 50, 999_999_999_999),
        ("twd", 1, 99_999_999),
    ],
)
def test_amount_is_within_the_limits_of_its_currency(
    simulate: Any, currency: str, smallest: int, largest: int
) -> None:
    async def scenario(simulator: Any) -> None:
        async def refusal(amount: int, key: str | None = None) -> Any:
            fields = {"amount": str(amount), "currency": currency.upper()}
            reply = await simulator.call("POST", "/v1/payment_intents", fields, key)
            return reply.status, reply.body["error"].get("param"), reply.code

        for amount in (smallest, largest):
            await simulator.create(amount=str(amount), currency=currency)
        if smallest > 1:
            assert await refusal(smallest - 1, "key") == (400, "amount", "amount_too_small")
            # a corrected request can use the same key
            await simulator.create("key", amount=str(smallest), currency=currency)
        if largest < 999_999_999_999:
            assert await refusal(largest + 1) == (400, "amount", "amount_too_large")
        assert (await refusal(0))[:2] == (400, "amount")
        assert (await refusal(10**12))[:2] == (400, "amount")

    simulate(scenario)


def test_refund_can_be_as_large_as_its_charge(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create(amount="999999999999", currency="idr")
        await simulator.confirm(intent)
        refund = {"payment_intent": intent, "amount": "999999999998"}
        assert (await simulator.call("POST", "/v1/refunds", refund)).status == 200

    simulate(scenario)


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_mastercard"])
def test_confirmed_intent_is_charged_and_in_the_ledger(simulate: Any, card: str) -> None:
    async def scenario(simulator: Any) -> None:
        # WHEN an intent is confirmed with a card that succeeds
        reply = await simulator.confirm(await simulator.create(), card, key="ord_1:confirm")
        # THEN the charge is paid and in the ledger
        assert (reply.status, reply.body["status"]) == (200, "succeeded")
        assert reply.body["amount_received"] == 2999
        charge = (await simulator.call("GET", f"/v1/charges/{reply.body['latest_charge']}")).body
        assert (charge["paid"], charge["metadata"]) == (True, {"order_id": "ord_1"})
        assert await simulator.ledger() == [
            {
                "id": charge["id"],
                "type": "charge",
                "amount": 2999,
                "currency": "aud",
                "status": "succeeded",
                "idempotency_key": "ord_1:confirm",
                "order_id": "ord_1",
                "shown": "AUD 29.99",
            }
        ]

    simulate(scenario)


@pytest.mark.parametrize(
    ("card", "decline_code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_declined_intent_can_be_confirmed_with_another_card(
    simulate: Any, card: str, decline_code: str
) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN an intent
        intent = await simulator.create()
        # WHEN it is confirmed with a declined card
        declined = await simulator.confirm(intent, card)
        # THEN the card error contains the intent, which requires another payment method
        error = declined.body["error"]
        assert (declined.status, error["type"]) == (402, "card_error")
        assert (error["code"], error["decline_code"]) == ("card_declined", decline_code)
        assert error["payment_intent"] == await simulator.retrieve(intent)
        assert error["payment_intent"]["status"] == "requires_payment_method"
        assert error["payment_intent"]["last_payment_error"]["decline_code"] == decline_code
        assert error["payment_intent"]["latest_charge"] == error["charge"]
        # WHEN it is confirmed with another card THEN it succeeds
        assert (await simulator.confirm(intent)).body["last_payment_error"] is None
        statuses = [entry["status"] for entry in await simulator.ledger()]
        assert statuses == ["declined", "succeeded"]

    simulate(scenario)


@pytest.mark.parametrize(
    ("outcome", "status"), [("succeeded", "succeeded"), ("failed", "requires_payment_method")]
)
def test_authentication_completes_the_pending_charge(
    simulate: Any, outcome: str, status: str
) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN a payment that requires authentication
        pending = await simulator.confirm(
            await simulator.create(), "pm_card_authenticationRequired", "k"
        )
        assert (pending.status, pending.body["status"]) == (200, "requires_action")
        assert pending.body["next_action"]["type"] == "use_stripe_sdk"
        assert [entry["status"] for entry in await simulator.ledger()] == ["requires_action"]
        # WHEN the authentication is completed
        path = f"/payment_intents/{pending.body['id']}/authenticate"
        reply = await simulator.control("POST", path, {"outcome": outcome})
        # THEN the ledger entry of the confirmation has the outcome
        assert (reply.status, reply.body["status"]) == (200, status)
        assert reply.body["next_action"] is None
        (entry,) = await simulator.ledger()
        assert (entry["status"], entry["idempotency_key"]) == (outcome, "k")
        if outcome == "succeeded":
            assert reply.body["latest_charge"] == entry["id"]
        else:
            code = reply.body["last_payment_error"]["code"]
            assert code == "payment_intent_authentication_failure"
        # AND the authentication cannot be completed twice
        again = await simulator.control("POST", path, {"outcome": outcome})
        assert (again.status, again.code) == UNEXPECTED

    simulate(scenario)


def test_new_attempt_ends_a_pending_one(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        await simulator.confirm(intent, "pm_card_authenticationRequired")
        await simulator.confirm(intent)
        statuses = [entry["status"] for entry in await simulator.ledger()]
        assert statuses == ["failed", "succeeded"]

    simulate(scenario)


def test_succeeded_intent_can_be_neither_confirmed_nor_cancelled(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        await simulator.confirm(intent)
        for path in ("confirm", "cancel"):
            reply = await simulator.call("POST", f"/v1/payment_intents/{intent}/{path}", {})
            assert (reply.status, reply.code) == UNEXPECTED
            assert reply.body["error"]["payment_intent"]["status"] == "succeeded"
        assert len(await simulator.ledger()) == 1

    simulate(scenario)


@pytest.mark.parametrize("card", [None, "pm_card_chargeDeclined", "pm_card_authenticationRequired"])
def test_cancelled_intent_cannot_be_confirmed(simulate: Any, card: str | None) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN an intent that was canceled before it succeeded
        intent = await simulator.create()
        if card is not None:
            await simulator.confirm(intent, card)
        path = f"/v1/payment_intents/{intent}/cancel"
        reply = await simulator.call("POST", path, {"cancellation_reason": "requested_by_customer"})
        assert (reply.status, reply.body["status"]) == (200, "canceled")
        assert reply.body["canceled_at"] is not None
        # WHEN it is canceled or confirmed again THEN the request is rejected
        for again in (await simulator.call("POST", path), await simulator.confirm(intent)):
            assert (again.status, again.code) == UNEXPECTED
        outcomes = {entry["status"] for entry in await simulator.ledger()}
        assert outcomes <= {"declined", "failed"}

    simulate(scenario)


def test_intent_can_be_confirmed_when_it_is_created(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        paid = await simulator.create(confirm="true", payment_method="pm_card_visa")
        assert (await simulator.retrieve(paid))["status"] == "succeeded"
        ready = await simulator.create(payment_method="pm_card_visa")
        assert (await simulator.retrieve(ready))["status"] == "requires_confirmation"
        reply = await simulator.call("POST", f"/v1/payment_intents/{ready}/confirm", {})
        assert reply.body["status"] == "succeeded"
        bare = await simulator.create()
        reply = await simulator.call("POST", f"/v1/payment_intents/{bare}/confirm", {})
        assert (reply.status, reply.code) == UNEXPECTED

    simulate(scenario)


def test_payment_methods_that_may_redirect_require_a_return_url(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        automatic = {"automatic_payment_methods[enabled]": "true"}
        intent = await simulator.create(**automatic)
        rejected = await simulator.confirm(intent)
        assert (rejected.status, rejected.body["error"]["param"]) == (400, "return_url")
        form = {
            "payment_method": "pm_card_authenticationRequired",
            "return_url": "https://simulator.example/back",
        }
        pending = await simulator.call("POST", f"/v1/payment_intents/{intent}/confirm", form)
        redirect = pending.body["next_action"]["redirect_to_url"]
        assert redirect["return_url"] == "https://simulator.example/back"
        never = {**automatic, "automatic_payment_methods[allow_redirects]": "never"}
        assert (await simulator.confirm(await simulator.create(**never))).status == 200

    simulate(scenario)


def test_refunds_cannot_exceed_the_charge(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN a paid intent with a partial refund
        intent = await simulator.create()
        charge = (await simulator.confirm(intent)).body["latest_charge"]
        part = await simulator.call(
            "POST", "/v1/refunds", {"payment_intent": intent, "amount": "999"}
        )
        assert (part.status, part.body["status"], part.body["charge"]) == (200, "succeeded", charge)
        # WHEN more than the remaining amount is refunded THEN the request is rejected
        form = {"payment_intent": intent, "amount": "2001"}
        assert (await simulator.call("POST", "/v1/refunds", form)).status == 400
        # WHEN no amount is given THEN the remaining amount is refunded
        rest = await simulator.call("POST", "/v1/refunds", {"charge": charge}, "ord_1:refund")
        assert rest.body["amount"] == 2000
        # AND a further refund is rejected
        again = await simulator.call("POST", "/v1/refunds", {"payment_intent": intent})
        assert (again.status, again.code) == (400, "charge_already_refunded")
        amounts = [(entry["type"], entry["amount"]) for entry in await simulator.ledger()]
        assert amounts == [("charge", 2999), ("refund", 999), ("refund", 2000)]
        assert (await simulator.ledger())[-1]["idempotency_key"] == "ord_1:refund"
        # AND both refunds can be retrieved and listed
        assert (await simulator.call("GET", f"/v1/refunds/{rest.body['id']}")).body == rest.body
        listed = await simulator.call("GET", f"/v1/refunds?payment_intent={intent}")
        assert listed.body["data"] == [rest.body, part.body]
        assert (await simulator.call("GET", "/v1/refunds?payment_intent=pi_x")).body["data"] == []

    simulate(scenario)


def test_unpaid_or_unknown_payment_cannot_be_refunded(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        intent = await simulator.create()
        unpaid = await simulator.call("POST", "/v1/refunds", {"payment_intent": intent})
        assert unpaid.status == 400
        await simulator.confirm(intent, "pm_card_chargeDeclined")
        assert (
            await simulator.call("POST", "/v1/refunds", {"payment_intent": intent})
        ).status == 400
        for form in ({"payment_intent": "pi_x"}, {"charge": "ch_x"}):
            unknown = await simulator.call("POST", "/v1/refunds", form)
            assert (unknown.status, unknown.code) == (400, "resource_missing")
        assert (await simulator.call("POST", "/v1/refunds", {})).code == "parameter_missing"
        assert [entry["type"] for entry in await simulator.ledger()] == ["charge"]

    simulate(scenario)


def test_intents_are_found_by_time_and_metadata_with_expanded_charges(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        # GIVEN a charged intent, and one created an hour later
        paid = await simulator.create()
        charge = (await simulator.confirm(paid)).body["latest_charge"]
        created = (await simulator.retrieve(paid))["created"]
        await simulator.control("POST", "/clock", {"advance_seconds": 3600})
        later = await simulator.create(**{"metadata[order_id]": "ord_2"})

        async def ids(path: str) -> list[str]:
            reply = await simulator.call("GET", f"/v1/payment_intents{path}")
            assert reply.status == 200, reply.body
            return [intent["id"] for intent in reply.body["data"]]

        # THEN they are found by time and by order
        assert await ids(f"?created[gte]={created}") == [later, paid]
        assert await ids(f"?created[gt]={created + 60}") == [later]
        assert await ids(f"?created[gte]={created}&created[lt]={created + 60}") == [paid]
        assert await ids(f"?created[lte]={created - 60}") == []
        assert await ids("/search?query=metadata['order_id']:'ord_2'") == [later]
        assert await ids("/search?query=metadata['order_id']:'ord_3'") == []
        # AND their charges are expanded if requested
        for path in (
            "?expand[]=data.latest_charge",
            "/search?query=metadata['order_id']:'ord_1'&expand[]=data.latest_charge",
        ):
            reply = await simulator.call("GET", f"/v1/payment_intents{path}")
            assert reply.body["data"][-1]["latest_charge"]["id"] == charge
        both = "expand[]=latest_charge&expand[]=payment_method"
        reply = await simulator.call("GET", f"/v1/payment_intents/{paid}?{both}")
        card = reply.body["latest_charge"]["payment_method_details"]["card"]
        assert card["last4"] == reply.body["payment_method"]["card"]["last4"] == "4242"
        reply = await simulator.call("GET", f"/v1/payment_intents/{later}?{both}")
        assert reply.body["latest_charge"] is None
        assert reply.body["payment_method"] is None
        for path in (
            "?created[gte]=x",
            "?created[after]=1",
            "?expand[]=customer",
            "/search?query=x",
        ):
            assert (await simulator.call("GET", f"/v1/payment_intents{path}")).status == 400

    simulate(scenario)


def test_intents_are_listed_in_pages_newest_first(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        created = [await simulator.create() for _ in range(5)]
        await simulator.confirm(created[0])
        first = (await simulator.call("GET", "/v1/payment_intents?limit=3")).body
        assert (first["object"], first["has_more"]) == ("list", True)
        after = first["data"][-1]["id"]
        path = f"/v1/payment_intents?limit=3&starting_after={after}"
        second = (await simulator.call("GET", path)).body
        listed = [intent["id"] for intent in first["data"] + second["data"]]
        assert (listed, second["has_more"]) == (created[::-1], False)
        assert second["data"][-1]["metadata"] == {"order_id": "ord_1"}
        for query in ("limit=0", "limit=101", "limit=x", "starting_after=pi_x", "color=red"):
            assert (await simulator.call("GET", f"/v1/payment_intents?{query}")).status == 400

    simulate(scenario)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"currency": "aud"}, "parameter_missing"),
        ({"amount": "100"}, "parameter_missing"),
        ({"amount": "0", "currency": "aud"}, "parameter_invalid_integer"),
        ({"amount": "100", "currency": "dollars"}, None),
        ({"amount": "100", "currency": "aud", "color": "red"}, "parameter_unknown"),
        ({"amount": "100", "currency": "aud", "payment_method": "pm_x"}, "resource_missing"),
        ({"amount": "100", "currency": "aud", "return_url": "https://a.b"}, None),
        ({"amount": "100", "currency": "aud", "payment_method_types[0]": "giropay"}, None),
    ],
)
def test_invalid_intent_is_rejected(simulate: Any, form: dict[str, str], code: str | None) -> None:
    async def scenario(simulator: Any) -> None:
        reply = await simulator.call("POST", "/v1/payment_intents", form)
        assert (reply.status, reply.code) == (400, code)
        assert reply.body["error"]["type"] == "invalid_request_error"
        assert (await simulator.call("GET", "/v1/payment_intents")).body["data"] == []

    simulate(scenario)


def test_confirmation_with_unknown_card_is_not_in_the_ledger(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        reply = await simulator.confirm(await simulator.create(), "pm_card_unknown")
        assert (reply.status, reply.code) == (400, "resource_missing")
        assert await simulator.ledger() == []

    simulate(scenario)


def test_unknown_object_or_path_is_a_404_in_stripes_format(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        missing = await simulator.call("GET", "/v1/payment_intents/pi_x")
        assert (missing.status, missing.code) == (404, "resource_missing")
        assert (await simulator.confirm("pi_x")).status == 404
        for method, path in (("GET", "/v1/customers"), ("DELETE", "/v1/refunds"), ("GET", "/")):
            unknown = await simulator.call(method, path)
            assert unknown.status == 404
            assert unknown.body["error"]["type"] == "invalid_request_error"
            assert unknown.headers["Request-Id"].startswith("req_")

    simulate(scenario)


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Basic c2s6", "Bearer sk_live_x"])
def test_api_key_must_be_present_and_not_live(simulate: Any, authorization: str | None) -> None:
    async def scenario(simulator: Any) -> None:
        headers = {} if authorization is None else {"Authorization": authorization}
        async with simulator.http.get("/v1/payment_intents", headers=headers) as response:
            assert response.status == 401
            assert (await response.json())["error"]["type"] == "invalid_request_error"

    simulate(scenario)


def test_updated_intent_must_be_confirmed_again(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        for card in ("pm_card_chargeDeclined", "pm_card_authenticationRequired"):
            intent = await simulator.create()
            await simulator.confirm(intent, card)
            form = {"payment_method": "pm_card_visa", "metadata[attempt]": "2"}
            updated = await simulator.call("POST", f"/v1/payment_intents/{intent}", form)
            assert updated.status == 200
            assert updated.body["status"] == "requires_confirmation"
            assert updated.body["last_payment_error"] is updated.body["next_action"] is None
            assert updated.body["metadata"] == {"order_id": "ord_1", "attempt": "2"}
            assert await simulator.retrieve(intent) == updated.body
            # the authentication of the first card is over
            path = f"/payment_intents/{intent}/authenticate"
            late = await simulator.control("POST", path, {"outcome": "succeeded"})
            assert (late.status, late.code) == UNEXPECTED
            assert (await simulator.confirm(intent)).body["status"] == "succeeded"

    simulate(scenario)


def test_charged_or_cancelled_intent_cannot_be_updated(simulate: Any) -> None:
    async def scenario(simulator: Any) -> None:
        paid, cancelled = await simulator.create(), await simulator.create()
        await simulator.confirm(paid)
        await simulator.call("POST", f"/v1/payment_intents/{cancelled}/cancel")
        for intent in (paid, cancelled):
            form = {"payment_method": "pm_card_visa"}
            reply = await simulator.call("POST", f"/v1/payment_intents/{intent}", form)
            assert (reply.status, reply.code) == UNEXPECTED
        unknown = {"payment_method": "pm_none"}
        reply = await simulator.call(
            "POST", f"/v1/payment_intents/{await simulator.create()}", unknown
        )
        assert (reply.status, reply.code) == (400, "resource_missing")

    simulate(scenario)


def test_state_survives_a_restart(simulate: Any) -> None:
    seen: list[Any] = []

    async def before(simulator: Any) -> None:
        intent = await simulator.create()
        paid = await simulator.confirm(intent, key="k")
        seen.extend([paid, await simulator.ledger()])

    async def after(simulator: Any) -> None:
        paid, ledger = seen
        assert await simulator.retrieve(paid.body["id"]) == paid.body
        replay = await simulator.confirm(paid.body["id"], key="k")
        assert (replay.body, replay.headers["Idempotent-Replayed"]) == (paid.body, "true")
        assert await simulator.ledger() == ledger

    simulate(before)
    simulate(after)


def test_page_and_confirmation_do_not_read_older_objects(
    simulate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    newest = UnitOfWork.newest

    def counted(work: UnitOfWork, table: str) -> Any:
        for row in newest(work, table):
            read.append(table)
            yield row

    monkeypatch.setattr(UnitOfWork, "newest", counted)

    async def scenario(simulator: Any) -> None:
        # GIVEN 50 charged intents, and three created an hour later
        for _ in range(50):
            await simulator.confirm(await simulator.create())
        assert read == []
        await simulator.control("POST", "/clock", {"advance_seconds": 3600})
        recent = [await simulator.create() for _ in range(3)]
        created = (await simulator.retrieve(recent[0]))["created"]
        for path in (f"?created[gte]={created}", f"?limit=1&starting_after={recent[2]}"):
            read.clear()
            reply = await simulator.call("GET", f"/v1/payment_intents{path}")
            assert reply.body["data"][-1]["id"] in recent
            assert len(read) <= 4

    simulate(scenario)
