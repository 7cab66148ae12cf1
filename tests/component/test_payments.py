"""The payments service with Stripe's real client and the gateway simulator."""

import hashlib
import hmac
import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import ModuleType
from typing import Any

import boto3
import msgspec
import pytest
import stripe
from msgspec.structs import replace

from chalicelib.payments.bootstrap import build
from chalicelib.payments.domain import transaction_id
from chalicelib.payments.gateway import (
    GatewayUnavailableError,
    InvalidGatewayRequestError,
    StripeGateway,
)
from chalicelib.payments.store import TransactionRecord
from chassis.parking import Parking
from chassis.problems import Conflict, ServiceUnavailable, Unprocessable
from contracts import files, notifications
from contracts.events import (
    EVENT_TYPES,
    ORDER_CANCELLED,
    ORDER_PLACED,
    CloudEvent,
    EventType,
)
from contracts.money import Money
from contracts.orders import Address, Contact, Order, OrderLine
from gateway_simulator.client import ControlClient
from shopctl.aws.target import Target
from shopctl.operating.replay import redrive
from shopctl.operating.replay.selection import Selection
from shopctl.project import services, stages
from shopctl.project.layout import Layout
from support.downstream import FakeDownstream
from support.moto_aws import StreamOf, TopicSpy, client_of, parked
from support.paths import TOOLS

SECRET = "whsec_of_the_tests"


@pytest.fixture(scope="module")
def gateway_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = tmp_path_factory.mktemp("gateway")
    source = TOOLS
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway_simulator", "--port", "0", "--state", str(state)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(source), "PATH": ""},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    yield line.split(" on ")[1].split(",")[0]
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


@pytest.fixture
def gateway(gateway_url: str) -> Iterator[ControlClient]:
    client = ControlClient(gateway_url)
    yield client
    client.clear_faults()


@pytest.fixture
def app(load_app: Callable[..., ModuleType], gateway_url: str, gateway: object) -> ModuleType:
    module = load_app("payments", STRIPE_API_BASE=gateway_url, STRIPE_WEBHOOK_SECRET=SECRET)
    module.file_manager = FakeDownstream(archiveDocument=lambda _: None)
    module.notifications = FakeDownstream(sendMessage=lambda _: None)
    module.components = build(
        module.settings, file_manager=module.file_manager, notifications=module.notifications
    )
    return module


numbers = iter(range(1, 10_000))


def order_of(method: str = "pm_card_visa", amount: int = 2500) -> Order:
    now = datetime.now(UTC)
    price = Money(amount=amount, currency="AUD")
    return Order(
        id=f"ord_{time.time_ns()}{next(numbers)}",
        customer_id="cus_1",
        status="placed",
        lines=[
            OrderLine(toy_id="toy_1", name="Kite", quantity=1, unit_price=price, line_total=price)
        ],
        total=price,
        shipping_address=Address(name="A", line1="1", city="S", postal_code="2", country="AU"),
        contact=Contact(email="a@example.com", name="Zoë Łukasz"),
        payment_method=method,
        version=1,
        placed_at=now,
        updated_at=now,
    )


def sns(kind: EventType, data: Any, entity: str = "ord_1.1") -> dict[str, Any]:
    event = CloudEvent(
        id=f"{entity}.{kind.name}",
        source=kind.source,
        type=kind.name,
        subject=entity,
        time=datetime.now(UTC),
        data=data,
    )
    return sns_of(msgspec.json.encode(event).decode())


def sns_of(message: str) -> dict[str, Any]:
    return {"Records": [{"Sns": {"Message": message, "Subject": None, "MessageAttributes": {}}}]}


def transaction(api: Any, order: Order) -> dict[str, Any] | None:
    answer = api.call("POST", "/transactions/lookup", {"order_ids": [order.id]})
    assert answer.status_code == 200
    items = answer.json_body["items"]
    return items[0] if items else None


@pytest.fixture
def api(app: ModuleType, api_of: Any) -> Any:
    return api_of(app)


def money_moved(gateway: ControlClient, order: Order) -> list[tuple[str, str, int]]:
    return [
        (entry["type"], entry["status"], entry["amount"])
        for entry in gateway.ledger()
        if entry["order_id"] == order.id
    ]


@pytest.mark.parametrize(
    ("method", "status", "code", "moved"),
    [
        ("pm_card_visa", "succeeded", None, [("charge", "succeeded", 2500)]),
        ("pm_card_chargeDeclined", "declined", "generic_decline", [("charge", "declined", 2500)]),
        (
            "pm_card_chargeDeclinedInsufficientFunds",
            "declined",
            "insufficient_funds",
            [("charge", "declined", 2500)],
        ),
        (
            "pm_card_authenticationRequired",
            "action_required",
            None,
            [("charge", "requires_action", 2500)],
        ),
        ("pm_nobody", "declined", "resource_missing", []),
    ],
)
def test_each_payment_method_has_its_outcome(
    app: ModuleType, api: Any, gateway: ControlClient,
    method: str, status: str, code: str | None, moved: list[Any],
) -> None:  # fmt: skip
    order = order_of(method)
    for _ in range(2):
        answer = app.charge(sns(ORDER_PLACED, order), None)
        # a replay deletes the dead letter only after this result
        assert answer == {"handled": ["ord_1.1.shop.order.placed.v1"]}
    found = transaction(api, order)
    assert found is not None
    assert (found["status"], found["decline_code"]) == (status, code)
    assert (found["client_secret"] is not None) == (status == "action_required")
    assert money_moved(gateway, order) == moved


def test_cancel_after_charge_refunds_once(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    order = order_of()
    app.charge(sns(ORDER_PLACED, order), None)
    for _ in range(2):
        app.charge(sns(ORDER_CANCELLED, order), None)
    assert transaction(api, order)["status"] == "refunded"  # type: ignore[index]
    assert money_moved(gateway, order) == [
        ("charge", "succeeded", 2500),
        ("refund", "succeeded", 2500),
    ]


FAULTS = ["error_500", "error_500_after", "throttle", "garbage"]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("path", ["*/payment_intents", "*/payment_intents/*/confirm", "*/pi_*"])
@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_chargeDeclined"])
def test_gateway_fault_does_not_charge_twice(
    app: ModuleType, api: Any, gateway: ControlClient, kind: str, path: str, method: str
) -> None:
    # GIVEN a gateway that fails twice in one step, before or after carrying it out
    order = order_of(method)
    gateway.add_fault(kind, path=path, times=2)
    # WHEN Lambda redelivers until the event is handled
    for _ in range(5):
        with suppress(Exception):
            app.charge(sns(ORDER_PLACED, order), None)
    # THEN there is exactly one charge attempt, and it is recorded
    expected = "succeeded" if method == "pm_card_visa" else "declined"
    assert transaction(api, order)["status"] == expected  # type: ignore[index]
    assert money_moved(gateway, order) == [("charge", expected, 2500)]


@pytest.mark.parametrize("kind", FAULTS)
def test_gateway_fault_does_not_refund_twice(
    app: ModuleType, api: Any, gateway: ControlClient, kind: str
) -> None:
    order = order_of()
    app.charge(sns(ORDER_PLACED, order), None)
    gateway.add_fault(kind, path="*/refunds", times=3)
    for _ in range(5):
        with suppress(Exception):
            app.charge(sns(ORDER_CANCELLED, order), None)
    assert transaction(api, order)["status"] == "refunded"  # type: ignore[index]
    moved = [entry for entry in money_moved(gateway, order) if entry[0] == "refund"]
    assert moved == [("refund", "succeeded", 2500)]


def test_redelivery_after_a_day_does_not_charge_again(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    # GIVEN a charged order, and a gateway that has forgotten every idempotency key
    order = order_of()
    app.charge(sns(ORDER_PLACED, order), None)
    gateway.advance_clock(25 * 3600)
    # WHEN its event is replayed
    app.charge(sns(ORDER_PLACED, order), None)
    # THEN nothing is charged
    assert money_moved(gateway, order) == [("charge", "succeeded", 2500)]


def lose(order: Order) -> None:
    """Delete the transaction of an order, which the service never does."""
    table = boto3.resource("dynamodb").Table("toyshop-local-payments")
    table.delete_item(Key={"id": transaction_id(order.id)})


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_chargeDeclined"])
def test_lost_transaction_is_not_charged_twice_without_idempotency_keys(
    app: ModuleType, api: Any, gateway: ControlClient, method: str
) -> None:
    # GIVEN an order placed two days ago whose transaction is lost, and an intent left by a crash
    order = order_of(method)
    StripeGateway("sk_test_x", app.settings.stripe_api_base).create(order)
    gateway.advance_clock(25 * 3600)
    gateway.add_fault("error_500", path="*/payment_intents")
    app.charge(sns(ORDER_PLACED, order), None)
    before = transaction(api, order)
    assert before is not None
    lose(order)
    gateway.advance_clock(48 * 3600)
    order = replace(order, placed_at=order.placed_at - timedelta(hours=48))
    # WHEN its event is re-emitted
    app.charge(sns(ORDER_PLACED, order), None)
    # THEN its existing intent is used
    after = transaction(api, order)
    assert after is not None
    assert after["status"] == before["status"]
    assert len(money_moved(gateway, order)) == 1


def test_lost_transaction_of_a_cancelled_order_is_refunded(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    order = order_of()
    app.charge(sns(ORDER_PLACED, order), None)
    lose(order)
    order = replace(order, placed_at=order.placed_at - timedelta(hours=2), status="cancelled")
    app.charge(sns(ORDER_CANCELLED, order), None)
    assert transaction(api, order)["status"] == "refunded"  # type: ignore[index]
    assert [entry[0] for entry in money_moved(gateway, order)] == ["charge", "refund"]


def audit(api: Any, *orders: Order, since: datetime | None = None) -> dict[str, Any]:
    now = datetime.now(UTC) + timedelta(days=30)  # the simulator's clock may be ahead
    request = {
        "order_ids": [order.id for order in orders],
        "since": (since or datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "until": now.isoformat(),
    }
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
        app.charge(sns(ORDER_PLACED, order), None)
    app.charge(sns(ORDER_CANCELLED, refunded), None)
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
    twice, lost = order_of(), order_of()
    for order in (twice, lost):
        app.charge(sns(ORDER_PLACED, order), None)
    lose(lost)
    other = StripeGateway("sk_test_x", app.settings.stripe_api_base)
    second = charge_outside_the_shop(other, twice.id, 700)
    # THEN an audit of these orders reports the charges
    items = audit(api, twice, lost)["items"]
    assert [charge["charged"]["amount"] for charge in items[0]["charges"]] == [2500, 700]
    assert [charge["charged"]["amount"] for charge in items[1]["charges"]] == [2500]
    # AND so does an audit of other orders
    unrecorded = {charge["intent_id"]: charge for charge in audit(api)["unrecorded"]}
    assert unrecorded[second]["order_id"] == twice.id
    assert lost.id in {charge["order_id"] for charge in unrecorded.values()}
    # until they are refunded
    other.refund(second, f"{twice.id}-2")
    assert second not in {charge["intent_id"] for charge in audit(api)["unrecorded"]}


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
    app.charge(sns(ORDER_PLACED, order), None)
    client_of("dynamodb").update_item(
        TableName="toyshop-local-payments",
        Key={"id": {"S": transaction_id(order.id)}},
        UpdateExpression="SET intent_id = :none",
        ExpressionAttributeValues={":none": {"S": "pi_none"}},
    )
    (item,) = audit(api, order, since=datetime.now(UTC) + timedelta(days=29))["items"]
    assert item["charges"] == []


def test_audit_without_the_gateway_is_503(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    gateway.add_fault("error_500", method="GET", times=2)
    now = datetime.now(UTC).isoformat()
    request = {"order_ids": ["ord_1"], "since": now, "until": now}
    answer = api.call("POST", "/transactions/audit", request)
    assert answer.status_code == 503
    assert "payment gateway does not answer" in answer.json_body["detail"]
    request["until"] = "2020-01-01T00:00:00Z"
    assert api.call("POST", "/transactions/audit", request).status_code == 400


def test_audit_of_100_orders_takes_one_gateway_list_and_one_read(
    app: ModuleType, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [order_of() for _ in range(100)]
    for order in orders:
        app.charge(sns(ORDER_PLACED, order), None)
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


def signed(payload: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    stamp = int(at or time.time())
    signature = hmac.new(
        secret.encode(), f"{stamp}.".encode() + payload, hashlib.sha256
    ).hexdigest()
    return {"payload": b64encode(payload).decode(), "signature": f"t={stamp},v1={signature}"}


def webhook_event(kind: str, order: Order, intent_id: str) -> bytes:
    subject = {"id": intent_id, "object": "payment_intent", "metadata": {"order_id": order.id}}
    return json.dumps({"id": "evt_1", "type": kind, "data": {"object": subject}}).encode()


def intent_of(order: Order) -> str:
    table = client_of("dynamodb")
    items = table.scan(TableName="toyshop-local-payments")["Items"]
    (item,) = [item for item in items if item["order_id"]["S"] == order.id]
    intent_id: str = item["intent_id"]["S"]
    return intent_id


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("payment_intent.succeeded", "succeeded"),
        ("payment_intent.payment_failed", "declined"),
        ("payment_intent.canceled", "cancelled"),
        ("payment_intent.created", "action_required"),
    ],
)
def test_webhook_records_the_outcome_of_an_action(
    app: ModuleType, api: Any, kind: str, status: str
) -> None:
    order = order_of("pm_card_authenticationRequired")
    app.charge(sns(ORDER_PLACED, order), None)
    payload = webhook_event(kind, order, intent_of(order))
    for _ in range(2):
        assert api.call("POST", "/webhooks", signed(payload)).status_code == 204
    assert transaction(api, order)["status"] == status  # type: ignore[index]


def test_redelivery_records_a_failure_whose_webhook_was_lost(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    # GIVEN a shopper who failed to authenticate, and a lost webhook; there is no decline code,
    # since no bank has declined
    order = order_of("pm_card_authenticationRequired")
    app.charge(sns(ORDER_PLACED, order), None)
    gateway.authenticate(intent_of(order), "failed")
    # WHEN the order's event is redelivered
    app.charge(sns(ORDER_PLACED, order), None)
    # THEN it is declined, with the gateway's error code
    found = transaction(api, order)
    assert found is not None
    assert found["status"] == "declined"
    assert found["decline_code"] == "payment_intent_authentication_failure"


def test_payment_succeeds_at_the_second_attempt(app: ModuleType, api: Any) -> None:
    # GIVEN a shopper who failed to authenticate, and then confirmed with another card
    order = order_of("pm_card_authenticationRequired")
    app.charge(sns(ORDER_PLACED, order), None)
    intent_id = intent_of(order)
    failed, paid = (
        signed(webhook_event(f"payment_intent.{result}", order, intent_id))
        for result in ("payment_failed", "succeeded")
    )
    # WHEN both webhooks arrive, and the first again, THEN the payment has succeeded
    for body, status in ((failed, "declined"), (paid, "succeeded"), (failed, "succeeded")):
        assert api.call("POST", "/webhooks", body).status_code == 204
        assert transaction(api, order)["status"] == status  # type: ignore[index]


def test_invalid_webhook_is_400_and_changes_nothing(app: ModuleType, api: Any) -> None:
    order = order_of("pm_card_authenticationRequired")
    app.charge(sns(ORDER_PLACED, order), None)
    payload = webhook_event("payment_intent.succeeded", order, intent_of(order))
    good = signed(payload)
    other = b64encode(payload.replace(b"succeeded", b"canceled")).decode()
    for body in (
        signed(payload, secret="whsec_other"),
        signed(payload, at=time.time() - 3600),
        good | {"payload": other},
        good | {"signature": "t=1"},
        good | {"signature": "nonsense"},
        good | {"signature": f"t={int(time.time())},v1=é"},
        signed(b"not json"),
        signed(b'{"type":"x"}'),
        signed(b"[]"),
    ):
        answer = api.call("POST", "/webhooks", body)
        assert answer.status_code == 400, body
        assert answer.headers["Content-Type"] == "application/problem+json"
    stray = signed(webhook_event("payment_intent.succeeded", order, "pi_of_somebody_else"))
    assert api.call("POST", "/webhooks", stray).status_code == 204
    assert transaction(api, order)["status"] == "action_required"  # type: ignore[index]


def test_webhook_before_the_transaction_is_503(api: Any) -> None:
    payload = webhook_event("payment_intent.succeeded", order_of(), "pi_1")
    assert api.call("POST", "/webhooks", signed(payload)).status_code == 503


def outcomes(app: ModuleType, stream: StreamOf, spy: TopicSpy) -> list[dict[str, Any]]:
    app.on_dynamodb_record(stream.records(), None)
    return spy.events()


def test_each_outcome_emits_one_event_and_the_receipt_none(app: ModuleType) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of()
    app.charge(sns(ORDER_PLACED, order), None)
    (paid,) = outcomes(app, stream, spy)
    assert paid["type"] == "shop.payment.succeeded.v1"
    assert paid["id"] == f"{paid['data']['transaction_id']}.2.shop.payment.succeeded.v1"
    assert msgspec.convert(paid["data"], EVENT_TYPES[paid["type"]].data).order_id == order.id
    app.fulfil(sns_of(json.dumps(paid)), None)
    assert outcomes(app, stream, spy) == []
    app.charge(sns(ORDER_CANCELLED, order), None)
    assert [event["type"] for event in outcomes(app, stream, spy)] == ["shop.payment.refunded.v1"]


def test_reemitted_transaction_emits_each_outcome_unchanged(app: ModuleType, api: Any) -> None:
    # GIVEN a payment with a receipt that was refunded later
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of()
    app.charge(sns(ORDER_PLACED, order), None)
    emitted = outcomes(app, stream, spy)
    app.fulfil(sns_of(json.dumps(emitted[0])), None)
    emitted += outcomes(app, stream, spy)
    app.charge(sns(ORDER_CANCELLED, order), None)
    emitted += outcomes(app, stream, spy)
    stored = transaction(api, order)
    assert stored is not None
    # WHEN it is re-emitted
    answer = api.call("POST", f"/transactions/{stored['id']}/events")
    assert (answer.status_code, answer.body) == (202, b"")
    again = outcomes(app, stream, spy)
    # THEN the same events are emitted, and the transaction has not changed
    assert [event | {"traceparent": ""} for event in again] == [
        event | {"traceparent": ""} for event in emitted
    ]
    assert transaction(api, order) == stored
    assert api.call("POST", "/transactions/txn_none/events").status_code == 404


def test_reemitted_transaction_of_an_earlier_release_emits_its_last_outcome(
    app: ModuleType, api: Any
) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of("pm_card_chargeDeclinedInsufficientFunds")
    app.charge(sns(ORDER_PLACED, order), None)
    (declined,) = outcomes(app, stream, spy)
    # GIVEN a record that was stored without outcomes
    table = boto3.resource("dynamodb").Table("toyshop-local-payments")
    key = {"id": declined["data"]["transaction_id"]}
    table.update_item(Key=key, UpdateExpression="REMOVE outcomes")
    assert outcomes(app, stream, spy) == []
    api.call("POST", f"/transactions/{key['id']}/events")
    (again,) = outcomes(app, stream, spy)
    assert again | {"traceparent": ""} == declined | {"traceparent": ""}


def test_pending_payment_emits_nothing(app: ModuleType, api: Any, gateway: ControlClient) -> None:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    order = order_of()
    gateway.add_fault("throttle", path="*/confirm", times=5)
    with pytest.raises(GatewayUnavailableError):
        app.charge(sns(ORDER_PLACED, order), None)
    pending = transaction(api, order)
    assert pending is not None
    assert pending["status"] == "pending"
    assert outcomes(app, stream, spy) == []
    assert api.call("POST", f"/transactions/{pending['id']}/events").status_code == 202
    assert outcomes(app, stream, spy) == []


def test_cancel_before_charge_prevents_the_charge(
    app: ModuleType, api: Any, gateway: ControlClient
) -> None:
    order = order_of()
    app.charge(sns(ORDER_CANCELLED, order), None)
    app.charge(sns(ORDER_PLACED, order), None)
    assert transaction(api, order)["status"] == "cancelled"  # type: ignore[index]
    assert money_moved(gateway, order) == []


def paid_event(app: ModuleType, order: Order) -> dict[str, Any]:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    app.charge(sns(ORDER_PLACED, order), None)
    (event,) = outcomes(app, stream, spy)
    return sns_of(json.dumps(event))


def test_succeeded_payment_archives_a_receipt_and_emails_it(app: ModuleType, api: Any) -> None:
    order = order_of()
    event = paid_event(app, order)
    for _ in range(2):
        app.fulfil(event, None)
    (first, second) = app.file_manager.calls
    assert first == second  # the same bytes under the same id
    document = first.body
    assert first.operation == files.ARCHIVE_DOCUMENT.name
    assert document.content.startswith(b"%PDF-")
    assert transaction(api, order)["receipt_file_id"] == first.path["file_id"]  # type: ignore[index]
    (first, second) = app.notifications.calls
    assert first == second
    message = first.body
    assert first.operation == notifications.SEND.name
    assert (message.to, message.template) == ("a@example.com", "payment_succeeded")
    assert message.order.order_id == order.id
    assert message.attachments[0].content == document.content


@pytest.mark.parametrize(
    ("method", "template"),
    [
        ("pm_card_chargeDeclined", "payment_declined"),
        ("pm_card_authenticationRequired", "payment_action_required"),
    ],
)
def test_unpaid_outcome_is_emailed_without_a_receipt(
    app: ModuleType, method: str, template: str
) -> None:
    app.fulfil(paid_event(app, order_of(method)), None)
    assert app.file_manager.calls == []
    (call,) = app.notifications.calls
    message = call.body
    assert (message.template, message.attachments) == (template, [])


def test_email_is_retried_after_notifications_was_down(app: ModuleType, api: Any) -> None:
    # GIVEN notifications down
    order = order_of()
    event = paid_event(app, order)
    app.notifications.error = ServiceUnavailable("down")
    with pytest.raises(ServiceUnavailable):
        app.fulfil(event, None)
    # THEN the receipt is archived nevertheless
    assert transaction(api, order)["receipt_file_id"]  # type: ignore[index]
    # WHEN it is up again, and the retry queue delivers the event
    app.notifications.error = None
    record = {
        "messageId": "1",
        "receiptHandle": "handle",
        "attributes": {"ApproximateReceiveCount": "1"},
        "body": json.dumps({"requestPayload": event}),
    }
    assert app.fulfil_retry({"Records": [record]}, None) == {"batchItemFailures": []}
    assert len(app.notifications.calls) == 2


def test_failed_retry_is_delayed_with_backoff(app: ModuleType) -> None:
    event = paid_event(app, order_of())
    app.notifications.error = ServiceUnavailable("down")
    sqs = client_of("sqs")
    url = sqs.get_queue_url(QueueName="toyshop-local-payments-fulfil-retry")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"requestPayload": event}))
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "attributes": message["Attributes"],
        "body": message["Body"],
    }
    answer = app.fulfil_retry({"Records": [record]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": message["MessageId"]}]}
    # the first delay in the local stage is one second
    time.sleep(1.2)
    assert len(sqs.receive_message(QueueUrl=url).get("Messages", [])) == 1


def test_rejected_email_is_parked_with_its_reason(app: ModuleType) -> None:
    event = paid_event(app, order_of())
    app.notifications.error = Unprocessable("no such mailbox")
    app.fulfil(event, None)
    (message,) = parked("toyshop-local-payments-fulfil-dead-letters")
    assert "no such mailbox" in message["reason"]
    assert message["body"] == json.loads(event["Records"][0]["Sns"]["Message"])


def test_conflicting_receipt_and_email_are_kept(app: ModuleType, api: Any) -> None:
    order = order_of()
    event = paid_event(app, order)
    app.file_manager.error = app.notifications.error = Conflict("other content")
    app.fulfil(event, None)
    assert transaction(api, order)["receipt_file_id"]  # type: ignore[index]
    assert parked("toyshop-local-payments-fulfil-dead-letters") == []


@pytest.mark.parametrize(
    "message",
    ["not json", "{}", '{"type": "shop.order.placed.v1"}'],
)
def test_poison_message_is_parked_at_once(app: ModuleType, message: str) -> None:
    app.charge(sns_of(message), None)
    (found,) = parked("toyshop-local-payments-charge-dead-letters")
    assert found["reason"].startswith("poison")


def test_event_with_invalid_data_is_parked_as_poison(app: ModuleType) -> None:
    event = sns(ORDER_PLACED, {"id": "ord_1"})
    app.charge(event, None)
    (found,) = parked("toyshop-local-payments-charge-dead-letters")
    assert found["reason"].startswith("poison")
    assert "customer_id" in found["reason"]


class Lambda:
    """Invokes the app's functions for ``./shop replay``; an exception becomes an error response."""

    def __init__(self, app: ModuleType) -> None:
        self._app = app
        self.sqs = client_of("sqs")

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        name = FunctionName.removeprefix("toyshop-local-payments-").replace("-", "_")
        try:
            answer = getattr(self._app, name)(json.loads(Payload), None)
        except Exception as error:
            raised = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return {"FunctionError": "Unhandled", "Payload": BytesIO(json.dumps(raised).encode())}
        return {"Payload": BytesIO(json.dumps(answer).encode())}

    def client(self, service: str, read_timeout: float = 60) -> Any:
        return {"lambda": self, "sqs": self.sqs}[service]

    is_local = True


class RejectingGateway:
    """A gateway that rejects every request as invalid."""

    def create(self, order: Order) -> Any:
        raise InvalidGatewayRequestError("parameter_unknown: metadata")


def test_parked_orders_are_replayed_and_charged_once(
    app: ModuleType, gateway: ControlClient
) -> None:
    # GIVEN orders whose requests the gateway rejected, one whose event Lambda gave up on,
    # and one that was charged long ago, whose event was parked nevertheless
    working = app.components
    layout = Layout.find()
    (payments,) = services.load(layout.apps, ["payments"])
    cloud: Any = Lambda(app)
    target = Target(layout, stages.load(layout.stages, "local"), cloud, (payments,))
    parking = Parking(cloud.sqs, app.settings.charge_dead_letters_url)
    orders = [order_of() for _ in range(4)]
    events = [sns(ORDER_PLACED, order, order.id) for order in orders]
    app.charge(events[3], None)
    gateway.advance_clock(90_000)  # the gateway has forgotten its idempotency keys
    parking.park(json.loads(events[3]["Records"][0]["Sns"]["Message"]), "permanent: who knows")
    app.components = build(app.settings, gateway=RejectingGateway())  # type: ignore[arg-type]
    for event in events[:2]:
        app.charge(event, None)
    cloud.sqs.send_message(
        QueueUrl=app.settings.charge_dead_letters_url,
        MessageBody=json.dumps({"requestPayload": events[2]}),
    )

    def replay() -> list[str]:
        messages, _ = redrive.redrive(target, Selection(), lambda _: None)
        return sorted(each["outcome"] for each in messages)

    # WHEN they are replayed too early, THEN each message stays in the queue exactly once
    assert replay() == ["handled", "rejected", "rejected", "rejected"]
    for _ in range(2):
        assert replay() == ["rejected"] * 3
    # WHEN the cause is fixed, THEN each order is charged once, and the queue is empty
    app.components = working
    assert replay() == ["handled"] * 3
    assert replay() == []
    for order in orders:
        assert money_moved(gateway, order) == [("charge", "succeeded", 2500)]


def test_lookup_returns_existing_transactions(app: ModuleType, api: Any) -> None:
    order = order_of()
    assert transaction(api, order) is None
    app.charge(sns(ORDER_PLACED, order), None)
    found = transaction(api, order)
    assert found is not None
    assert found["order_id"] == order.id
    for ids in ([], ["x"] * 101, [5]):
        answer = api.call("POST", "/transactions/lookup", {"order_ids": ids})
        assert answer.status_code == 422
