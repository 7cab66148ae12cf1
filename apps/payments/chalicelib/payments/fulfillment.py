"""Fulfillment of payment events: archive the receipt and request the customer's email.

Every step uses an id derived from the order, so a redelivery changes nothing.
"""

import hashlib
from http import HTTPStatus
from typing import Protocol

from chalicelib.payments import domain
from chalicelib.payments.domain import Payment
from chalicelib.payments.events import outcome_of, version_of
from chalicelib.payments.store import TransactionStore
from chassis import clock, consumer, log
from chassis.client import Downstream
from chassis.clock import Clock
from chassis.consumer import PermanentFailure
from chassis.contention import Attempts
from chassis.problems import Conflict, Unprocessable
from contracts import files, notifications
from contracts.events import CloudEvent
from contracts.notifications import Attachment, NewMessage, OrderMail, Template
from contracts.payments import PaymentOutcome

_REFUNDS = ("refunded", "refunded_again", "partially_refunded")
"""Statuses and changes with which money was returned to the customer."""


class ReceiptRenderer(Protocol):
    """Renders receipts; the same payment always gives the same bytes."""

    def __call__(self, outcome: PaymentOutcome) -> bytes:
        """Return the receipt of a payment as a PDF."""


class CreditNoteRenderer(Protocol):
    """Renders credit notes; the same refund always gives the same bytes."""

    def __call__(self, outcome: PaymentOutcome, number: str) -> bytes:
        """Return the credit note of a refund as a PDF."""


class Fulfillment:
    """Archives receipts and requests emails.

    Parameters
    ----------
    store
        Reads and writes the transactions.
    file_manager, notifications
        Clients of the services that store files and send emails.
    render_receipt, render_credit_note
        Render the receipt of a payment and the credit note of a refund.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        store: TransactionStore,
        file_manager: Downstream,
        notifications: Downstream,
        render_receipt: ReceiptRenderer,
        render_credit_note: CreditNoteRenderer,
        now: Clock = clock.now,
    ) -> None:
        self._store = store
        self._file_manager = file_manager
        self._notifications = notifications
        self._render_receipt = render_receipt
        self._render_credit_note = render_credit_note
        self._now = now

    def on_outcome(self, event: CloudEvent[PaymentOutcome]) -> None:
        """Email the customer about an outcome of a payment, with the receipt if it has succeeded.

        A refund is emailed with a credit note; the archived receipt stays what the customer paid.
        A customer whose data are erased gets nothing.
        Events arrive in any order, so the emails about earlier outcomes are sent first.

        Raises
        ------
        PermanentFailure
            If the transaction does not exist, or an email is rejected.
        ServiceUnavailable
            If ``file_manager`` or ``notifications`` does not answer, or another attempt is sending
            one of the emails.
        """
        payment, version = self._payment(event.data.order_id), version_of(event)
        if payment.is_erased:
            # Also an old event, which still has the customer's data: they must not come back.
            log.info("customer erased, nothing sent", order_id=payment.order_id)
            return
        for outcome in payment.outcomes:
            if outcome.version < version:
                self._fulfill(payment, outcome_of(payment, outcome), outcome.version)
        if self._fulfill(payment, event.data, version) is False:
            consumer.is_duplicate()

    def _fulfill(self, payment: Payment, outcome: PaymentOutcome, version: int) -> bool | None:
        """Send the email about an outcome; return whether it is new, ``None`` if there is none."""
        email = domain.email_about(
            outcome.order_id, outcome.status, outcome.change, version, outcome.attempt
        )
        if email is None:
            return None
        attachments = []
        if outcome.status == "succeeded" and outcome.change is None:
            receipt = self._render_receipt(outcome)
            link = self._archive(payment, receipt)
            attachments.append(_attachment(receipt_filename(outcome.order_id), receipt, link))
        elif (outcome.change or outcome.status) in _REFUNDS:
            number = f"{outcome.order_id}-{version}"
            credit_note = self._render_credit_note(outcome, number)
            attachments.append(_attachment(f"credit-note-{number}.pdf", credit_note))
        is_new = self._send_email(outcome, *email, attachments)
        if is_new:
            waited = (self._now() - outcome.occurred_at).total_seconds()
            log.metric("toyshop.order.time_to_mailed", max(0.0, waited), "Seconds")
        return is_new

    def _archive(self, payment: Payment, receipt: bytes) -> files.Link | None:
        """Archive a receipt, and return a link to it unless another one is archived."""
        # also if the receipt is recorded: its file may have been lost
        file_id = domain.receipt_id(payment.order_id)
        document = files.NewDocument(
            subject=payment.order_id,
            content_type="application/pdf",
            filename=receipt_filename(payment.order_id),
            content=receipt,
        )
        link = None
        try:
            archived = self._file_manager.call(
                files.ARCHIVE_DOCUMENT, {"file_id": file_id}, body=document
            )
            link = archived.value.link
        except Conflict:
            # An earlier release archived it with different bytes; its receipt is kept.
            log.warning("receipt already archived", order_id=payment.order_id)
        self._record_receipt(payment, file_id)
        return link

    def _record_receipt(self, payment: Payment, file_id: str) -> None:
        attempts = Attempts(payment.id)
        while payment.receipt_file_id != file_id:
            attempts.begin()
            if self._store.replace(payment.with_receipt(file_id, self._now())):
                return
            payment = self._payment(payment.order_id)

    def _payment(self, order_id: str) -> Payment:
        payment = self._store.get(domain.transaction_id(order_id))
        if payment is None:
            raise PermanentFailure(f"order {order_id} has no transaction")
        return payment

    def _send_email(
        self,
        outcome: PaymentOutcome,
        message_id: str,
        template: Template,
        attachments: list[Attachment],
    ) -> bool:
        """Request an email; return ``False`` if it was requested before."""
        message = NewMessage(
            to=outcome.contact.email,
            name=outcome.contact.name,
            template=template,
            order=OrderMail(
                order_id=outcome.order_id,
                total=outcome.amount,
                lines=outcome.lines,
                decline_code=outcome.decline_code,
                charged=outcome.status != "cancelled",
                reversal=domain.REVERSALS.get(outcome.change) if outcome.change else None,
                refund=outcome.refund,
                refunded=outcome.refunded_amount,
                disputed=outcome.disputed_amount,
                cancelled=outcome.order_cancelled,
            ),
            attachments=attachments,
        )
        try:
            sent = self._notifications.call(
                notifications.SEND, {"message_id": message_id}, body=message
            )
        except Conflict:
            # An earlier release requested it with different content; it is not sent again.
            log.warning("email already requested", order_id=outcome.order_id)
            return False
        except Unprocessable as error:
            raise PermanentFailure(f"notifications rejects the email: {error.detail}") from None
        return sent.status == HTTPStatus.CREATED


def receipt_filename(order_id: str) -> str:
    """Return the file name of an order's receipt."""
    return f"receipt-{order_id}.pdf"


def _attachment(filename: str, content: bytes, link: files.Link | None = None) -> Attachment:
    """Return an attachment; notifications reads a linked one itself, so it is sent only once."""
    if link is None:
        return Attachment(filename=filename, content_type="application/pdf", content=content)
    return Attachment(
        filename=filename,
        content_type="application/pdf",
        url=link.url,
        sha256=hashlib.sha256(content).hexdigest(),
    )
