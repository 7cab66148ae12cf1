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
from contracts.payments import PaymentStatus

IntentStatus = Literal["unconfirmed", "succeeded", "action_required", "declined", "cancelled"]

ALLOWED: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    "pending": frozenset({"succeeded", "declined", "action_required", "cancelled"}),
    "action_required": frozenset({"succeeded", "declined", "cancelled"}),
    "succeeded": frozenset({"refunded"}),
    # A shopper who has the client secret can try again after a decline.
    "declined": frozenset({"succeeded"}),
    "refunded": frozenset(),
    "cancelled": frozenset(),
}
"""The statuses that may follow each status. A status that none may follow is final."""


class ForbiddenTransitionError(Exception):
    """The new status may not follow the current one."""


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
    """

    id: str
    status: IntentStatus
    decline_code: str | None = None
    client_secret: str | None = None


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
    """

    status: PaymentStatus
    version: int
    occurred_at: datetime
    decline_code: str | None = None


class Payment(Struct, frozen=True, kw_only=True):
    """The payment of an order, with the order's data for the receipt and the emails.

    It is stored and returned as the order's transaction; each order has exactly one.

    ``outcomes`` are the statuses that it has had, oldest first, so that the event of each can be
    re-emitted unchanged.
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
            status=status, version=self.version + 1, occurred_at=now, decline_code=decline_code
        )
        return replace(
            self,
            status=status,
            decline_code=decline_code,
            client_secret=client_secret,
            version=outcome.version,
            updated_at=now,
            outcomes=(*self.outcomes, outcome),
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


def message_id(order_id: str, template: Template) -> str:
    """Return the message id of the only email of a template that an order can have."""
    return derived_id("msg", order_id, template)


def has_receipt(payment: Payment) -> bool:
    """Return whether the payment must have an archived receipt, because it has succeeded once."""
    return any(outcome.status == "succeeded" for outcome in payment.outcomes)


def emails_of(payment: Payment) -> list[Template]:
    """Return the templates of the emails that the customer must have received."""
    return [
        EMAIL_TEMPLATES[outcome.status]
        for outcome in payment.outcomes
        if outcome.status in EMAIL_TEMPLATES
    ]


def opened(order: Order, intent_id: str, now: datetime) -> Payment:
    """Return the pending payment of an order whose intent exists and is not confirmed yet."""
    return _payment_of(order, "pending", now, intent_id=intent_id)


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
    )


def apply_intent(payment: Payment, intent: Intent, now: datetime) -> Payment:
    """Return the payment with the status of its intent; the same payment if nothing changes.

    A status that may not follow the current one is ignored, since the gateway's statuses arrive
    late, repeatedly and out of order.
    """
    status = intent.status
    if status == "unconfirmed" or status not in ALLOWED[payment.status]:
        return payment
    return payment.moved_to(
        status,
        now,
        decline_code=intent.decline_code,
        client_secret=intent.client_secret if status == "action_required" else None,
    )
