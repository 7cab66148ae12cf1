"""What the gateway's dashboard and banks do to the payments of cancelled orders, and to success."""

import json
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from chalicelib.payments.gateway import GatewayUnavailableError, StripeGateway
from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from gateway_simulator.client import ControlClient
from support.gateway_dashboard import Dashboard, paid_order, shown, webhook
from support.moto_aws import StreamOf, TopicSpy, parked
from support.payments import event_of, intent_of, money_moved, order_of, outcomes
from support.races import BeforeWrite
from support.sns_notifications import sns


@pytest.fixture
def emitted(app: ModuleType) -> Any:
    """Return a function that returns the events emitted since the last call."""
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    return lambda: outcomes(app, stream, spy)


def emails_about(app: ModuleType, events: list[dict[str, Any]]) -> list[Any]:
    """Fulfil events, and return what the requested emails are about."""
    for event in events:
        app.fulfil(sns(json.dumps(event)), None)
    requested = {call.path["message_id"]: call.body for call in app.notifications.calls}
    return [mail.order for mail in requested.values()]


@pytest.fixture
def is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every order be one whose re-emission reads the gateway."""
    monkeypatch.setattr("chalicelib.payments.charging.SEARCH_AGE", timedelta(0))


@pytest.mark.parametrize("amount", [None, 500])
def test_dashboard_refund_that_fails_after_the_cancellation_is_made_up_for(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard, amount: int | None
) -> None:
    # GIVEN a refund whose webhooks arrive after the cancellation, and that fails later
    order = paid_order(app)
    webhooks = dashboard.refund(intent_of(order), amount)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    dashboard.deliver(*webhooks, *dashboard.fail(webhooks))
    assert shown(api, order)[:2] == ("succeeded", 2500 - (amount or 2500))
    # WHEN the cancellation is emitted again, within the life of the first idempotency key
    app.charge(event_of(ORDER_CANCELLED, order), None)
    # THEN the gateway has really refunded what is recorded
    assert shown(api, order) == ("refunded", 2500, None)
    kept = [each for each in money_moved(gateway, order) if each[:2] == ("refund", "succeeded")]
    assert sum(amount for _, _, amount in kept) == 2500


def test_order_that_was_cancelled_while_disputed_is_refunded_when_the_dispute_is_won(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard, emitted: Any
) -> None:
    for arrives in ("before", "after"):
        order = paid_order(app)
        opened = dashboard.dispute(intent_of(order))
        if arrives == "before":
            dashboard.deliver(*opened)
        for _ in range(2):
            app.charge(event_of(ORDER_CANCELLED, order), None)
        dashboard.deliver(*opened)
        assert shown(api, order) == ("succeeded", 0, "open")
        assert len(money_moved(gateway, order)) == 1
        emitted()
        # WHEN the event about the end of the dispute is delivered, twice
        dashboard.deliver(*dashboard.close(opened, "won"))
        (closed,) = emitted()
        for _ in range(2):
            app.charge_again(sns(json.dumps(closed)), None)
        assert shown(api, order) == ("refunded", 2500, "won")
        assert money_moved(gateway, order)[1:] == [("refund", "succeeded", 2500)]
    assert parked("toyshop-local-payments-charge-dead-letters") == []


def test_refund_is_not_postponed_if_the_dispute_ends_meanwhile(
    app: ModuleType,
    api: Any,
    dashboard: Dashboard,
    before_write: BeforeWrite,
    capsys: pytest.CaptureFixture[str],
) -> None:
    order = paid_order(app)
    opened = dashboard.dispute(intent_of(order))
    dashboard.deliver(*opened)
    before_write(lambda: dashboard.deliver(*dashboard.close(opened, "won")))
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert shown(api, order) == ("refunded", 2500, "won")
    assert "refund postponed by a dispute" not in capsys.readouterr().out


def test_refund_is_tried_again_if_the_dispute_that_refused_it_has_just_ended(
    app: ModuleType,
    api: Any,
    gateway: ControlClient,
    dashboard: Dashboard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = paid_order(app)
    opened = dashboard.dispute(intent_of(order))
    refund = StripeGateway.refund

    def refused(gateway: StripeGateway, *arguments: Any) -> Any:
        monkeypatch.setattr(StripeGateway, "refund", refund)
        try:
            return refund(gateway, *arguments)
        finally:
            dashboard.close(opened, "won")

    monkeypatch.setattr(StripeGateway, "refund", refused)
    with pytest.raises(GatewayUnavailableError):
        app.charge(event_of(ORDER_CANCELLED, order), None)
    # Lambda delivers the event again
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert shown(api, order) == ("refunded", 2500, "won")
    assert money_moved(gateway, order)[1:] == [("refund", "succeeded", 2500)]


@pytest.mark.parametrize(("cancelled", "outcome"), [(True, "lost"), (False, "won")])
def test_end_of_a_dispute_refunds_nothing_else(
    app: ModuleType,
    api: Any,
    gateway: ControlClient,
    dashboard: Dashboard,
    emitted: Any,
    cancelled: bool,
    outcome: str,
) -> None:
    order = paid_order(app)
    opened = dashboard.dispute(intent_of(order))
    dashboard.deliver(*opened)
    if cancelled:
        app.charge(event_of(ORDER_CANCELLED, order), None)
    emitted()
    dashboard.deliver(*dashboard.close(opened, outcome))
    (closed,) = emitted()
    app.charge_again(sns(json.dumps(closed)), None)
    assert shown(api, order) == ("succeeded", 0, outcome)
    assert len(money_moved(gateway, order)) == 1
    assert closed["type"] == "shop.payment.dispute_closed.v1"
    assert emails_about(app, [closed])[-1].reversal == f"dispute_{outcome}"


def test_payment_that_was_returned_before_a_dispute_is_not_refunded(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    prevented = {"id": "du_1", "amount": 2500, "currency": "aud", "status": "prevented"}
    subject = {**prevented, "payment_intent": intent_of(order)}
    dashboard.deliver(webhook("charge.dispute.created", subject))
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert shown(api, order) == ("succeeded", 0, "lost")
    assert len(money_moved(gateway, order)) == 1


def test_dispute_that_does_not_say_whether_it_can_be_refunded_is_not(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    subject = {"id": "du_1", "amount": 2500, "currency": "aud", "status": "needs_response"}
    subject["payment_intent"] = intent_of(order)
    dashboard.deliver(webhook("charge.dispute.created", subject))
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert shown(api, order) == ("succeeded", 0, "open")
    assert len(money_moved(gateway, order)) == 1


@pytest.mark.usefixtures("is_old")
def test_refund_by_hand_after_a_failure_is_recorded_although_its_webhook_was_lost(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    (refund,) = [each for each in gateway.ledger() if each["order_id"] == order.id][1:]
    dashboard.deliver(webhook("refund.failed", gateway.fail_refund(refund["id"])))
    dashboard.refund(intent_of(order))
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert shown(api, order) == ("refunded", 2500, None)


@pytest.mark.usefixtures("is_old")
def test_refund_that_is_found_at_the_gateway_is_not_mailed_as_one_of_a_cancelled_order(
    app: ModuleType, dashboard: Dashboard, emitted: Any
) -> None:
    order = paid_order(app)
    dashboard.refund(intent_of(order))
    app.charge(event_of(ORDER_PLACED, order), None)
    assert emails_about(app, emitted())[-1].cancelled is False


@pytest.mark.usefixtures("is_old")
def test_won_dispute_is_refunded_although_its_webhook_was_lost(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard
) -> None:
    order = paid_order(app)
    opened = dashboard.dispute(intent_of(order))
    dashboard.deliver(*opened)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    dashboard.close(opened, "won")
    app.charge(event_of(ORDER_CANCELLED, order), None)
    assert shown(api, order) == ("refunded", 2500, "won")
    assert money_moved(gateway, order)[1:] == [("refund", "succeeded", 2500)]


def test_second_full_refund_has_a_credit_note_of_its_own(
    app: ModuleType, gateway: ControlClient, dashboard: Dashboard, emitted: Any
) -> None:
    order = paid_order(app)
    webhooks = dashboard.refund(intent_of(order))
    dashboard.deliver(*webhooks, *dashboard.fail(webhooks), *dashboard.refund(intent_of(order)))
    events = emitted()
    emails_about(app, events)
    requested = {call.path["message_id"]: call.body for call in app.notifications.calls}
    *_, first, _, second = (mail.attachments for mail in requested.values())
    assert [file.filename for file in (*first, *second)] == [
        f"credit-note-{order.id}-{event['id'].split('.')[1]}.pdf"
        for event in events
        if event["type"] == "shop.payment.refunded.v1"
    ]


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
def test_each_webhook_about_a_refund_is_enough(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard, kind: str
) -> None:
    order = paid_order(app)
    dashboard.deliver(webhook(kind, gateway.refund(intent_of(order), 500)))
    assert shown(api, order) == ("succeeded", 500, None)


def test_end_of_an_inquiry_is_not_mailed(
    app: ModuleType, dashboard: Dashboard, emitted: Any
) -> None:
    # GIVEN a question of the bank that is answered with a refund
    order = paid_order(app)
    opened, _ = dashboard.dispute(intent_of(order), kind="inquiry")
    refund = dashboard.refund(intent_of(order))
    dashboard.deliver(opened, *refund, *dashboard.close([opened], "won"))
    about = emails_about(app, emitted())
    assert [mail.reversal for mail in about] == [None, "disputed", None]


@pytest.mark.parametrize(
    ("metadata", "cancelled"), [({"ticket": "12"}, False), ({"order_id": ""}, True)]
)
def test_only_the_shops_own_refund_is_mailed_as_one_of_a_cancelled_order(
    app: ModuleType,
    gateway: ControlClient,
    dashboard: Dashboard,
    emitted: Any,
    metadata: dict[str, str],
    cancelled: bool,
) -> None:
    order = paid_order(app)
    own = {"order_id": order.id} if "order_id" in metadata else metadata
    refund = gateway.refund(intent_of(order)) | {"metadata": own}
    dashboard.deliver(webhook("refund.created", refund))
    assert emails_about(app, emitted())[-1].cancelled is cancelled


def test_refund_of_a_cancelled_order_is_mailed_as_one_although_its_charge_is_reported_first(
    app: ModuleType, dashboard: Dashboard, emitted: Any, before_write: BeforeWrite
) -> None:
    order = paid_order(app)

    def report_charge() -> None:
        charge = dashboard.charge(intent_of(order))
        assert charge["amount_refunded"] == 2500
        dashboard.deliver(webhook("charge.refunded", charge))

    # WHEN the gateway reports the charge after it has refunded it, before the shop records that
    before_write(report_charge)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    # THEN the receipt is followed by one email, about the cancelled order
    _receipt, mail = emails_about(app, emitted())
    assert mail.cancelled is True


def test_each_refund_is_mailed_although_only_the_charge_is_reported(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard, emitted: Any
) -> None:
    # GIVEN a refund in the dashboard and the shop's own, of both of which no webhook has arrived
    order = paid_order(app)
    first = webhook("refund.created", gateway.refund(intent_of(order), 500))
    StripeGateway("sk_test_x", dashboard.url).refund(intent_of(order), order.id)
    # WHEN the charge is reported
    dashboard.deliver(webhook("charge.refunded", dashboard.charge(intent_of(order))))
    assert shown(api, order) == ("refunded", 2500, None)
    # THEN each refund is mailed once, with its own reason
    dashboard.deliver(first)
    _receipt, *others = emails_about(app, emitted())
    about = [(mail.reversal, mail.cancelled) for mail in others]
    assert about == [("partially_refunded", False), (None, True)]


def test_refund_that_is_found_only_by_reading_the_gateway_is_mailed_as_one_of_a_cancelled_order(
    app: ModuleType, api: Any, dashboard: Dashboard, emitted: Any, is_old: None
) -> None:
    # GIVEN a refund of the shop that was not recorded
    order = paid_order(app)
    StripeGateway("sk_test_x", dashboard.url).refund(intent_of(order), order.id)
    # WHEN the order is emitted again
    app.charge(event_of(ORDER_PLACED, order), None)
    # THEN the email says that the order was cancelled
    assert shown(api, order) == ("refunded", 2500, None)
    _receipt, mail = emails_about(app, emitted())
    assert mail.cancelled is True


def test_payment_that_is_cancelled_in_the_dashboard_is_not_mailed_as_a_cancelled_order(
    app: ModuleType, gateway: ControlClient, dashboard: Dashboard, emitted: Any
) -> None:
    expected = {}
    for by_shop in (True, False):
        order = order_of("pm_card_authenticationRequired")
        app.charge(event_of(ORDER_PLACED, order), None)
        if by_shop:
            app.charge(event_of(ORDER_CANCELLED, order), None)
        else:
            intent = gateway.cancel(intent_of(order))
            dashboard.deliver(webhook("payment_intent.canceled", intent))
        expected[order.id] = by_shop
    about = [mail for mail in emails_about(app, emitted()) if not mail.charged]
    assert {mail.order_id: mail.cancelled for mail in about} == expected


@pytest.mark.parametrize("reported", ["webhook", "only by reading the gateway"])
def test_cancellation_that_is_recorded_by_another_is_mailed_as_one_of_the_order(
    app: ModuleType,
    dashboard: Dashboard,
    emitted: Any,
    monkeypatch: pytest.MonkeyPatch,
    reported: str,
) -> None:
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    cancel, answers = StripeGateway.cancel, []

    def crash(gateway: StripeGateway, intent_id: str) -> Any:
        answers.append(cancel(gateway, intent_id))
        raise GatewayUnavailableError("the response was lost")

    # GIVEN an intent that the shop has cancelled without recording it
    monkeypatch.setattr(StripeGateway, "cancel", crash)
    with pytest.raises(GatewayUnavailableError):
        app.charge(event_of(ORDER_CANCELLED, order), None)
    assert [answer.status for answer in answers] == ["cancelled"]
    cancelled = dashboard.intent(intent_of(order))
    assert cancelled["metadata"]["order_cancelled"] == "true"  # as the dashboard shows it
    # WHEN it is recorded for another reason
    if reported == "webhook":
        dashboard.deliver(webhook("payment_intent.canceled", cancelled))
    else:
        app.charge(event_of(ORDER_PLACED, order), None)
    # THEN the email says that the order was cancelled
    mail = emails_about(app, emitted())[-1]
    assert (mail.charged, mail.cancelled) == (False, True)


def test_refund_of_a_payment_that_was_never_charged_is_ignored_and_logged(
    app: ModuleType, api: Any, dashboard: Dashboard, capsys: pytest.CaptureFixture[str]
) -> None:
    order = order_of("pm_card_authenticationRequired")
    app.charge(event_of(ORDER_PLACED, order), None)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    refund = {"id": "re_1", "amount": 1, "status": "succeeded", "metadata": {"order_id": order.id}}
    dashboard.deliver(webhook("refund.created", {**refund, "payment_intent": intent_of(order)}))
    assert shown(api, order) == ("cancelled", 0, None)
    (warning,) = [
        line
        for line in map(json.loads, capsys.readouterr().out.splitlines())
        if line.get("message") == "reversal of an uncharged payment ignored"
    ]
    assert warning["order_id"] == order.id


def test_receipt_has_the_card_although_the_webhook_is_faster(
    app: ModuleType, dashboard: Dashboard, emitted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = StripeGateway.confirm

    def overtaken(gateway: StripeGateway, intent_id: str, *rest: Any) -> Any:
        answer = confirm(gateway, intent_id, *rest)
        subject = {"id": intent_id, "metadata": {"order_id": order.id}}
        dashboard.deliver(webhook("payment_intent.succeeded", subject))
        return answer

    monkeypatch.setattr(StripeGateway, "confirm", overtaken)
    order = order_of()
    app.charge(event_of(ORDER_PLACED, order), None)
    assert [event["data"]["card_last4"] for event in emitted()] == ["4242"]


def test_success_is_recorded_without_the_card_if_the_gateway_does_not_answer(
    app: ModuleType, api: Any, gateway: ControlClient, dashboard: Dashboard, emitted: Any
) -> None:
    order = order_of("pm_card_chargeDeclined")
    app.charge(event_of(ORDER_PLACED, order), None)
    gateway.add_fault("throttle", path="/v1/payment_intents/*", times=2)
    subject = {"id": intent_of(order), "metadata": {"order_id": order.id}}
    dashboard.deliver(webhook("payment_intent.succeeded", subject))
    assert shown(api, order)[0] == "succeeded"
    assert emitted()[-1]["data"]["card_last4"] is None
