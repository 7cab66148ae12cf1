"""Orders, their events and their transactions, for the tests of the payments service."""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import boto3
import msgspec

from chalicelib.payments.domain import transaction_id
from contracts import files
from contracts.events import ORDER_PLACED, CloudEvent, EventType
from contracts.money import Money
from contracts.orders import Address, Contact, Order, OrderLine
from gateway_simulator.client import ControlClient
from support.downstream import Call
from support.moto_aws import StreamOf, TopicSpy, client_of, let_reads_catch_up
from support.sns_notifications import sns

SECRET = "whsec_of_the_tests"
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


def event_of(kind: EventType, data: Any, entity: str = "ord_1.1") -> dict[str, Any]:
    event = CloudEvent(
        id=f"{entity}.{kind.name}",
        source=kind.source,
        type=kind.name,
        subject=entity,
        time=datetime.now(UTC),
        data=data,
    )
    return sns(msgspec.json.encode(event).decode())


def transaction(api: Any, order: Order) -> dict[str, Any] | None:
    let_reads_catch_up()
    answer = api.call("POST", "/transactions/lookup", {"order_ids": [order.id]})
    assert answer.status_code == 200
    items = answer.json_body["items"]
    return items[0] if items else None


def money_moved(gateway: ControlClient, order: Order) -> list[tuple[str, str, int]]:
    return [
        (entry["type"], entry["status"], entry["amount"])
        for entry in gateway.ledger()
        if entry["order_id"] == order.id
    ]


def intent_of(order: Order) -> str:
    table = client_of("dynamodb")
    items = table.scan(TableName="toyshop-local-payments", ConsistentRead=True)["Items"]
    (item,) = [item for item in items if item["order_id"]["S"] == order.id]
    intent_id: str = item["intent_id"]["S"]
    return intent_id


def signature_of(payload: bytes, stamp: int, secret: str = SECRET) -> str:
    """Return the signature of a webhook as Stripe computes it."""
    signed_payload = f"{stamp}.".encode() + payload
    return hmac.new(secret.encode(), signed_payload, hashlib.sha256).hexdigest()


def signed(payload: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Return the body with which the storefront passes on a signed webhook."""
    stamp = int(at or time.time())
    signature = f"t={stamp},v1={signature_of(payload, stamp, secret)}"
    return {"payload": b64encode(payload).decode(), "signature": signature}


def webhook_event(kind: str, order: Order, intent_id: str, decline_code: str = "") -> bytes:
    """Return a webhook's payload; the gateway keeps the error of an earlier attempt."""
    subject: dict[str, Any] = {
        "id": intent_id,
        "object": "payment_intent",
        "metadata": {"order_id": order.id},
        "last_payment_error": {"decline_code": decline_code} if decline_code else None,
    }
    return json.dumps({"id": "evt_1", "type": kind, "data": {"object": subject}}).encode()


def outcomes(app: ModuleType, stream: StreamOf, spy: TopicSpy) -> list[dict[str, Any]]:
    app.on_dynamodb_record(stream.records(), None)
    return spy.events()


def paid_event(app: ModuleType, order: Order) -> dict[str, Any]:
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    app.charge(event_of(ORDER_PLACED, order), None)
    (event,) = outcomes(app, stream, spy)
    return sns(json.dumps(event))


def lose(order: Order) -> None:
    """Delete the transaction of an order, which the service never does."""
    table = boto3.resource("dynamodb").Table("toyshop-local-payments")
    table.delete_item(Key={"id": transaction_id(order.id)})


def archived(call: Call) -> files.ArchivedDocument:
    """Answer ``archiveDocument`` as file_manager does, with a link."""
    now = datetime.now(UTC)
    return files.ArchivedDocument(
        id=call.path["file_id"],
        kind="document",
        status="ready",
        subject=call.body.subject,
        content_type=call.body.content_type,
        size=len(call.body.content),
        alt="",
        version=1,
        created_at=now,
        updated_at=now,
        link=files.Link(url=f"https://s3.amazonaws.com/{call.path['file_id']}", expires_at=now),
    )
