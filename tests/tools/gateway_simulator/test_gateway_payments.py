"""Payment intents and refunds: the state machine, and what the ledger says of it."""

from typing import Any

import pytest

UNEXPECTED = (400, "payment_intent_unexpected_state")


def test_an_intent_begins_without_money(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.retrieve(await shop.create(description="Toys", receipt_email="a@b.c"))
        assert intent["object"] == "payment_intent"
        assert intent["status"] == "requires_payment_method"
        assert (intent["amount"], intent["currency"]) == (2999, "aud")
        assert intent["metadata"] == {"order_id": "ord_1"}
        assert intent["client_secret"].startswith(f"{intent['id']}_secret_")
        assert (intent["description"], intent["receipt_email"]) == ("Toys", "a@b.c")
        assert await shop.ledger() == []

    simulate(scenario)


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_mastercard"])
def test_a_good_card_is_charged(simulate: Any, card: str) -> None:
    async def scenario(shop: Any) -> None:
        # WHEN an intent is confirmed with a good card
        reply = await shop.confirm(await shop.create(), card, key="ord_1:confirm")
        # THEN the money is taken, and the ledger says so
        assert (reply.status, reply.body["status"]) == (200, "succeeded")
        assert reply.body["amount_received"] == 2999
        charge = (await shop.call("GET", f"/v1/charges/{reply.body['latest_charge']}")).body
        assert (charge["paid"], charge["metadata"]) == (True, {"order_id": "ord_1"})
        assert await shop.ledger() == [
            {
                "id": charge["id"],
                "type": "charge",
                "amount": 2999,
                "currency": "aud",
                "status": "succeeded",
                "idempotency_key": "ord_1:confirm",
                "order_id": "ord_1",
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
def test_a_declined_card_can_be_replaced(simulate: Any, card: str, decline_code: str) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN an intent
        intent = await shop.create()
        # WHEN the bank declines
        declined = await shop.confirm(intent, card)
        # THEN it is a card error that holds the intent, which waits for another card
        error = declined.body["error"]
        assert (declined.status, error["type"]) == (402, "card_error")
        assert (error["code"], error["decline_code"]) == ("card_declined", decline_code)
        assert error["payment_intent"] == await shop.retrieve(intent)
        assert error["payment_intent"]["status"] == "requires_payment_method"
        assert error["payment_intent"]["last_payment_error"]["decline_code"] == decline_code
        assert error["payment_intent"]["latest_charge"] == error["charge"]
        # WHEN it gets one THEN it succeeds
        assert (await shop.confirm(intent)).body["last_payment_error"] is None
        statuses = [entry["status"] for entry in await shop.ledger()]
        assert statuses == ["declined", "succeeded"]

    simulate(scenario)


@pytest.mark.parametrize(
    ("outcome", "status"), [("succeeded", "succeeded"), ("failed", "requires_payment_method")]
)
def test_the_shoppers_bank_decides_later(simulate: Any, outcome: str, status: str) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN a card whose bank wants to see the shopper
        waiting = await shop.confirm(await shop.create(), "pm_card_authenticationRequired", "k")
        assert (waiting.status, waiting.body["status"]) == (200, "requires_action")
        assert waiting.body["next_action"]["type"] == "use_stripe_sdk"
        assert [entry["status"] for entry in await shop.ledger()] == ["requires_action"]
        # WHEN the shopper has been there
        path = f"/payment_intents/{waiting.body['id']}/authenticate"
        reply = await shop.control("POST", path, {"outcome": outcome})
        # THEN the same entry of the ledger has the outcome, under the key of the confirmation
        assert (reply.status, reply.body["status"]) == (200, status)
        assert reply.body["next_action"] is None
        (entry,) = await shop.ledger()
        assert (entry["status"], entry["idempotency_key"]) == (outcome, "k")
        if outcome == "succeeded":
            assert reply.body["latest_charge"] == entry["id"]
        else:
            code = reply.body["last_payment_error"]["code"]
            assert code == "payment_intent_authentication_failure"
        # AND nobody waits any more
        again = await shop.control("POST", path, {"outcome": outcome})
        assert (again.status, again.code) == UNEXPECTED

    simulate(scenario)


def test_a_new_attempt_ends_the_one_that_waits(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        await shop.confirm(intent, "pm_card_authenticationRequired")
        await shop.confirm(intent)
        statuses = [entry["status"] for entry in await shop.ledger()]
        assert statuses == ["failed", "succeeded"]

    simulate(scenario)


def test_an_intent_succeeds_once(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        await shop.confirm(intent)
        for path in ("confirm", "cancel"):
            reply = await shop.call("POST", f"/v1/payment_intents/{intent}/{path}", {})
            assert (reply.status, reply.code) == UNEXPECTED
            assert reply.body["error"]["payment_intent"]["status"] == "succeeded"
        assert len(await shop.ledger()) == 1

    simulate(scenario)


@pytest.mark.parametrize("card", [None, "pm_card_chargeDeclined", "pm_card_authenticationRequired"])
def test_a_cancelled_intent_can_take_no_money(simulate: Any, card: str | None) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN an intent that was cancelled before it succeeded
        intent = await shop.create()
        if card is not None:
            await shop.confirm(intent, card)
        path = f"/v1/payment_intents/{intent}/cancel"
        reply = await shop.call("POST", path, {"cancellation_reason": "requested_by_customer"})
        assert (reply.status, reply.body["status"]) == (200, "canceled")
        assert reply.body["canceled_at"] is not None
        # WHEN it is cancelled or confirmed THEN it is refused
        for again in (await shop.call("POST", path), await shop.confirm(intent)):
            assert (again.status, again.code) == UNEXPECTED
        outcomes = {entry["status"] for entry in await shop.ledger()}
        assert outcomes <= {"declined", "failed"}

    simulate(scenario)


def test_an_intent_can_be_confirmed_as_it_is_created(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        paid = await shop.create(confirm="true", payment_method="pm_card_visa")
        assert (await shop.retrieve(paid))["status"] == "succeeded"
        ready = await shop.create(payment_method="pm_card_visa")
        assert (await shop.retrieve(ready))["status"] == "requires_confirmation"
        reply = await shop.call("POST", f"/v1/payment_intents/{ready}/confirm", {})
        assert reply.body["status"] == "succeeded"
        bare = await shop.create()
        reply = await shop.call("POST", f"/v1/payment_intents/{bare}/confirm", {})
        assert (reply.status, reply.code) == UNEXPECTED

    simulate(scenario)


def test_payment_methods_that_may_redirect_need_a_return_url(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        automatic = {"automatic_payment_methods[enabled]": "true"}
        intent = await shop.create(**automatic)
        refused = await shop.confirm(intent)
        assert (refused.status, refused.body["error"]["param"]) == (400, "return_url")
        form = {
            "payment_method": "pm_card_authenticationRequired",
            "return_url": "https://shop.example/back",
        }
        waiting = await shop.call("POST", f"/v1/payment_intents/{intent}/confirm", form)
        redirect = waiting.body["next_action"]["redirect_to_url"]
        assert redirect["return_url"] == "https://shop.example/back"
        never = {**automatic, "automatic_payment_methods[allow_redirects]": "never"}
        assert (await shop.confirm(await shop.create(**never))).status == 200

    simulate(scenario)


def test_refunds_give_back_what_is_left_and_no_more(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN a paid intent, of which a part has been given back
        intent = await shop.create()
        charge = (await shop.confirm(intent)).body["latest_charge"]
        part = await shop.call("POST", "/v1/refunds", {"payment_intent": intent, "amount": "999"})
        assert (part.status, part.body["status"], part.body["charge"]) == (200, "succeeded", charge)
        # WHEN more than the rest is asked for THEN it is refused
        form = {"payment_intent": intent, "amount": "2001"}
        assert (await shop.call("POST", "/v1/refunds", form)).status == 400
        # WHEN no amount is named THEN it is the rest
        rest = await shop.call("POST", "/v1/refunds", {"charge": charge}, "ord_1:refund")
        assert rest.body["amount"] == 2000
        # AND then nothing is left
        again = await shop.call("POST", "/v1/refunds", {"payment_intent": intent})
        assert (again.status, again.code) == (400, "charge_already_refunded")
        amounts = [(entry["type"], entry["amount"]) for entry in await shop.ledger()]
        assert amounts == [("charge", 2999), ("refund", 999), ("refund", 2000)]
        assert (await shop.ledger())[-1]["idempotency_key"] == "ord_1:refund"
        # AND both refunds can be read
        assert (await shop.call("GET", f"/v1/refunds/{rest.body['id']}")).body == rest.body
        listed = await shop.call("GET", f"/v1/refunds?payment_intent={intent}")
        assert listed.body["data"] == [rest.body, part.body]
        assert (await shop.call("GET", "/v1/refunds?payment_intent=pi_x")).body["data"] == []

    simulate(scenario)


def test_nothing_is_given_back_that_was_not_taken(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        intent = await shop.create()
        unpaid = await shop.call("POST", "/v1/refunds", {"payment_intent": intent})
        assert unpaid.status == 400
        await shop.confirm(intent, "pm_card_chargeDeclined")
        assert (await shop.call("POST", "/v1/refunds", {"payment_intent": intent})).status == 400
        for form in ({"payment_intent": "pi_x"}, {"charge": "ch_x"}):
            unknown = await shop.call("POST", "/v1/refunds", form)
            assert (unknown.status, unknown.code) == (400, "resource_missing")
        assert (await shop.call("POST", "/v1/refunds", {})).code == "parameter_missing"
        assert [entry["type"] for entry in await shop.ledger()] == ["charge"]

    simulate(scenario)


def test_intents_are_found_by_time_and_by_metadata_with_their_charges(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        # GIVEN an intent that was charged, and one that was begun an hour later
        paid = await shop.create()
        charge = (await shop.confirm(paid)).body["latest_charge"]
        begun = (await shop.retrieve(paid))["created"]
        await shop.control("POST", "/clock", {"advance_seconds": 3600})
        later = await shop.create(**{"metadata[order_id]": "ord_2"})

        async def ids(path: str) -> list[str]:
            reply = await shop.call("GET", f"/v1/payment_intents{path}")
            assert reply.status == 200, reply.body
            return [intent["id"] for intent in reply.body["data"]]

        # THEN a time and an order find them
        assert await ids(f"?created[gte]={begun}") == [later, paid]
        assert await ids(f"?created[gt]={begun + 60}") == [later]
        assert await ids(f"?created[gte]={begun}&created[lt]={begun + 60}") == [paid]
        assert await ids(f"?created[lte]={begun - 60}") == []
        assert await ids("/search?query=metadata['order_id']:'ord_2'") == [later]
        assert await ids("/search?query=metadata['order_id']:'ord_3'") == []
        # AND each comes with its charge in full, when that is asked for
        for path in (
            "?expand[]=data.latest_charge",
            "/search?query=metadata['order_id']:'ord_1'&expand[]=data.latest_charge",
        ):
            reply = await shop.call("GET", f"/v1/payment_intents{path}")
            assert reply.body["data"][-1]["latest_charge"]["id"] == charge
        reply = await shop.call("GET", f"/v1/payment_intents/{later}?expand[]=latest_charge")
        assert reply.body["latest_charge"] is None
        for path in (
            "?created[gte]=x",
            "?created[after]=1",
            "?expand[]=customer",
            "/search?query=x",
        ):
            assert (await shop.call("GET", f"/v1/payment_intents{path}")).status == 400

    simulate(scenario)


def test_intents_are_listed_newest_first_page_by_page(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        created = [await shop.create() for _ in range(5)]
        await shop.confirm(created[0])
        first = (await shop.call("GET", "/v1/payment_intents?limit=3")).body
        assert (first["object"], first["has_more"]) == ("list", True)
        after = first["data"][-1]["id"]
        path = f"/v1/payment_intents?limit=3&starting_after={after}"
        second = (await shop.call("GET", path)).body
        listed = [intent["id"] for intent in first["data"] + second["data"]]
        assert (listed, second["has_more"]) == (created[::-1], False)
        assert second["data"][-1]["metadata"] == {"order_id": "ord_1"}
        for query in ("limit=0", "limit=101", "limit=x", "starting_after=pi_x", "colour=red"):
            assert (await shop.call("GET", f"/v1/payment_intents?{query}")).status == 400

    simulate(scenario)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"currency": "aud"}, "parameter_missing"),
        ({"amount": "100"}, "parameter_missing"),
        ({"amount": "0", "currency": "aud"}, "parameter_invalid_integer"),
        ({"amount": "100", "currency": "dollars"}, None),
        ({"amount": "100", "currency": "aud", "colour": "red"}, "parameter_unknown"),
        ({"amount": "100", "currency": "aud", "payment_method": "pm_x"}, "resource_missing"),
        ({"amount": "100", "currency": "aud", "return_url": "https://a.b"}, None),
        ({"amount": "100", "currency": "aud", "payment_method_types[0]": "giropay"}, None),
    ],
)
def test_an_intent_that_does_not_hold_is_refused(
    simulate: Any, form: dict[str, str], code: str | None
) -> None:
    async def scenario(shop: Any) -> None:
        reply = await shop.call("POST", "/v1/payment_intents", form)
        assert (reply.status, reply.code) == (400, code)
        assert reply.body["error"]["type"] == "invalid_request_error"
        assert (await shop.call("GET", "/v1/payment_intents")).body["data"] == []

    simulate(scenario)


def test_an_unknown_card_is_no_attempt(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        reply = await shop.confirm(await shop.create(), "pm_card_unknown")
        assert (reply.status, reply.code) == (400, "resource_missing")
        assert await shop.ledger() == []

    simulate(scenario)


def test_what_does_not_exist_is_a_404_in_stripes_shape(simulate: Any) -> None:
    async def scenario(shop: Any) -> None:
        missing = await shop.call("GET", "/v1/payment_intents/pi_x")
        assert (missing.status, missing.code) == (404, "resource_missing")
        assert (await shop.confirm("pi_x")).status == 404
        for method, path in (("GET", "/v1/customers"), ("DELETE", "/v1/refunds"), ("GET", "/")):
            unknown = await shop.call(method, path)
            assert unknown.status == 404
            assert unknown.body["error"]["type"] == "invalid_request_error"
            assert unknown.headers["Request-Id"].startswith("req_")

    simulate(scenario)


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Basic c2s6", "Bearer sk_live_x"])
def test_an_api_key_is_required(simulate: Any, authorization: str | None) -> None:
    async def scenario(shop: Any) -> None:
        headers = {} if authorization is None else {"Authorization": authorization}
        async with shop.http.get("/v1/payment_intents", headers=headers) as answer:
            assert answer.status == 401
            assert (await answer.json())["error"]["type"] == "invalid_request_error"

    simulate(scenario)


def test_state_survives_a_restart(simulate: Any) -> None:
    seen: list[Any] = []

    async def before(shop: Any) -> None:
        intent = await shop.create()
        paid = await shop.confirm(intent, key="k")
        seen.extend([paid, await shop.ledger()])

    async def after(shop: Any) -> None:
        paid, ledger = seen
        assert await shop.retrieve(paid.body["id"]) == paid.body
        replay = await shop.confirm(paid.body["id"], key="k")
        assert (replay.body, replay.headers["Idempotent-Replayed"]) == (paid.body, "true")
        assert await shop.ledger() == ledger

    simulate(before)
    simulate(after)
