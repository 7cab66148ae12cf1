"""The rules of payments: the allowed status transitions, and the effect of the gateway's statuses.

Every status change goes through ``Payment.moved_to``, which rejects a forbidden transition, so that
no caller can forget a rule.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from chassis.ids import derived_id
from contracts.money import Money
from contracts.notifications import Template
from contracts.orders import Contact, Order, OrderLine
from contracts.payments import MAX_RETRY_AGE, PaymentStatus

IntentStatus = Literal["unconfirmed", "succeeded", "action_required", "declined", "cancelled"]

ALLOWED: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    "pending": frozenset({"succeeded", "declined", "action_required", "cancelled"}),
    # Pending again: the shopper pays again with another payment method.
    "action_required": frozenset({"succeeded", "declined", "cancelled", "pending"}),
    "succeeded": frozenset({"refunded"}),
    # A shopper who has the client secret can also try again in the browser.
    "declined": frozenset({"succeeded", "pending"}),
    "refunded": frozenset(),
    "cancelled": frozenset(),
}
"""The statuses that may follow each status. A status that none may follow is final."""

MAX_ATTEMPTS = 10
"""Payment methods that may be tried for one order, so that nobody tests stolen cards with it."""


class ForbiddenTransitionError(Exception):
    """The new status may not follow the current one."""


class TooOldError(Exception):
    """The payment began too long ago to be paid again."""


class TooManyAttemptsError(Exception):
    """``MAX_ATTEMPTS`` payment methods were tried for the order."""


class KeyReusedError(Exception):
    """The idempotency key was used to pay again with another request."""


class Intent(Struct, frozen=True, kw_only=True):
    """The state of a payment intent at the gateway.

    Attributes
    ----------
    id
        The gateway's id of the intent.
    status
        Its status in the terms of this service.
    decline_code
        The gateway's code for the reason of a decline.
    client_secret
        Secret with which the shopper's browser authenticates the payment.
    attempt
        The number of the payment's attempt that the status belongs to.
    attempt_label
        The gateway's label of that attempt; empty for the first one.
    """

    id: str
    status: IntentStatus
    decline_code: str | None = None
    client_secret: str | None = None
    attempt: int = 1
    attempt_label: str = ""


EMAIL_TEMPLATES: dict[PaymentStatus, Template] = {
    "succeeded": "payment_succeeded",
    "declined": "payment_declined",
    "action_required": "payment_action_required",
    "refunded": "payment_refunded",
    "cancelled": "payment_refunded",
}
"""The email about each outcome; that of a cancellation also says if nothing was charged."""


class Outcome(Struct, frozen=True, kw_only=True):
    """A status, other than pending, that a payment has or has had.

    Attributes
    ----------
    version
        The payment's version that brought this status.
    attempt
        The number of the attempt, from 1, that had this outcome.
    """

    status: PaymentStatus
    version: int
    occurred_at: datetime
    decline_code: str | None = None
    attempt: int = 1


class Retry(Struct, frozen=True, kw_only=True):
    """A request to pay again with another payment method.

    Attributes
    ----------
    key
        Its idempotency key.
    fingerprint
        Fingerprint of its body.
    attempt
        The number of the attempt, from 2, that it began.
    version
        The payment's version that began this attempt.
    """

    key: str
    fingerprint: str
    attempt: int
    version: int
    requested_at: datetime


class Payment(Struct, frozen=True, kw_only=True):
    """The payment of an order, with the order's data for the receipt and the emails.

    It is stored and returned as the order's transaction; each order has exactly one.

    ``outcomes`` are the statuses that it has had, oldest first, so that the event of each can be
    re-emitted unchanged. ``attempt`` is the number of the current attempt, from 1; ``retries`` are
    the requests that began the others.
    """

    id: str
    order_id: str
    customer_id: str
    status: PaymentStatus
    amount: Money
    contact: Contact
    lines: list[OrderLine]
    payment_method: str
    version: int
    created_at: datetime
    updated_at: datetime
    intent_id: str | None = None
    decline_code: str | None = None
    client_secret: str | None = None
    receipt_file_id: str | None = None
    outcomes: tuple[Outcome, ...] = ()
    attempt: int = 1
    retries: tuple[Retry, ...] = ()

    @property
    def may_still_succeed(self) -> bool:
        """Whether the payment has an intent that could still be charged."""
        return self.intent_id is not None and "succeeded" in ALLOWED[self.status]

    def moved_to(
        self,
        status: PaymentStatus,
        now: datetime,
        *,
        decline_code: str | None = None,
        client_secret: str | None = None,
    ) -> "Payment":
        """Return the payment with its next status.

        Raises
        ------
        ForbiddenTransitionError
            If the status may not follow the current one.
        """
        if status not in ALLOWED[self.status]:
            raise ForbiddenTransitionError(f"{status} may not follow {self.status}")
        outcome = Outcome(
            status=status,
            version=self.version + 1,
            occurred_at=now,
            decline_code=decline_code,
            attempt=self.attempt,
        )
        return replace(
            self,
            status=status,
            decline_code=decline_code,
            client_secret=client_secret,
            version=outcome.version,
            updated_at=now,
            outcomes=self.outcomes if status == "pending" else (*self.outcomes, outcome),
        )

    def is_repeated(self, key: str, fingerprint: str) -> bool:
        """Return whether a request to pay again was already accepted.

        Raises
        ------
        KeyReusedError
            If its key was used for another request.
        """
        for retry in self.retries:
            if retry.key == key:
                if retry.fingerprint != fingerprint:
                    raise KeyReusedError("the key was used for another request")
                return True
        return False

    def retried(self, payment_method: str, key: str, fingerprint: str, now: datetime) -> "Payment":
        """Return the payment with its next attempt, which is pending.

        Parameters
        ----------
        payment_method
            The gateway's token of the payment method to charge.
        key, fingerprint
            Idempotency key of the request, and fingerprint of its body.

        Raises
        ------
        ForbiddenTransitionError
            If the payment is neither declined nor waiting for an action, or has no intent.
        TooManyAttemptsError
            If there were too many attempts.
        TooOldError
            If the payment is older than ``MAX_RETRY_AGE``.
        """
        if self.intent_id is None:
            raise ForbiddenTransitionError("there is no intent to confirm")
        pending = self.moved_to("pending", now)
        if now - self.created_at > MAX_RETRY_AGE:
            raise TooOldError(f"since {self.created_at}")
        if self.attempt >= MAX_ATTEMPTS:
            raise TooManyAttemptsError(f"{self.attempt} attempts")
        retry = Retry(
            key=key,
            fingerprint=fingerprint,
            attempt=self.attempt + 1,
            version=pending.version,
            requested_at=now,
        )
        return replace(
            pending,
            payment_method=payment_method,
            attempt=retry.attempt,
            retries=(*self.retries, retry),
        )

    def with_receipt(self, file_id: str, now: datetime) -> "Payment":
        """Return the payment with its archived receipt."""
        return replace(self, receipt_file_id=file_id, version=self.version + 1, updated_at=now)


def transaction_id(order_id: str) -> str:
    """Return the id of an order's transaction, which is the same for every delivery of an event."""
    return derived_id("txn", order_id)


def receipt_id(order_id: str) -> str:
    """Return the file id of an order's receipt."""
    return derived_id("fil", order_id, "receipt")


def message_id(order_id: str, template: Template, attempt: int = 1) -> str:
    """Return the message id of the only email of a template that an attempt can have.

    Parameters
    ----------
    attempt
        The number of the attempt to pay, from 1.
    """
    parts = (order_id, template) if attempt == 1 else (order_id, template, str(attempt))
    return derived_id("msg", *parts)


def has_receipt(payment: Payment) -> bool:
    """Return whether the payment must have an archived receipt, because it has succeeded once."""
    return any(outcome.status == "succeeded" for outcome in payment.outcomes)


def emails_of(payment: Payment) -> list[tuple[str, Template]]:
    """Return the id and the template of each email that the customer must have received."""
    return [
        (
            message_id(payment.order_id, EMAIL_TEMPLATES[outcome.status], outcome.attempt),
            EMAIL_TEMPLATES[outcome.status],
        )
        for outcome in payment.outcomes
        if outcome.status in EMAIL_TEMPLATES
    ]


def opened(order: Order, intent_id: str, now: datetime, attempt: int = 1) -> Payment:
    """Return the pending payment of an order whose intent exists.

    The intent is not confirmed yet, unless it was found because the transaction was lost; then
    ``attempt`` may be greater than 1.
    """
    return _payment_of(order, "pending", now, intent_id=intent_id, attempt=attempt)


def cancelled_before_charge(order: Order, now: datetime) -> Payment:
    """Return the cancelled payment of an order that was cancelled before its charge."""
    return _payment_of(order, "cancelled", now)


def refused(order: Order, decline_code: str, now: datetime) -> Payment:
    """Return the declined payment of an order for which the gateway refused to create an intent."""
    return _payment_of(order, "declined", now, decline_code=decline_code)


def _payment_of(
    order: Order,
    status: PaymentStatus,
    now: datetime,
    *,
    intent_id: str | None = None,
    decline_code: str | None = None,
    attempt: int = 1,
) -> Payment:
    outcome = Outcome(status=status, version=1, occurred_at=now, decline_code=decline_code)
    return Payment(
        id=transaction_id(order.id),
        order_id=order.id,
        customer_id=order.customer_id,
        status=status,
        amount=order.total,
        contact=order.contact,
        lines=order.lines,
        payment_method=order.payment_method,
        version=1,
        created_at=now,
        updated_at=now,
        intent_id=intent_id,
        decline_code=decline_code,
        outcomes=() if status == "pending" else (outcome,),
        attempt=attempt,
    )


def apply_intent(payment: Payment, intent: Intent, now: datetime) -> Payment:
    """Return the payment with the status of its intent; the same payment if nothing changes.

    A status that may not follow the current one is ignored, since the gateway's statuses arrive
    late, repeatedly and out of order. So is the status of an earlier attempt, unless it is final: a
    late decline of the first card says nothing about the second.
    """
    status = intent.status
    if status == "unconfirmed" or status not in ALLOWED[payment.status]:
        return payment
    if intent.attempt < payment.attempt and status not in ("succeeded", "cancelled"):
        return payment
    return payment.moved_to(
        status,
        now,
        decline_code=intent.decline_code,
        client_secret=intent.client_secret if status == "action_required" else None,
    )
