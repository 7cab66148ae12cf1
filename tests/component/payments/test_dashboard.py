"""Refunds and disputes made in the gateway's dashboard, reported by signed webhooks."""

import json
import random
from types import ModuleType
from typing import Any

import pytest

from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from gateway_simulator.client import ControlClient
from support.gateway_dashboard import Dashboard, paid_order, shown, webhook
from support.moto_aws import StreamOf, TopicSpy
from support.payments import (
    event_of,
    intent_of,
    lose,
    money_moved,
    order_of,
    outcomes,
    transaction,
)
from support.receipts import text_of
from support.sns_notifications import sns


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_partial_refunds_are_recorded_whatever_the_order_of_their_webhooks(
    app: ModuleType, api: Any, dashboard: Dashboard
) -> None:
    for seed in range(3):
        order = paid_order(app)
        webhooks = [
            *dashboard.refund(intent_of(order), 500),
            *dashboard.refund(intent_of(order), 300),
        ]
        arrived = webhooks * 2
        random.Random(seed).shuffle(arrived)
        dashboard.deliver(*arrived)
        assert shown(api, order) == ("succeeded", 800, None)


def test_each_refund_is_emailed_once_with_the_total(app: ModuleType, dashboard: Dashboard) -> None:
    order = paid_order(app)
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    first = dashboard.refund(intent_of(order), 500)
    second = dashboard.refund(intent_of(order))
    failed = dashboard.fail(second)
    dashboard.deliver(*first, *first, *second, *failed, *second)
    emitted = outcomes(app, stream, spy)
    assert [event["type"].split(".")[2] for event in emitted] == [
        "succeeded",
        "partially_refunded",
        "refunded",
        "refund_failed",
    ]
    # the events are delivered in the wrong order, and twice
    for event in (*reversed(emitted), *emitted):
        app.fulfil(sns(json.dumps(event)), None)
    requested = {}
    for call in app.notifications.calls:
        requested.setdefault(call.path["message_id"], call.body)
        assert requested[call.path["message_id"]] == call.body
    about = [
        (mail.order.reversal, mail.order.refunded and mail.order.refunded.amount)
        for mail in requested.values()
    ]
    assert about == [
        (None, None),  # the payment itself
        ("partially_refunded", 500),
        (None, 2500),
        ("refund_failed", 500),
    ]
    assert list(requested.values())[2].order.cancelled is False
    receipt, part, rest, returned = (mail.attachments for mail in requested.values())
    assert receipt[0].filename == f"receipt-{order.id}.pdf"
    assert "Refunded AUD 5.00" in text_of(part[0].content)
    assert "Refunded AUD 20.00 GST included (10 %) AUD 1.82 Refunded so far AUD 25.00" in text_of(
        rest[0].content
    )
    assert returned == []


def test_cancellation_refunds_only_the_rest(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    for arrives in ("before", "after"):
        order = paid_order(app)
        webhooks = dashboard.refund(intent_of(order), 500)
        if arrives == "before":
            dashboard.deliver(*webhooks)
        app.charge(event_of(ORDER_CANCELLED, order), None)
        app.charge(event_of(ORDER_CANCELLED, order), None)
        dashboard.deliver(*webhooks)
        assert shown(api, order) == ("refunded", 2500, None)
        refunds = [each for each in money_moved(gateway, order) if each[0] == "refund"]
        assert refunds == [("refund", "succeeded", 500), ("refund", "succeeded", 2000)]


def test_full_refund_in_the_dashboard_leaves_nothing_to_refund(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    webhooks = dashboard.refund(intent_of(order))
    # the order is cancelled before the webhooks arrive
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert shown(api, order) == ("refunded", 2500, None)
    dashboard.deliver(*webhooks)
    assert shown(api, order) == ("refunded", 2500, None)
    assert len(money_moved(gateway, order)) == 2


def test_failed_refund_of_a_cancelled_order_is_not_repeated(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    (refund,) = [each for each in gateway.ledger() if each["order_id"] == order.id][1:]
    dashboard.deliver(webhook("refund.failed", gateway.fail_refund(refund["id"])))
    app.charge(event_of(ORDER_CANCELLED, order), None)
    found = transaction(api, order)
    assert found is not None
    assert shown(api, order) == ("succeeded", 0, None)
    assert found["refund_failed"] is True
    assert money_moved(gateway, order)[1:] == [("refund", "failed", 2500)]
    # an operator refunds it another way
    dashboard.deliver(*dashboard.refund(intent_of(order)))
    assert shown(api, order) == ("refunded", 2500, None)


@pytest.mark.parametrize(("outcome", "state"), [("won", "won"), ("lost", "lost")])
def test_dispute_is_recorded_whatever_the_order_of_its_webhooks(
    app: ModuleType, api: Any, dashboard: Dashboard, outcome: str, state: str
) -> None:
    order = paid_order(app)
    opened = dashboard.dispute(intent_of(order))
    dashboard.deliver(*opened)
    assert shown(api, order) == ("succeeded", 0, "open")
    closed = dashboard.close(opened, outcome)
    dashboard.deliver(*closed, *opened, *closed)
    assert shown(api, order) == ("succeeded", 0, state)
    # a decision that arrives before everything else
    other = paid_order(app)
    opened = dashboard.dispute(intent_of(other))
    dashboard.deliver(*dashboard.close(opened, outcome), *opened)
    assert shown(api, other) == ("succeeded", 0, state)


def test_dispute_of_a_refunded_charge_is_recorded(
    app: ModuleType, api: Any, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    dashboard.deliver(*dashboard.dispute(intent_of(order)))
    assert shown(api, order) == ("refunded", 2500, "open")
    found = transaction(api, order)
    assert found is not None
    assert found["withdrawn_amount"] == {"amount": 2500, "currency": "AUD"}


def test_reversal_before_the_success_is_recorded_records_the_success_first(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    # GIVEN a shopper who has confirmed, and a success whose webhook has not arrived
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    gateway.authenticate(intent_of(order))
    dashboard.deliver(*dashboard.refund(intent_of(order), 500))
    assert shown(api, order) == ("succeeded", 500, None)
    assert [event["type"].split(".")[2] for event in outcomes(app, stream, spy)] == [
        "action_required",
        "succeeded",
        "partially_refunded",
    ]


def test_reversal_before_the_transaction_is_sent_again(
    app: ModuleType, api: Any, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    intent_id = intent_of(order)
    webhooks = [*dashboard.refund(intent_id, 500), *dashboard.dispute(intent_id)]
    lose(order)
    dashboard.deliver(*webhooks, status=409)


def test_reversal_is_sent_again_while_the_gateway_does_not_name_its_order(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    refund, _ = dashboard.refund(intent_of(order), 500)
    gateway.add_fault("throttle", path="/v1/payment_intents/*", times=2)
    dashboard.deliver(refund, status=409)
    gateway.clear_faults()
    dashboard.deliver(refund)
    assert shown(api, order) == ("succeeded", 500, None)


def test_webhook_that_concerns_no_order_is_acknowledged_and_counted(
    app: ModuleType, api: Any, dashboard: Dashboard, capsys: pytest.CaptureFixture[str]
) -> None:
    order = paid_order(app)
    known = {"id": "re_1", "amount": 1, "status": "succeeded"}
    dispute = {"id": "du_1", "amount": 1, "currency": "aud", "status": "lost"}
    capsys.readouterr()
    dashboard.deliver(
        webhook("refund.created", known | {"payment_intent": "pi_of_somebody_else"}),
        webhook("refund.created", known | {"payment_intent": None}),
        webhook("charge.dispute.created", dispute | {"payment_intent": "pi_of_somebody_else"}),
        webhook(
            "charge.refunded",
            {
                "id": "ch_1",
                "amount_refunded": 1,
                "payment_intent": "pi_of_somebody_else",
                "metadata": {"order_id": order.id},
            },
        ),
        webhook("payout.paid", {"id": "po_1"}),
        webhook("event.type.that.stripe.adds", {}),
    )
    results = [line["result"] for line in printed(capsys) if "toyshop.webhooks" in line]
    assert results == [
        "without_order",
        "without_order",
        "without_order",
        "unknown_intent",
        "unknown_type",
        "unknown_type",
    ]
    assert shown(api, order) == ("succeeded", 0, None)


@pytest.mark.parametrize("metadata", [{}, {"metadata": None}, {"metadata": {}}])
def test_refund_without_metadata_is_recorded_once_and_counted(
    app: ModuleType,
    api: Any,
    dashboard: Dashboard,
    metadata: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    order = paid_order(app)
    refund = {"id": "re_1", "amount": 1, "status": "succeeded", "payment_intent": intent_of(order)}
    capsys.readouterr()
    dashboard.deliver(*[webhook("refund.created", refund | metadata)] * 2)
    results = [line["result"] for line in printed(capsys) if "toyshop.webhooks" in line]
    assert results == ["recorded", "unchanged"]
    assert shown(api, order) == ("succeeded", 1, None)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("charge.refunded", {"id": "ch_1"}),
        ("charge.refunded", {"id": "ch_1", "amount_refunded": "1"}),
        ("refund.created", {"id": "re_1", "payment_intent": "pi_1"}),
        ("refund.created", {"id": 1, "amount": 1}),
        ("charge.dispute.created", {"id": "du_1", "amount": 1}),
        ("charge.dispute.created", {}),
    ],
)
def test_signed_object_without_its_amount_is_rejected(
    app: ModuleType, dashboard: Dashboard, kind: str, subject: dict[str, Any]
) -> None:
    dashboard.deliver(webhook(kind, subject), status=400)


def test_payment_cancelled_in_the_dashboard_can_no_longer_be_paid(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    cancelled = webhook("payment_intent.canceled", gateway.cancel(intent_of(order)))
    dashboard.deliver(cancelled, cancelled)
    assert shown(api, order) == ("cancelled", 0, None)


@pytest.mark.parametrize("kind", [ORDER_PLACED, ORDER_CANCELLED])
def test_reemitted_order_records_reversals_whose_webhooks_were_lost(
    app: ModuleType, api: Any, dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    order = paid_order(app)
    if kind is ORDER_CANCELLED:
        app.charge(event_of(ORDER_CANCELLED, order), None)
        (refund, *_) = [
            each for each in dashboard.control.ledger() if each["order_id"] == order.id
        ][1:]
        dashboard.control.fail_refund(refund["id"])
    else:
        dashboard.refund(intent_of(order), 500)
        dashboard.dispute(intent_of(order))
    monkeypatch.setattr(
        "chalicelib.payments.charging.SEARCH_AGE", order.updated_at - order.placed_at
    )
    for _ in range(2):
        app.charge(event_of(kind, order), None)
    expected = ("succeeded", 500, "open") if kind is ORDER_PLACED else ("succeeded", 0, None)
    assert shown(api, order) == expected


def test_counted_by_what_has_happened(
    app: ModuleType, dashboard: Dashboard, capsys: pytest.CaptureFixture[str]
) -> None:
    order = paid_order(app)
    refund = dashboard.refund(intent_of(order), 500)
    opened = dashboard.dispute(intent_of(order))
    failed = dashboard.fail(refund)
    capsys.readouterr()
    dashboard.deliver(*refund, *failed, *opened, *dashboard.close(opened, "lost"))
    counted = [line["outcome"] for line in printed(capsys) if "toyshop.payments" in line]
    assert counted == ["partially_refunded", "refund_failed", "disputed", "dispute_lost"]
