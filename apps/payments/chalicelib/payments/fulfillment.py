"""Fulfillment of payment events: archive the receipt and request the customer's email.

Every step uses an id derived from the order, so a redelivery changes nothing.
"""

from typing import Protocol

from chalicelib.payments import domain
from chalicelib.payments.store import TransactionStore
from chassis import clock, log
from chassis.client import Downstream
from chassis.clock import Clock
from chassis.consumer import PermanentFailure
from chassis.contention import Attempts
from chassis.problems import Conflict, Unprocessable
from contracts import files, notifications
from contracts.events import CloudEvent
from contracts.notifications import Attachment, NewMessage, OrderMail, Template
from contracts.payments import PaymentOutcome


class ReceiptRenderer(Protocol):
    """Renders receipts as PDF; the same payment always gives the same bytes."""

    def __call__(self, outcome: PaymentOutcome) -> bytes:
        """Return the receipt of a payment as a PDF."""


class Fulfillment:
    """Archives receipts and requests emails.

    Parameters
    ----------
    store
        Reads and writes the transactions.
    file_manager, notifications
        Clients of the services that store files and send emails.
    render_receipt
        Prints a receipt.
    now
        Returns the current time in UTC.
    """

    def __init__(
        self,
        store: TransactionStore,
        file_manager: Downstream,
        notifications: Downstream,
        render_receipt: ReceiptRenderer,
        now: Clock = clock.now,
    ) -> None:
        self._store = store
        self._file_manager = file_manager
        self._notifications = notifications
        self._render_receipt = render_receipt
        self._now = now

    def on_succeeded(self, event: CloudEvent[PaymentOutcome]) -> None:
        """Archive the receipt, record it in the transaction, and email it to the customer.

        Raises
        ------
        PermanentFailure
            If the transaction does not exist, or the email is rejected.
        ServiceUnavailable
            If ``file_manager`` or ``notifications`` does not answer.
        """
        outcome = event.data
        receipt = self._render_receipt(outcome)
        self._archive(outcome, receipt)
        attachment = Attachment(
            filename=_filename(outcome), content_type="application/pdf", content=receipt
        )
        self._send_email(outcome, domain.EMAIL_TEMPLATES["succeeded"], [attachment])

    def on_declined(self, event: CloudEvent[PaymentOutcome]) -> None:
        """Email the customer that nothing was charged, and why.

        Raises
        ------
        PermanentFailure
            If the email is rejected.
        ServiceUnavailable
            If ``notifications`` does not answer.
        """
        self._send_email(event.data, domain.EMAIL_TEMPLATES["declined"])

    def on_action_required(self, event: CloudEvent[PaymentOutcome]) -> None:
        """Email the customer that their bank requires a confirmation.

        Raises
        ------
        PermanentFailure
            If the email is rejected.
        ServiceUnavailable
            If ``notifications`` does not answer.
        """
        self._send_email(event.data, domain.EMAIL_TEMPLATES["action_required"])

    def on_refunded(self, event: CloudEvent[PaymentOutcome]) -> None:
        """Email the customer that the payment is being refunded.

        Raises
        ------
        PermanentFailure
            If the email is rejected.
        ServiceUnavailable
            If ``notifications`` does not answer.
        """
        self._send_email(event.data, domain.EMAIL_TEMPLATES["refunded"])

    def _archive(self, outcome: PaymentOutcome, receipt: bytes) -> None:
        file_id = domain.receipt_id(outcome.order_id)
        document = files.NewDocument(
            subject=outcome.order_id,
            content_type="application/pdf",
            filename=_filename(outcome),
            content=receipt,
        )
        try:
            self._file_manager.call(files.ARCHIVE_DOCUMENT, {"file_id": file_id}, body=document)
        except Conflict:
            # An earlier release archived it with different bytes; its receipt is kept.
            log.warning("receipt already archived", order_id=outcome.order_id)
        self._record_receipt(outcome.order_id, file_id)

    def _record_receipt(self, order_id: str, file_id: str) -> None:
        attempts = Attempts(domain.transaction_id(order_id))
        while True:
            attempts.begin()
            payment = self._store.get(domain.transaction_id(order_id))
            if payment is None:
                raise PermanentFailure(f"order {order_id} has no transaction")
            if payment.receipt_file_id == file_id:
                return
            if self._store.replace(payment.with_receipt(file_id, self._now())):
                return

    def _send_email(
        self,
        outcome: PaymentOutcome,
        template: Template,
        attachments: list[Attachment] | None = None,
    ) -> None:
        message = NewMessage(
            to=outcome.contact.email,
            name=outcome.contact.name,
            template=template,
            order=OrderMail(
                order_id=outcome.order_id,
                total=outcome.amount,
                lines=outcome.lines,
                decline_code=outcome.decline_code,
            ),
            attachments=attachments or [],
        )
        message_id = domain.message_id(outcome.order_id, template)
        try:
            self._notifications.call(notifications.SEND, {"message_id": message_id}, body=message)
        except Conflict:
            # An earlier release requested it with different content; it is not sent again.
            log.warning("email already requested", order_id=outcome.order_id)
        except Unprocessable as error:
            raise PermanentFailure(f"notifications rejects the email: {error.detail}") from None


def _filename(outcome: PaymentOutcome) -> str:
    return f"receipt-{outcome.order_id}.pdf"
