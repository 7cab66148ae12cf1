"""Receipts and emails after the outcome of a payment."""

import hashlib
import json
import time
from types import ModuleType
from typing import Any

import msgspec
import pytest

from chalicelib.payments.domain import receipt_id
from chassis.client import Reply
from chassis.problems import Conflict, ServiceUnavailable, Unprocessable
from contracts import files, notifications
from contracts.events import ORDER_CANCELLED, ORDER_PLACED
from support.log_lines import Logged
from support.moto_aws import StreamOf, TopicSpy, client_of, parked
from support.payments import event_of, lose, order_of, outcomes, paid_event, transaction
from support.receipts import text_of
from support.sns_notifications import sns


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
    # the receipt is sent once: the email has a link to it
    (attachment,) = message.attachments
    assert attachment.content is msgspec.UNSET
    assert attachment.url.endswith(app.file_manager.calls[0].path["file_id"])
    assert attachment.sha256 == hashlib.sha256(document.content).hexdigest()


def test_only_a_repeated_event_is_counted_as_a_duplicate(
    app: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    event = paid_event(app, order_of())
    capsys.readouterr()

    def counted() -> list[int]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        name = "toyshop.events.duplicate"
        return [line[name] for line in lines if name in line]

    app.fulfil(event, None)
    assert counted() == []
    sent = app.notifications.answers["sendMessage"]
    app.notifications.answers["sendMessage"] = lambda call: Reply(200, sent(call))
    app.fulfil(event, None)
    assert counted() == [1]


@pytest.mark.parametrize("earlier", ["release of file_manager", "receipt of other bytes"])
def test_receipt_is_attached_itself_where_there_is_no_link(app: ModuleType, earlier: str) -> None:
    archived = app.file_manager.answers["archiveDocument"]
    app.file_manager.answers["archiveDocument"] = (
        Conflict("Other content was archived under this id.")
        if earlier == "receipt of other bytes"
        else lambda call: msgspec.structs.replace(archived(call), link=None)
    )
    app.fulfil(paid_event(app, order_of()), None)
    (attachment,) = app.notifications.calls[-1].body.attachments
    assert attachment.content == app.file_manager.calls[-1].body.content
    assert attachment.url is msgspec.UNSET


def test_lost_receipt_is_archived_again(app: ModuleType) -> None:
    order = order_of()
    event = paid_event(app, order)
    app.fulfil(event, None)
    app.file_manager.calls.clear()
    # WHEN its file is lost, and the event is emitted again
    app.fulfil(event, None)
    (archived,) = app.file_manager.calls
    assert archived.path["file_id"] == receipt_id(order.id)


def test_refund_is_emailed_with_a_credit_note_and_keeps_the_receipt(
    app: ModuleType, api: Any
) -> None:
    # GIVEN an order with a receipt
    order = order_of()
    app.fulfil(paid_event(app, order), None)
    (archived,) = app.file_manager.calls
    # WHEN it is refunded, and the event redelivered
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    app.charge(event_of(ORDER_CANCELLED, order), None)
    *_, refunded = outcomes(app, stream, spy)
    for _ in range(2):
        app.fulfil(sns(json.dumps(refunded)), None)
    # THEN each email is the same, with a credit note, and the receipt stays as it was
    # (it is archived, and its email requested, again under the same ids)
    _, _, first, _, second = app.notifications.calls
    assert first == second
    assert first.body.template == "payment_refunded"
    (attachment,) = first.body.attachments
    version = int(refunded["id"].split(".")[1])
    assert attachment.filename == f"credit-note-{order.id}-{version}.pdf"
    assert "Credit note" in text_of(attachment.content)
    assert "Refunded to Card ending in 4242" in text_of(attachment.content)
    assert app.file_manager.calls == [archived] * 3
    assert "Receipt" in text_of(archived.body.content)


def test_receipt_names_the_seller_of_the_stage(app: ModuleType) -> None:
    app.fulfil(paid_event(app, order_of()), None)
    text = text_of(app.file_manager.calls[0].body.content)
    assert "Toy Shop Pty Ltd 1 Example Street, Sydney NSW 2000, Australia ABN" in text
    assert "GST included (10 %) AUD 2.27" in text


def test_redelivered_success_writes_no_new_version(app: ModuleType, api: Any) -> None:
    order = order_of()
    event = paid_event(app, order)
    app.fulfil(event, None)
    archived = transaction(api, order)
    app.fulfil(event, None)
    assert transaction(api, order) == archived
    assert archived is not None
    assert archived["version"] == 3


def test_payment_without_a_transaction_is_parked_and_not_retried(app: ModuleType) -> None:
    order = order_of()
    event = paid_event(app, order)
    lose(order)
    assert app.fulfil(event, None) == {"handled": []}
    (message,) = parked("toyshop-local-payments-fulfil-dead-letters")
    assert message["reason"] == f"permanent: order {order.id} has no transaction"
    # nor does the retry queue deliver it for hours
    record = {
        "messageId": "1",
        "receiptHandle": "handle",
        "attributes": {"ApproximateReceiveCount": "1"},
        "body": json.dumps({"requestPayload": event}),
    }
    assert app.fulfil_retry({"Records": [record]}, None) == {"batchItemFailures": []}
    assert len(parked("toyshop-local-payments-fulfil-dead-letters")) == 2
    assert app.notifications.calls == []


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


def outcome_events(app: ModuleType, *changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of the outcomes that order events lead to."""
    stream, spy = StreamOf("toyshop-local-payments"), TopicSpy(app.settings.topic_arn)
    emitted = []
    for change in changes:
        app.charge(change, None)
        emitted += outcomes(app, stream, spy)
    return [sns(json.dumps(event)) for event in emitted]


def templates(app: ModuleType) -> list[str]:
    return [call.body.template for call in app.notifications.calls]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("pm_card_visa", ["payment_succeeded", "payment_refunded"]),
        ("pm_card_authenticationRequired", ["payment_action_required", "payment_refunded"]),
    ],
)
def test_emails_about_earlier_outcomes_are_requested_first(
    app: ModuleType, api: Any, method: str, expected: list[str]
) -> None:
    # GIVEN an order that was cancelled before anything was delivered
    order = order_of(method)
    first, second = outcome_events(
        app, event_of(ORDER_PLACED, order), event_of(ORDER_CANCELLED, order)
    )
    # WHEN the later event is delivered first
    app.fulfil(second, None)
    # THEN the emails are requested in the order of what happened, with the receipt
    assert templates(app) == expected
    assert transaction(api, order)["receipt_file_id"] == (  # type: ignore[index]
        receipt_id(order.id) if method == "pm_card_visa" else None
    )
    # AND the earlier event only repeats its own requests, under the same ids
    app.fulfil(first, None)
    assert templates(app) == [*expected, expected[0]]
    assert app.notifications.calls[0] == app.notifications.calls[2]
    assert app.file_manager.calls[:1] == app.file_manager.calls[1:]


def test_later_email_waits_until_the_earlier_one_is_sent(app: ModuleType) -> None:
    order = order_of()
    _, refunded = outcome_events(
        app, event_of(ORDER_PLACED, order), event_of(ORDER_CANCELLED, order)
    )
    # another process may be sending the first email
    app.notifications.error = ServiceUnavailable("This email is being sent. Try again later.")
    with pytest.raises(ServiceUnavailable):
        app.fulfil(refunded, None)
    assert templates(app) == ["payment_succeeded"]


def test_order_cancelled_before_its_charge_gets_one_email(app: ModuleType) -> None:
    order = order_of()
    (cancelled,) = outcome_events(app, event_of(ORDER_CANCELLED, order))
    app.charge(event_of(ORDER_PLACED, order), None)
    app.fulfil(cancelled, None)
    assert templates(app) == ["payment_refunded"]
    assert not app.notifications.calls[0].body.order.charged
    assert app.file_manager.calls == []


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


def test_conflicting_receipt_and_email_are_kept(app: ModuleType, api: Any, logged: Logged) -> None:
    order = order_of()
    event = paid_event(app, order)
    app.file_manager.error = app.notifications.error = Conflict("other content")
    app.fulfil(event, None)
    assert transaction(api, order)["receipt_file_id"]  # type: ignore[index]
    assert parked("toyshop-local-payments-fulfil-dead-letters") == []
    for message in ("receipt already archived", "email already requested"):
        (line,) = logged(message)
        assert (line["level"], line["order_id"]) == ("WARNING", order.id)
