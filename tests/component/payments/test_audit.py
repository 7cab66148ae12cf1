"""The audit of charges: what the gateway recorded, compared with the transactions."""

from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
import stripe
from msgspec import to_builtins
from msgspec.structs import replace

from chalicelib.payments.domain import transaction_id
from chalicelib.payments.gateway import StripeGateway
from chalicelib.payments.store import TransactionRecord, TransactionStore
from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from contracts.orders import Order
from gateway_simulator.client import ControlClient
from support.log_lines import Logged
from support.moto_aws import client_of, let_reads_catch_up
from support.payments import event_of, lose, order_of, paid_event, transaction


def audit(api: Any, *orders: Order, since: datetime | None = None) -> dict[str, Any]:
    now = datetime.now(UTC) + timedelta(days=30)  # the simulator's clock may be ahead
    request = {
        "order_ids": [order.id for order in orders],
        "since": (since or datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "until": now.isoformat(),
    }
    let_reads_catch_up()
    answer = api.call("POST", "/transactions/audit", request)
    assert answer.status_code == 200, answer.body
    body: dict[str, Any] = answer.json_body
    return body


@pytest.mark.parametrize("listed", [True, False])
def test_audit_reports_the_gateways_record_of_each_order(
    app: ModuleType, api: Any, listed: bool
) -> None:
    # GIVEN an order in each state
    paid, declined, waiting, refunded, unknown = (
        order_of(), order_of("pm_card_chargeDeclined"),
        order_of("pm_card_authenticationRequired"), order_of(), order_of(),
    )  # fmt: skip
    for order in (paid, declined, waiting, refunded):
        app.charge(event_of(ORDER_PLACED, order), None)
    app.charge(event_of(ORDER_CANCELLED, refunded), None)
    # WHEN they are audited, with charges listed by the gateway or fetched one by one
    since = None if listed else datetime.now(UTC) + timedelta(days=29)
    items = audit(api, paid, declined, waiting, refunded, unknown, since=since)["items"]

    def charges_of(item: dict[str, Any]) -> list[Any]:
        return [
            (charge["status"], charge["charged"]["amount"], charge["refunded"]["amount"])
            for charge in item["charges"]
        ]

    # THEN charged and refunded amounts are reported, and the required documents
    assert [item["order_id"] for item in items] == [
        order.id for order in (paid, declined, waiting, refunded, unknown)
    ]
    assert [charges_of(item) for item in items] == [
        [("succeeded", 2500, 0)],
        [("declined", 0, 0)],
        [("action_required", 0, 0)],
        [("succeeded", 2500, 2500)],
        [],
    ]
    assert [[m["template"] for m in item["messages"]] for item in items] == [
        ["payment_succeeded"],
        ["payment_declined"],
        ["payment_action_required"],
        ["payment_succeeded", "payment_refunded"],
        [],
    ]
    assert [item["receipt_file_id"] is not None for item in items] == [
        True, False, False, True, False,
    ]  # fmt: skip
    assert items[0]["transaction"] == transaction(api, paid)
    assert items[0]["charges"][0]["charged"]["currency"] == "AUD"
    assert items[-1]["transaction"] is None


def test_audit_reports_the_ids_of_receipt_and_emails(app: ModuleType, api: Any) -> None:
    order = order_of()
    app.fulfil(paid_event(app, order), None)
    (item,) = audit(api, order)["items"]
    (archived,), (sent,) = app.file_manager.calls, app.notifications.calls
    assert item["receipt_file_id"] == archived.path["file_id"]
    assert [message["id"] for message in item["messages"]] == [sent.path["message_id"]]


def test_audit_reports_charges_without_a_transaction(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    # GIVEN an order charged a second time outside the shop, and one whose transaction is lost
    twice, lost, usual = order_of(), order_of(), order_of()
    for order in (twice, lost, usual):
        app.charge(event_of(ORDER_PLACED, order), None)
    lose(lost)
    other = StripeGateway("sk_test_x", app.settings.stripe_api_base)
    second = charge_outside_the_shop(other, twice.id, 700)
    # THEN an audit of these orders reports the charges
    report = audit(api, twice, lost)
    items = report["items"]
    assert not {twice.id, lost.id} & {charge["order_id"] for charge in report["unrecorded"]}
    assert [charge["charged"]["amount"] for charge in items[0]["charges"]] == [2500, 700]
    assert [charge["charged"]["amount"] for charge in items[1]["charges"]] == [2500]
    # AND so does an audit of other orders
    unrecorded = {charge["intent_id"]: charge for charge in audit(api)["unrecorded"]}
    assert unrecorded[second]["order_id"] == twice.id
    assert lost.id in {charge["order_id"] for charge in unrecorded.values()}
    # and neither those that a transaction has recorded: they are listed apart
    assert usual.id not in {charge["order_id"] for charge in unrecorded.values()}
    assert {c["order_id"] for c in audit(api)["further"]} == {twice.id, usual.id}
    assert twice.id not in {c["order_id"] for c in audit(api, twice)["further"]}
    # until they are refunded
    other.refund(second, f"{twice.id}-2")
    assert second not in {charge["intent_id"] for charge in audit(api)["unrecorded"]}


def test_audit_of_a_period_names_the_orders_of_all_its_transactions(
    app: ModuleType, api: Any
) -> None:
    paid, declined, refunded = order_of(), order_of("pm_card_chargeDeclined"), order_of()
    for order in (paid, declined, refunded):
        app.charge(event_of(ORDER_PLACED, order), None)
    app.charge(event_of(ORDER_CANCELLED, refunded), None)
    report = audit(api)
    # the simulator also has the payments of other tests
    own = {paid.id, declined.id, refunded.id}
    assert {charge["order_id"] for charge in report["further"]} == own
    assert not own & {charge["order_id"] for charge in report["unrecorded"]}


def test_recorded_order_is_the_order_as_it_was_placed(app: ModuleType, api: Any) -> None:
    paid, cancelled, early = order_of(), order_of(), order_of()
    for order in (paid, cancelled):
        app.charge(event_of(ORDER_PLACED, order), None)
    # the cancellation of the last one arrives first
    for order in (cancelled, early):
        app.charge(event_of(ORDER_CANCELLED, order), None)
    for order in (paid, cancelled, early):
        answer = api.call("GET", f"/orders/{order.id}")
        assert answer.status_code == 200, answer.body
        recorded = answer.json_body
        expected = to_builtins(order)
        assert recorded["order_id"] == order.id
        for name in (
            "customer_id", "contact", "lines", "shipping_address", "payment_method", "placed_at",
        ):  # fmt: skip
            assert recorded[name] == expected[name], name
        assert (recorded["cancelled_at"] is None) == (order is paid)


def test_order_without_transaction_or_address_is_not_recorded(app: ModuleType, api: Any) -> None:
    # GIVEN a transaction of the first release, which has no address
    old = order_of()
    app.charge(event_of(ORDER_PLACED, old), None)
    store = TransactionStore(app.settings.table_name)
    payment = store.get(transaction_id(old.id))
    assert payment is not None
    assert store.replace(replace(payment, shipping_address=None, version=payment.version + 1))
    let_reads_catch_up()
    for order_id in (old.id, "ord_unknown"):
        assert api.call("GET", f"/orders/{order_id}").status_code == 404


def charge_outside_the_shop(gateway: StripeGateway, order_id: str, amount: int) -> str:
    intent = gateway.client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "aud",
            "metadata": {"order_id": order_id},
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "confirm": True,
        }
    )
    return intent.id


def test_audit_of_an_unknown_intent_reports_no_charge(app: ModuleType, api: Any) -> None:
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    client_of("dynamodb").update_item(
        TableName="toyshop-local-payments",
        Key={"id": {"S": transaction_id(order.id)}},
        UpdateExpression="SET intent_id = :none",
        ExpressionAttributeValues={":none": {"S": "pi_none"}},
    )
    (item,) = audit(api, order, since=datetime.now(UTC) + timedelta(days=29))["items"]
    assert item["charges"] == []


def test_audit_without_the_gateway_is_503(
    app: ModuleType, api: Any, gateway: ControlClient, logged: Logged
) -> None:
    gateway.add_fault("error_500", method="GET", times=2)
    now = datetime.now(UTC).isoformat()
    request = {"order_ids": ["ord_1"], "since": now, "until": now}
    answer = api.call("POST", "/transactions/audit", request)
    assert answer.status_code == 503
    assert "payment gateway does not answer" in answer.json_body["detail"]
    (line,) = logged("gateway unavailable for audit")
    assert line["level"] == "WARNING"
    assert line["reason"].startswith("APIError: ")
    request["until"] = "2020-01-01T00:00:00Z"
    assert api.call("POST", "/transactions/audit", request).status_code == 400


def test_audit_of_100_orders_takes_one_gateway_list_and_one_read(
    app: ModuleType, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [order_of() for _ in range(100)]
    for order in orders:
        app.charge(event_of(ORDER_PLACED, order), None)
    asked: list[str] = []
    client = stripe.RequestsClient
    request, read = client.request, TransactionRecord.batch_get

    def counted(self: Any, method: str, url: str, *rest: Any, **more: Any) -> Any:
        asked.append(url)
        return request(self, method, url, *rest, **more)

    monkeypatch.setattr(client, "request", counted)
    monkeypatch.setattr(
        TransactionRecord, "batch_get", lambda keys: asked.append("read") or read(keys)
    )
    since = min(order.placed_at for order in orders)
    assert all(len(item["charges"]) == 1 for item in audit(api, *orders, since=since)["items"])
    # the simulator's clock may be ahead, and other tests' intents may fill another page
    assert len(asked) <= 4
    assert asked.count("read") <= 2
