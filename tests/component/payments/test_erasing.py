"""Erasure of a customer's data: transactions, receipts, and what happens to them afterwards."""

import base64
import json
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.payments.domain import receipt_id
from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from contracts.orders import Address
from support.moto_aws import StreamOf, TopicSpy, client_of
from support.payments import event_of, order_of, outcomes, paid_event, transaction
from support.receipts import text_of
from support.sns_notifications import sns

TABLE = "toyshop-local-payments"


def erase(api: Any, *order_ids: str) -> Any:
    answer = api.call("POST", "/transactions/erasures", {"order_ids": list(order_ids)})
    assert answer.status_code == 200, answer.body
    return answer.json_body


def stored() -> str:
    return json.dumps(client_of("dynamodb").scan(TableName=TABLE, ConsistentRead=True)["Items"])


def test_transaction_and_receipt_keep_the_amounts_and_lose_the_customer(
    app: ModuleType, api: Any
) -> None:
    address = Address("Zoe Lukasz", "12 Kite Lane", "Hobart", "7000", "AU", "Flat 3", "TAS")
    order = replace(order_of(), shipping_address=address)
    personal = [order.contact.email, "Zo", "ukasz", "12 Kite Lane", "Hobart", "7000", "Flat 3"]
    app.fulfil(paid_event(app, order), None)
    before = text_of(app.file_manager.calls[0].body.content)
    # WHEN the customer's data are erased
    answer = erase(api, order.id)
    # THEN the record has only the country
    assert answer["erased"] == [order.id]
    for words in personal:
        assert words not in stored()
    shown = transaction(api, order)
    assert shown is not None
    assert (shown["erased"], shown["status"]) == (True, "succeeded")
    # AND the receipt is the same without them
    (receipt,) = answer["receipts"]
    assert receipt["file_id"] == receipt_id(order.id)
    text = text_of(base64.b64decode(receipt["content"]))
    assert "Erased customer" in text
    assert "Delivery address AU" in text
    for words in personal[1:]:
        assert words in before
        assert words not in text
    for kept in (order.id, "ABN", "GST included", "Card ending in 4242", "AUD"):
        assert kept in before
        assert kept in text


def test_repeated_erasure_changes_nothing_and_returns_the_same_receipt(
    app: ModuleType, api: Any
) -> None:
    order = order_of()
    app.fulfil(paid_event(app, order), None)
    first = erase(api, order.id)
    before = stored()
    second = erase(api, order.id, order.id)
    assert second == {"erased": [], "receipts": first["receipts"]}
    assert stored() == before


def test_erasure_emits_no_event(app: ModuleType, api: Any) -> None:
    order = order_of()
    app.fulfil(paid_event(app, order), None)
    stream, spy = StreamOf(TABLE), TopicSpy(app.settings.topic_arn)
    stream.records()
    erase(api, order.id)
    assert outcomes(app, stream, spy) == []


@pytest.mark.parametrize(
    "old_event", ["order placed", "payment succeeded"], ids=lambda text: text.replace(" ", "-")
)
def test_old_event_brings_nothing_back_and_mails_nobody(
    app: ModuleType, api: Any, old_event: str
) -> None:
    order = order_of()
    placed, paid = event_of(ORDER_PLACED, order), paid_event(app, order)
    app.fulfil(paid, None)
    erase(api, order.id)
    before = stored()
    app.file_manager.calls.clear()
    app.notifications.calls.clear()
    # WHEN an event from before the erasure is delivered again
    if old_event == "order placed":
        app.charge(placed, None)
    else:
        assert app.fulfil(paid, None)["handled"]
    # THEN
    assert stored() == before
    assert (app.file_manager.calls, app.notifications.calls) == ([], [])


def test_refund_after_the_erasure_is_recorded_and_not_emailed(app: ModuleType, api: Any) -> None:
    order = order_of()
    app.fulfil(paid_event(app, order), None)
    erase(api, order.id)
    app.notifications.calls.clear()
    stream, spy = StreamOf(TABLE), TopicSpy(app.settings.topic_arn)
    stream.records()
    app.charge(event_of(ORDER_CANCELLED, order), None)
    (refunded,) = outcomes(app, stream, spy)
    app.fulfil(sns(json.dumps(refunded)), None)
    shown = transaction(api, order)
    assert shown is not None
    assert (shown["status"], shown["erased"]) == ("refunded", True)
    assert app.notifications.calls == []
    # AND reconciliation expects the emails from before the erasure, and no others
    at = "2026-11-24T00:00:00Z"
    audit = {"order_ids": [order.id], "since": at, "until": at}
    (audited,) = api.call("POST", "/transactions/audit", audit).json_body["items"]
    assert [message["template"] for message in audited["messages"]] == ["payment_succeeded"]


def test_open_payment_is_refused(app: ModuleType, api: Any) -> None:
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    before = stored()
    answer = api.call("POST", "/transactions/erasures", {"order_ids": [order.id]})
    assert (answer.status_code, stored()) == (409, before)
    assert order.id in answer.json_body["detail"]
    unknown = api.call("POST", "/transactions/erasures", {"order_ids": ["ord_x"]})
    assert unknown.status_code == 404
