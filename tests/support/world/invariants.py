"""The invariants of an order: nothing is lost, nothing happens twice.

``check_always`` applies at any moment, ``check_when_idle`` once nothing remains to be delivered.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from chalicelib.orders.store import OrderRecord
from chalicelib.payments.domain import message_id, receipt_id, transaction_id
from chalicelib.payments.store import TransactionRecord
from chassis.ids import derived_id
from contracts.orders import Order
from support.world.tables import Item
from support.world.world import World

ALLOWED_TRANSITIONS = {
    None: {"pending", "declined", "cancelled"},
    "pending": {"succeeded", "declined", "action_required", "cancelled"},
    "action_required": {"succeeded", "declined", "cancelled", "pending"},
    "declined": {"succeeded", "pending"},
    "succeeded": {"refunded"},
    "refunded": {"succeeded"},
    "cancelled": set(),
}
"""The statuses that may follow each payment status; repeated here, independently of the app."""

EMAILED_STATUSES = ("succeeded", "declined", "action_required", "refunded", "cancelled")
"""The payment statuses that the customer gets an email about."""

_NO_REVERSALS = '{"refunds":[],"disputes":[],"at_least":0}'

_CONFIRM = "gateway POST /v1/payment_intents/pi/confirm"
_UPDATE = "gateway POST /v1/payment_intents/pi"
_UNANSWERED = {(_CONFIRM, "delayed")} | {
    (_UPDATE, fault) for fault in ("delayed", "error", "error_after")
}
"""Faults after which one attempt to pay may be made twice at the gateway."""


class InvariantViolation(AssertionError):
    """An order that violates an invariant."""


@dataclass
class OrderEvidence:
    """What the tables and the gateway contain about one order.

    Attributes
    ----------
    history
        Every status that its payment has had, oldest first.
    charged, refunded
        The amounts of the gateway's successful charges and refunds, in minor units.
    attempts
        The number of times that the shop (not a browser) has tried to charge.
    intents
        The gateway's payment intents of this order, oldest first.
    refunds, disputes
        The gateway's refunds and disputes of these intents, oldest first.
    """

    order: Item
    payment: Item | None
    history: list[str]
    charged: list[int]
    refunded: list[int]
    attempts: int
    intents: list[dict[str, Any]]
    refunds: list[dict[str, Any]]
    disputes: list[dict[str, Any]]

    @property
    def id(self) -> str:
        """The order's id."""
        return str(self.order["id"]["S"])

    @property
    def total(self) -> int:
        """The order's total in minor units."""
        return stored_order(self.order).total.amount

    @property
    def is_cancelled(self) -> bool:
        """Whether the order is cancelled."""
        return bool(self.order["status"]["S"] == "cancelled")

    @property
    def status(self) -> str | None:
        """The payment's status."""
        return self.payment["status"]["S"] if self.payment else None

    @property
    def attempt(self) -> int:
        """The number of the payment's current attempt, from 1."""
        return int((self.payment or {}).get("attempt", {}).get("N", "1"))

    @property
    def retry_keys(self) -> list[str]:
        """The keys of the requests to pay again that the payment has recorded."""
        recorded = (self.payment or {}).get("retries", {}).get("S", "[]")
        return [retry["key"] for retry in json.loads(recorded)]

    @property
    def outcomes(self) -> list[tuple[str, int]]:
        """Each outcome of the history with the number of its attempt."""
        attempt, found = 1, []
        for number, status in enumerate(self.history):
            if status != "pending":
                found.append((status, attempt))
            elif number > 0:
                attempt += 1
        return found

    @property
    def is_charged(self) -> bool:
        """Whether the payment is charged, refunded or not."""
        return self.status in ("succeeded", "refunded")

    @property
    def is_refund_uncertain(self) -> bool:
        """Whether a refund has failed, or a dispute prevents one that the customer did not win."""
        refused = any(each["status"] == "failed" for each in self.refunds)
        return refused or any(
            each["status"] not in ("won", "warning_closed") for each in self.disputes
        )

    @property
    def emails_about_changes(self) -> list[str]:
        """The ids of the emails about refunds and disputes that did not end the payment."""
        outcomes = json.loads((self.payment or {}).get("outcomes", {}).get("S", "[]"))
        return [
            derived_id("msg", self.id, "payment_refunded", f"v{outcome['version']}")
            for outcome in outcomes
            if outcome.get("change")
        ]

    @property
    def intent(self) -> dict[str, Any] | None:
        """The intent that the payment has recorded."""
        recorded = (self.payment or {}).get("intent_id", {}).get("S")
        return next((intent for intent in self.intents if intent["id"] == recorded), None)

    def __str__(self) -> str:
        """Summarize the evidence for an error message."""
        return f"{self.id}: {self.history}, charged {self.charged}, refunded {self.refunded}"


def stored_order(item: Item) -> Order:
    """Return the order of an item of the orders table."""
    return OrderRecord.from_image(item).to_order()


def evidence_of(world: World) -> list[OrderEvidence]:
    """Return the evidence of every order in the orders table."""
    payments = world.tables.tables["toyshop-local-payments"]
    histories: dict[str, list[str]] = {}
    for record in payments.stream:
        image = record["dynamodb"]["NewImage"]
        history = histories.setdefault(image["order_id"]["S"], [])
        if not history or history[-1] != image["status"]["S"]:
            history.append(image["status"]["S"])
    amounts: dict[tuple[str, str], list[int]] = {}
    attempts: Counter[str] = Counter()
    for entry in world.gateway.ledger():
        if entry["type"] == "charge" and entry["idempotency_key"]:
            attempts[entry["order_id"]] += 1
        if entry["status"] == "succeeded":
            amounts.setdefault((entry["order_id"], entry["type"]), []).append(entry["amount"])
    return [
        OrderEvidence(
            order,
            payments.items.get(transaction_id(order_id)),
            histories.get(order_id, []),
            amounts.get((order_id, "charge"), []),
            amounts.get((order_id, "refund"), []),
            attempts[order_id],
            intents := world.gateway.intents_of(order_id),
            [each for intent in intents for each in world.gateway.reversals_of(intent["id"])[0]],
            [each for intent in intents for each in world.gateway.reversals_of(intent["id"])[1]],
        )
        for order_id, order in world.orders().items()
    ]


def check_always(world: World) -> None:
    """Check the invariants that apply at any moment.

    Raises
    ------
    InvariantViolation
        With the order, its evidence and the injected faults.
    """
    orders = world.orders()
    for number, accepted in world.accepted_orders.items():
        _check(world, len(accepted) == 1, f"the key of order {number} has placed {accepted}")
        _check(world, accepted <= orders.keys(), f"the accepted order {number} is not stored")
    for order_id in world.accepted_cancellations:
        status = orders[order_id]["status"]["S"]
        _check(world, status == "cancelled", f"the cancelled order {order_id} is {status}")
    for order_id, cities in world.possible_cities.items():
        city = stored_order(orders[order_id]).shipping_address.city
        _check(world, city in cities, f"the city of {order_id} is {city}, accepted {cities}")
    for order in evidence_of(world):
        _check(world, order.charged in ([], [order.total]), "not charged exactly once", order)
        _check(
            world, sum(order.refunded) <= sum(order.charged), "refunded more than charged", order
        )
        _check(
            world,
            order.attempts <= order.attempt or _UNANSWERED & set(world.calls.injected),
            f"{order.attempts} attempts to charge",
            order,
        )
        retries = Counter(order.retry_keys)
        _check(world, max(retries.values(), default=1) == 1, "a retry began twice", order)
        _check(
            world,
            retries.keys() >= world.accepted_retries.get(order.id, set()),
            "an accepted retry is not recorded",
            order,
        )
        before: str | None = None
        for status in order.history:
            _check(
                world, status in ALLOWED_TRANSITIONS[before], f"{status} followed {before}", order
            )
            before = status
        expected = [_email_about(order, *outcome) for outcome in order.outcomes]
        sent = [expected.index(email) for email in world.emails_in_order if email in expected]
        _check(world, sent == sorted(sent), "an email was sent after that of a later status", order)
        if order.payment and order.intent:
            _check(
                world,
                order.charged == [] or order.intent["status"] == "succeeded",
                "charged with an intent that is not recorded",
                order,
            )
    for email, copies in world.emails_sent.items():
        _check(
            world,
            copies <= 1 + world.allowed_copies[email],
            f"{copies} copies of {email}, allowed second copies: {world.allowed_copies[email]}",
        )


def check_when_idle(world: World) -> None:
    """Check all invariants of a world in which nothing remains to be delivered.

    Raises
    ------
    InvariantViolation
        With the order, its evidence and the injected faults.
    """
    check_always(world)
    _check(world, not world.due(), "something remains to be delivered")
    _check(world, not world.dead_letters(), f"parked: {world.dead_letters()}")
    expected_emails: Counter[str] = Counter()
    receipts = set()
    for order in evidence_of(world):
        _check_payment(world, order)
        if "succeeded" in order.history:
            receipt = receipt_id(order.id)
            receipts.add(receipt)
            recorded = (order.payment or {}).get("receipt_file_id", {}).get("S")
            _check(world, recorded == receipt, "the receipt is not recorded", order)
        expected_emails.update(order.emails_about_changes)
        expected_emails.update(
            _email_about(order, status, attempt)
            for status, attempt in set(order.outcomes)  # one that comes back has no second email
            if status in EMAILED_STATUSES
        )
    files = world.tables.tables["toyshop-local-file-manager"].items
    _check(world, files.keys() == receipts, "not exactly one receipt for each paid order")
    stored = {key.removeprefix("documents/") for key in world.cloud.objects}
    _check(world, stored == receipts, "not exactly one stored document for each paid order")
    _check(
        world,
        world.emails_sent.keys() == expected_emails.keys()
        and max(expected_emails.values(), default=1) == 1,
        f"emails {sorted(world.emails_sent)}, expected {sorted(expected_emails)}",
    )


def _email_about(order: OrderEvidence, status: str, attempt: int) -> str:
    template = "refunded" if status == "cancelled" else status
    return message_id(order.id, f"payment_{template}", attempt)


def _check_payment(world: World, order: OrderEvidence) -> None:
    """Compare a payment with its order and with the gateway."""
    if order.payment is None:
        raise InvariantViolation(_describe(world, "no transaction", order))
    amount = TransactionRecord.from_image(order.payment).to_payment().amount.amount
    _check(world, amount == order.total, f"the transaction's amount is {amount}", order)
    _check_reversals(world, order)
    not_refunded = sum(order.charged) - sum(order.refunded)
    if order.is_cancelled:
        # A refund that failed, or that a dispute prevented, is left to reconciliation.
        _check(
            world,
            not_refunded == 0 or order.is_refund_uncertain,
            "a cancelled order is not refunded",
            order,
        )
        _check(
            world,
            order.status in ("cancelled", "declined", "refunded")
            or (order.status == "succeeded" and order.is_refund_uncertain),
            f"the payment of a cancelled order is {order.status}",
            order,
        )
        _check(
            world,
            order.intent is None or order.intent["status"] in ("canceled", "succeeded"),
            "a cancelled order can still be paid",
            order,
        )
    else:
        _check(
            world,
            order.status in ("succeeded", "refunded", "declined", "action_required"),
            f"the payment of a placed order is {order.status}",
            order,
        )
        _check(
            world,
            sum(order.charged) == (order.total if order.is_charged else 0),
            "the charged amount does not match the transaction",
            order,
        )
    _check_intent(world, order)


def _check_reversals(world: World, order: OrderEvidence) -> None:
    """Compare the refunds and disputes of a payment with the gateway's."""
    if order.payment is None or not order.is_charged:
        return
    reversals = json.loads(order.payment.get("reversals", {}).get("S", _NO_REVERSALS))
    recorded = {each["id"]: each["status"] for each in reversals["refunds"]}
    made = {each["id"]: each["status"] for each in order.refunds}
    _check(world, recorded == made, f"the gateway has the refunds {made}, not {recorded}", order)
    recorded = {each["id"]: each["status"] for each in reversals["disputes"]}
    made = {each["id"]: each["status"] for each in order.disputes}
    _check(world, recorded == made, f"the gateway has the disputes {made}, not {recorded}", order)
    refunded_everything = sum(order.refunded) == order.total
    _check(
        world,
        (order.status == "refunded") == refunded_everything,
        f"the payment is {order.status}",
        order,
    )


def _check_intent(world: World, order: OrderEvidence) -> None:
    """Compare a payment's status with the status of its intent at the gateway."""
    if order.intent is None:
        _check(
            world,
            order.status in ("cancelled", "declined"),
            f"{order.status} without an intent",
            order,
        )
        return
    begun = order.intent["metadata"].get("attempt", "1").split(".")[0]
    _check(
        world,
        int(begun) == order.attempt
        or order.intent["status"] in ("succeeded", "canceled")
        or order.payment["payment_method"]["S"] == "pm_nobody",  # type: ignore[index]
        f"attempt {order.attempt} was never made, only {begun}",
        order,
    )
    allowed = {
        "requires_confirmation": ("declined",),
        "succeeded": ("succeeded", "refunded"),
        "requires_action": ("action_required", "declined"),
        "requires_payment_method": ("declined",),
        "canceled": ("cancelled", "declined"),
    }[order.intent["status"]]
    _check(
        world,
        order.status in allowed,
        f"the intent is {order.intent['status']}, the transaction {order.status}",
        order,
    )


def _check(
    world: World, satisfied: bool, violation: str, order: OrderEvidence | None = None
) -> None:
    if not satisfied:
        raise InvariantViolation(_describe(world, violation, order))


def _describe(world: World, violation: str, order: OrderEvidence | None) -> str:
    faults = ", ".join(f"{fault} at {name}" for name, fault in world.calls.injected) or "none"
    return f"{violation}{f', {order}' if order else ''}\ninjected faults: {faults}"
