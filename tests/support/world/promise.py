"""The promise, held against a world: nothing lost, nothing twice.

``so_far`` holds at every moment; ``in_the_end`` once nothing is left to be delivered.
"""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from chalicelib.payments.domain import message_id, receipt_id, transaction_id
from support.world.outside import Outside
from support.world.tables import Item
from support.world.world import World

MAY_FOLLOW = {
    None: {"pending", "declined", "cancelled"},
    "pending": {"succeeded", "declined", "action_required", "cancelled"},
    "action_required": {"succeeded", "declined", "cancelled"},
    "declined": {"succeeded"},
    "succeeded": {"refunded"},
    "refunded": set(),
    "cancelled": set(),
}
"""What may become of a payment; said here once more, so that the code is not held to itself."""

TOLD = ("succeeded", "declined", "action_required", "refunded")
"""The outcomes that a customer gets an e-mail of."""


class BrokenPromise(AssertionError):
    """An order of which the promise does not hold."""


@dataclass
class Books:
    """All that is known of one order.

    Attributes
    ----------
    history
        Each status that its payment has had, oldest first.
    captured, refunded
        The amounts that the gateway has taken, and given back.
    attempts
        How often the shop (not a browser) has tried to take the money.
    intents
        The gateway's own, oldest first.
    """

    order: Item
    payment: Item | None
    history: list[str]
    captured: list[int]
    refunded: list[int]
    attempts: int
    intents: list[dict[str, Any]]

    @property
    def id(self) -> str:
        """The order's id."""
        return str(self.order["id"]["S"])

    @property
    def total(self) -> int:
        """What the order costs."""
        return int(json.loads(self.order["total"]["S"])["amount"])

    @property
    def is_cancelled(self) -> bool:
        """Whether it was called off."""
        return bool(self.order["status"]["S"] == "cancelled")

    @property
    def status(self) -> str | None:
        """The payment's status."""
        return self.payment["status"]["S"] if self.payment else None

    @property
    def intent(self) -> dict[str, Any] | None:
        """The intent that the payment has recorded."""
        recorded = (self.payment or {}).get("intent_id", {}).get("S")
        return next((intent for intent in self.intents if intent["id"] == recorded), None)


def books_of(world: World) -> list[Books]:
    """Return the books of every order that the orders table holds."""
    payments = world.tables.tables["toyshop-local-payments"]
    histories: dict[str, list[str]] = {}
    for record in payments.stream:
        image = record["dynamodb"]["NewImage"]
        history = histories.setdefault(image["order_id"]["S"], [])
        if not history or history[-1] != image["status"]["S"]:
            history.append(image["status"]["S"])
    moved: dict[tuple[str, str], list[int]] = {}
    attempts: Counter[str] = Counter()
    for entry in world.gateway.ledger():
        if entry["type"] == "charge" and entry["idempotency_key"]:
            attempts[entry["order_id"]] += 1
        if entry["status"] == "succeeded":
            moved.setdefault((entry["order_id"], entry["type"]), []).append(entry["amount"])
    return [
        Books(
            order,
            payments.items.get(transaction_id(order_id)),
            histories.get(order_id, []),
            moved.get((order_id, "charge"), []),
            moved.get((order_id, "refund"), []),
            attempts[order_id],
            world.gateway.intents_of(order_id),
        )
        for order_id, order in world.tables.tables["toyshop-local-orders"].items.items()
    ]


def so_far(world: World) -> None:
    """Hold what must be true at every moment.

    Raises
    ------
    BrokenPromise
        With the order, and what was seen.
    """
    orders = world.tables.tables["toyshop-local-orders"].items
    for number, accepted in world.accepted.items():
        _hold(world, len(accepted) == 1, f"the key of order {number} has placed {accepted}")
        _hold(world, accepted <= orders.keys(), f"the accepted order {number} is not there")
    for books in books_of(world):
        about = f"{books.id}: {books.history}, took {books.captured}, gave {books.refunded}"
        _hold(world, books.captured in ([], [books.total]), f"charged otherwise than once, {about}")
        _hold(
            world, books.refunded in ([], books.captured), f"refunded otherwise than once, {about}"
        )
        _hold(
            world,
            books.attempts <= 1
            or ("gateway POST /v1/payment_intents/pi/confirm", "late") in world.outside.befell,
            f"tried {books.attempts} times to take the money, {about}",
        )
        before: str | None = None
        for status in books.history:
            _hold(world, status in MAY_FOLLOW[before], f"{status} followed {before}, {about}")
            before = status
        if books.payment and books.intent:
            _hold(
                world,
                books.captured == [] or books.intent["status"] == "succeeded",
                f"an intent that nobody recorded took money, {about}",
            )
    for mail, copies in world.mails.items():
        _hold(
            world,
            copies <= 1 + world.excused[mail],
            f"{copies} copies of {mail}, {world.excused[mail]} of them excused",
        )


def in_the_end(world: World) -> None:
    """Hold the whole promise, once nothing is left to be delivered.

    Raises
    ------
    BrokenPromise
        With the order, and what was seen.
    """
    so_far(world)
    _hold(world, not world.due(), "something is still to be delivered")
    _hold(world, not world.dead_letters(), f"parked: {world.dead_letters()}")
    documents = world.tables.tables["toyshop-local-file-manager"].items
    expected: Counter[str] = Counter()
    receipts = set()
    for books in books_of(world):
        about = f"{books.id}: {books.history}, took {books.captured}, gave {books.refunded}"
        payment = books.payment
        if payment is None:
            raise BrokenPromise(_told(world, f"no transaction, {about}"))
        amount = json.loads(payment["amount"]["S"])["amount"]
        _hold(world, amount == books.total, f"the transaction is of {amount}, {about}")
        standing = sum(books.captured) - sum(books.refunded)
        if books.is_cancelled:
            _hold(world, standing == 0, f"a charge stands on a cancelled order, {about}")
            _hold(
                world,
                books.status in ("cancelled", "declined", "refunded"),
                f"a cancelled order is {books.status}, {about}",
            )
            _hold(
                world,
                books.intent is None or books.intent["status"] in ("canceled", "succeeded"),
                f"a cancelled order can still be paid, {about}",
            )
        else:
            _hold(
                world,
                books.status in ("succeeded", "declined", "action_required"),
                f"a placed order is {books.status}, {about}",
            )
            _hold(
                world,
                standing == (books.total if books.status == "succeeded" else 0),
                f"the charge is not what the transaction says, {about}",
            )
        _agrees(world, books, about)
        if "succeeded" in books.history:
            receipt = receipt_id(books.id)
            receipts.add(receipt)
            recorded = payment.get("receipt_file_id", {}).get("S")
            _hold(world, recorded == receipt, f"the receipt is not recorded, {about}")
        expected.update(
            message_id(books.id, f"payment_{status}") for status in books.history if status in TOLD
        )
    _hold(world, documents.keys() == receipts, "not one receipt for each paid order")
    kept = {key.removeprefix("documents/") for key in world.cloud.objects}
    _hold(world, kept == receipts, "not the bytes of one receipt for each paid order")
    _hold(
        world,
        world.mails.keys() == expected.keys() and max(expected.values(), default=1) == 1,
        f"e-mails {sorted(world.mails)}, expected {sorted(expected)}",
    )


def _agrees(world: World, books: Books, about: str) -> None:
    """Hold the record against the gateway's own word on the intent."""
    if books.intent is None:
        _hold(
            world,
            books.status in ("cancelled", "declined"),
            f"{books.status} without an intent, {about}",
        )
        return
    allowed = {
        "succeeded": ("succeeded", "refunded"),
        "requires_action": ("action_required", "declined"),
        "requires_payment_method": ("declined",),
        "canceled": ("cancelled", "declined"),
    }[books.intent["status"]]
    _hold(
        world,
        books.status in allowed,
        f"the gateway says {books.intent['status']}, the record {books.status}, {about}",
    )


def _hold(world: World, held: bool, what: str) -> None:
    if not held:
        raise BrokenPromise(_told(world, what))


def _told(world: World, what: str) -> str:
    return f"{what}\ntroubles: {_troubles(world.outside)}"


def _troubles(outside: Outside) -> str:
    return ", ".join(f"{trouble} at {name}" for name, trouble in outside.befell) or "none"
