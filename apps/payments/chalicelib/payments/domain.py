"""The rules of payments: which status may follow which, and what the gateway's word means.

Every change goes through ``Payment.moved_to``, which refuses what may not follow, so that no
caller can forget a rule.
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
    # The gateway lets a shopper who has the client secret try once more after a decline.
    "declined": frozenset({"succeeded"}),
    "refunded": frozenset(),
    "cancelled": frozenset(),
}
"""Which status may follow which. What no status follows is final."""


class ForbiddenTransitionError(Exception):
    """A status that may not follow the present one."""


class Intent(Struct, frozen=True, kw_only=True):
    """What the gateway says of a payment intent.

    Attributes
    ----------
    decline_code
        Why it was declined, in the gateway's words.
    client_secret
        What the shopper's browser needs to authenticate the payment.
    """

    id: str
    status: IntentStatus
    decline_code: str | None = None
    client_secret: str | None = None


MAILS: dict[PaymentStatus, Template] = {
    "succeeded": "payment_succeeded",
    "declined": "payment_declined",
    "action_required": "payment_action_required",
    "refunded": "payment_refunded",
}
"""The e-mail that tells the customer of an outcome."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What a payment has come to at some time: a status it has, or had on its way.

    Attributes
    ----------
    version
        Of the payment, when it came to this.
    """

    status: PaymentStatus
    version: int
    occurred_at: datetime
    decline_code: str | None = None


class Payment(Struct, frozen=True, kw_only=True):
    """The one transaction of an order, with what a receipt and an e-mail need of the order.

    ``outcomes`` are all that it has come to, the oldest first: each was told of once, and can be
    told of again as it was.
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
    def is_open(self) -> bool:
        """Whether nobody knows yet what will become of it."""
        return self.status in ("pending", "action_required")

    @property
    def may_take_money(self) -> bool:
        """Whether there is an intent that could still succeed."""
        return self.intent_id is not None and "succeeded" in ALLOWED[self.status]

    def moved_to(
        self,
        status: PaymentStatus,
        now: datetime,
        *,
        decline_code: str | None = None,
        client_secret: str | None = None,
    ) -> "Payment":
        """Return the payment in its next status.

        Raises
        ------
        ForbiddenTransitionError
            If that status may not follow the present one.
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
    """Return the id of an order's transaction: the same for every delivery of its events."""
    return derived_id("txn", order_id)


def receipt_id(order_id: str) -> str:
    """Return the id of an order's receipt in the archive."""
    return derived_id("fil", order_id, "receipt")


def message_id(order_id: str, template: Template) -> str:
    """Return the id of the one e-mail that tells of an outcome."""
    return derived_id("msg", order_id, template)


def has_receipt(payment: Payment) -> bool:
    """Return whether the payment must have an archived receipt: it was paid once."""
    return any(outcome.status == "succeeded" for outcome in payment.outcomes)


def mails_of(payment: Payment) -> list[Template]:
    """Return the e-mails that the customer must have been sent."""
    return [MAILS[outcome.status] for outcome in payment.outcomes if outcome.status in MAILS]


def opened(order: Order, intent_id: str, now: datetime) -> Payment:
    """Return the payment of an order whose intent exists and is not confirmed yet."""
    return _payment_of(order, "pending", now, intent_id=intent_id)


def called_off(order: Order, now: datetime) -> Payment:
    """Return the payment of an order that was cancelled before anything was charged."""
    return _payment_of(order, "cancelled", now)


def refused(order: Order, decline_code: str, now: datetime) -> Payment:
    """Return the payment of an order that the gateway would not even open an intent for."""
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


def after(payment: Payment, intent: Intent, now: datetime) -> Payment:
    """Return the payment after the gateway's word on its intent.

    What may not follow changes nothing: words arrive late, twice and out of order.
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
