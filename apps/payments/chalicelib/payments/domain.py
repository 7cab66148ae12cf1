"""The rules of payments: the allowed status transitions, and the effect of the gateway's statuses.

Every status change goes through ``Payment.moved_to``, which rejects a forbidden transition, so that
no caller can forget a rule.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.payments.reversals import Reversals
from chassis.ids import derived_id
from contracts.money import Money
from contracts.notifications import Reversal, Template
from contracts.orders import ERASED, Address, Contact, Order, OrderLine
from contracts.payments import MAX_RETRY_AGE, DisputeState, PaymentChange, PaymentStatus

IntentStatus = Literal["unconfirmed", "succeeded", "action_required", "declined", "cancelled"]

ALLOWED: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    "pending": frozenset({"succeeded", "declined", "action_required", "cancelled"}),
    # Pending again: the shopper pays again with another payment method.
    "action_required": frozenset({"succeeded", "declined", "cancelled", "pending"}),
    "succeeded": frozenset({"refunded"}),
    # A shopper who has the client secret can also try again in the browser.
    "declined": frozenset({"succeeded", "pending"}),
    # A refund may fail after the gateway has reported its success.
    "refunded": frozenset({"succeeded"}),
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


class UnfinishedError(Exception):
    """The payment may still change, so its customer's data are needed."""


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
    card_last4
        The last four digits of the card that is charged, if the gateway has reported them.
    order_cancelled
        Whether the shop has cancelled it, or is about to, because its order is cancelled.
    """

    id: str
    status: IntentStatus
    decline_code: str | None = None
    client_secret: str | None = None
    attempt: int = 1
    attempt_label: str = ""
    card_last4: str | None = None
    order_cancelled: bool = False


EMAIL_TEMPLATES: dict[PaymentStatus, Template] = {
    "succeeded": "payment_succeeded",
    "declined": "payment_declined",
    "action_required": "payment_action_required",
    "refunded": "payment_refunded",
    "cancelled": "payment_refunded",
}
"""The email about each outcome; that of a cancellation also says if nothing was charged."""

REVERSALS: dict[PaymentChange, Reversal] = {
    "partially_refunded": "partially_refunded",
    "refund_failed": "refund_failed",
    "disputed": "disputed",
    "dispute_won": "dispute_won",
    "dispute_lost": "dispute_lost",
}
"""What the email is about a change other than a full refund."""

_DISPUTE_CHANGES: dict[DisputeState, PaymentChange] = {
    "open": "disputed",
    "won": "dispute_won",
    "lost": "dispute_lost",
}


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A status, other than pending, that a payment has or has had, or a change within it.

    Attributes
    ----------
    version
        The payment's version that brought this status or change.
    attempt
        The number of the attempt, from 1, that had this outcome.
    change
        What has changed, if not only the status: more or less is refunded, or there is a dispute.
    refunded_amount, disputed_amount
        The amounts at that time, if the outcome is about them.
    refund
        What was refunded with this outcome, of ``refunded_amount``.
    order_cancelled
        Whether the payment was cancelled or refunded because its order was, as in earlier releases
        always.
    """

    status: PaymentStatus
    version: int
    occurred_at: datetime
    decline_code: str | None = None
    attempt: int = 1
    change: PaymentChange | None = None
    refunded_amount: Money | None = None
    disputed_amount: Money | None = None
    refund: Money | None = None
    order_cancelled: bool = True

    @property
    def kind(self) -> PaymentStatus | PaymentChange:
        """What the outcome is about: its change, or its status."""
        return self.change or self.status


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

    ``placed_at``, ``shipping_address`` and ``card_last4`` are for the receipt; payments of earlier
    releases have none of them. ``outcomes`` are the statuses that it has had and the changes within
    them, oldest first, so that the event of each can be re-emitted unchanged. ``attempt`` is the
    number of the current attempt, from 1; ``retries`` are the requests that began the others.
    ``reversals`` are its refunds and disputes. ``refund_due`` is set if the order was cancelled
    while a dispute prevented the refund. ``erased`` is the version with which the customer's data
    were erased; later outcomes are not emailed.
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
    placed_at: datetime | None = None
    shipping_address: Address | None = None
    card_last4: str | None = None
    outcomes: tuple[Outcome, ...] = ()
    attempt: int
    retries: tuple[Retry, ...] = ()
    reversals: Reversals = Reversals()
    refund_due: bool = False
    erased: int | None = None

    @property
    def is_erased(self) -> bool:
        """Whether the customer's data are erased."""
        return self.contact == ERASED

    @property
    def is_unfinished(self) -> bool:
        """Whether it waits for the gateway, the customer, the bank or a refund."""
        return (
            self.status in ("pending", "action_required")
            or self.reversals.dispute == "open"
            or (self.refund_due and self.status == "succeeded")
        )

    @property
    def cancelled_at(self) -> datetime | None:
        """When the cancellation of its order was recorded; ``None`` if none is recorded.

        It is the time of the last change instead while a refund is due, and if a refund was
        recorded only after its amount. The cancellation of a declined payment leaves no trace.
        """
        for outcome in self.outcomes:
            if outcome.status in ("cancelled", "refunded") and outcome.order_cancelled:
                return outcome.occurred_at
        return self.updated_at if self.refund_due or self.reversals.refund_requested else None

    @property
    def may_still_succeed(self) -> bool:
        """Whether the payment has an intent that could still be charged."""
        return (
            self.intent_id is not None
            and not self.is_charged
            and "succeeded" in ALLOWED[self.status]
        )

    @property
    def is_charged(self) -> bool:
        """Whether its intent has been charged, refunded or not."""
        return self.status in ("succeeded", "refunded")

    @property
    def emits_event(self) -> bool:
        """Whether this version has an outcome or a retry of its own, which becomes an event."""
        versions = {outcome.version for outcome in self.outcomes}
        return self.version in versions | {retry.version for retry in self.retries}

    @property
    def refunded_amount(self) -> Money:
        """What is refunded of the payment."""
        refunded = min(self.reversals.refunded, self.amount.amount)
        return Money(amount=refunded, currency=self.amount.currency)

    def moved_to(
        self,
        status: PaymentStatus,
        now: datetime,
        *,
        decline_code: str | None = None,
        client_secret: str | None = None,
        order_cancelled: bool = True,
    ) -> "Payment":
        """Return the payment with its next status.

        Parameters
        ----------
        order_cancelled
            Whether a cancelled payment is cancelled because its order is.

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
            order_cancelled=order_cancelled,
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

    def with_reversals(
        self, reversals: Reversals, now: datetime, *, order_cancelled: bool = False
    ) -> "Payment":
        """Return the charged payment with its refunds and disputes; the same if nothing changes.

        It has a new outcome if the refunded amount or the state of the disputes has changed, which
        is once for all events about the same refund.

        Parameters
        ----------
        order_cancelled
            Whether the payment is refunded because its order was cancelled.

        Raises
        ------
        ForbiddenTransitionError
            If the payment has not been charged.
        """
        if not self.is_charged:
            raise ForbiddenTransitionError(f"a payment that is {self.status} cannot be reversed")
        if reversals == self.reversals:
            return self
        version = self.version + 1
        changed = replace(self, reversals=reversals, version=version, updated_at=now)
        outcome = _reversal(self, changed, now)
        if outcome is None:
            return changed
        outcome = replace(outcome, order_cancelled=order_cancelled)
        return replace(changed, status=outcome.status, outcomes=(*self.outcomes, outcome))

    def with_refund_due(self, now: datetime) -> "Payment":
        """Return the payment of a cancelled order, to be refunded once no dispute prevents it."""
        return replace(self, refund_due=True, version=self.version + 1, updated_at=now)

    def with_receipt(self, file_id: str, now: datetime) -> "Payment":
        """Return the payment with its archived receipt."""
        return replace(self, receipt_file_id=file_id, version=self.version + 1, updated_at=now)

    def without_customer(self, now: datetime) -> "Payment":
        """Return the payment without its customer's data; the same if they are erased already.

        The country remains, because the tax may depend on it.

        Raises
        ------
        UnfinishedError
            If the payment may still change.
        """
        if self.is_erased:
            return self
        if self.is_unfinished:
            raise UnfinishedError(f"the payment of {self.order_id} is not finished")
        address = self.shipping_address and Address(
            name="", line1="", city="", postal_code="", country=self.shipping_address.country
        )
        version = self.version + 1
        return replace(
            self,
            contact=ERASED,
            shipping_address=address,
            client_secret=None,
            version=version,
            updated_at=now,
            erased=version,
        )


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


def email_about(
    order_id: str,
    status: PaymentStatus,
    change: PaymentChange | None,
    version: int,
    attempt: int,
) -> tuple[str, Template] | None:
    """Return the id and the template of the email about an outcome, if there is one.

    A change within a status can occur several times, so its version distinguishes the emails.
    """
    if change is not None:
        return derived_id("msg", order_id, "payment_refunded", f"v{version}"), "payment_refunded"
    template = EMAIL_TEMPLATES.get(status)
    return (message_id(order_id, template, attempt), template) if template else None


def has_receipt(payment: Payment) -> bool:
    """Return whether the payment must have an archived receipt, because it has succeeded once."""
    return any(outcome.status == "succeeded" for outcome in payment.outcomes)


def emails_of(payment: Payment) -> list[tuple[str, Template]]:
    """Return the id and the template of each email that the customer must have received.

    Once the customer's data are erased, nothing more is sent.
    """
    last = (payment.erased or 0) if payment.is_erased else payment.version
    emails = (
        email_about(
            payment.order_id, outcome.status, outcome.change, outcome.version, outcome.attempt
        )
        for outcome in payment.outcomes
        if outcome.version <= last
    )
    return [email for email in emails if email is not None]


def _reversal(before: Payment, after: Payment, now: datetime) -> Outcome | None:
    """Return the outcome of a change of the refunds or disputes, if a customer can notice it."""
    outcome = Outcome(
        status=after.status,
        version=after.version,
        occurred_at=now,
        attempt=after.attempt,
        refunded_amount=after.refunded_amount,
    )
    less = before.refunded_amount.amount - after.refunded_amount.amount
    if less > 0:
        return replace(outcome, status="succeeded", change="refund_failed")
    if less < 0:
        outcome = replace(outcome, refund=Money(amount=-less, currency=after.amount.currency))
        if after.refunded_amount != after.amount:
            return replace(outcome, change="partially_refunded")
        repeated = any(each.status == "refunded" for each in before.outcomes)
        return replace(outcome, status="refunded", change="refunded_again" if repeated else None)
    for dispute in after.reversals.disputes:
        if dispute.status == "warning_closed":
            # An inquiry, which nobody has decided: often it was answered with a refund.
            continue
        known = next((each for each in before.reversals.disputes if each.id == dispute.id), None)
        if known is None or known.state != dispute.state:
            return replace(
                outcome,
                change=_DISPUTE_CHANGES[dispute.state],
                disputed_amount=Money(amount=dispute.amount, currency=dispute.currency),
            )
    return None


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
        placed_at=order.placed_at,
        shipping_address=order.shipping_address,
        outcomes=() if status == "pending" else (outcome,),
        attempt=attempt,
    )


def apply_intent(payment: Payment, intent: Intent, now: datetime) -> Payment:
    """Return the payment with the status of its intent; the same payment if nothing changes.

    A status that may not follow the current one is ignored, since the gateway's statuses arrive
    late, repeatedly and out of order. An intent that was charged stays charged. The status of an
    earlier attempt is ignored too, unless it is final: a late decline of the first card says
    nothing about the second.
    """
    status = intent.status
    if status == "unconfirmed" or payment.is_charged or status not in ALLOWED[payment.status]:
        return payment
    if intent.attempt < payment.attempt and status not in ("succeeded", "cancelled"):
        return payment
    moved = payment.moved_to(
        status,
        now,
        decline_code=intent.decline_code,
        client_secret=intent.client_secret if status == "action_required" else None,
        order_cancelled=intent.order_cancelled or status != "cancelled",
    )
    # A webhook does not report the card: it is the one whose holder had to authenticate, unless the
    # customer has paid again since.
    known = payment.card_last4 if payment.status == "action_required" else None
    kept = None if status == "declined" else known
    return replace(moved, card_last4=intent.card_last4 or kept)
