"""Counts the gateway's ledger, the tables, the receipts and the e-mails against the promise."""

import email
import email.policy
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from support.running_shop import Shop
from support.soak.shoppers import Sales

_ORDER = re.compile(r"ord_[0-9A-Z]+")
_SENDER = "toyshop-local-notifications-api-handler"
# what a customer is told, by what became of the payment; it may have asked for a bank's word before
_TOLD = {
    "succeeded": {"payment_succeeded"},
    "declined": {"payment_declined"},
    "action_required": {"payment_action_required"},
    "refunded": {"payment_succeeded", "payment_refunded"},
    "cancelled": set(),
}
# a shopper who fails to authenticate is told that it was declined, and may try again
_MAYBE = {"pm_card_authenticationRequired": {"payment_action_required", "payment_declined"}}


@dataclass
class Books:
    """What the shop and the gateway have on record."""

    orders: dict[str, Any]
    transactions: dict[str, Any]
    files: dict[str, Any]
    # by order, then by e-mail, when each copy was sent
    mails: dict[str, dict[str, list[float]]]
    # by e-mail
    templates: dict[str, str]
    # by order
    money: dict[str, Counter[tuple[str, str]]]
    stored: set[str]


@dataclass
class Audit:
    """What was counted, and what broke."""

    figures: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)


def read(shop: Shop) -> Books:
    """Read everything, from where it is kept."""
    money: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for entry in shop.gateway.ledger():
        money[entry["order_id"]][entry["type"], entry["status"]] += 1
    mails: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in (shop.home / "mail").glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body(preferencelist=("plain",))
        found = _ORDER.search(body.get_content() if body else "")
        number = str(message["Message-ID"]).strip("<>").partition("@")[0]
        mails[found[0] if found else "?"][number].append(int(path.stem) / 1e9)
    s3 = shop.client("s3")
    pages = [
        page
        for bucket in s3.list_buckets()["Buckets"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
    ]
    messages = shop.items("notifications")
    return Books(
        orders=shop.items("orders"),
        transactions={item["order_id"]["S"]: item for item in shop.items("payments").values()},
        files=shop.items("file-manager"),
        mails=mails,
        templates={number: item["template"]["S"] for number, item in messages.items()},
        money=money,
        stored={
            item["Key"].rpartition("/")[2] for page in pages for item in page.get("Contents", ())
        },
    )


def audit(books: Books, sales: Sales, deaths: list[dict[str, Any]]) -> Audit:
    """Hold the books against the promise, order by order."""
    result = Audit()
    for order_id in sorted(set(sales.accepted) - set(books.orders)):
        result.breaches.append(f"{order_id}: accepted, and the shop has no such order")
    for stranger in sorted(set(books.mails) - set(books.orders)):
        result.breaches.append(f"{stranger}: e-mailed about, and the shop has no such order")
    for stranger in sorted(set(books.money) - set(books.orders)):
        result.breaches.append(f"{stranger}: at the gateway, and the shop has no such order")
    for order_id, order in books.orders.items():
        for what in _broken(books, order_id, order, sales):
            result.breaches.append(f"{order_id}: {what}")
        _count_copies(result, books.mails.get(order_id, {}), order_id, deaths)
    statuses = Counter(item["status"]["S"] for item in books.transactions.values())
    charges = [count["charge", "succeeded"] for count in books.money.values()]
    refunds = [count["refund", "succeeded"] for count in books.money.values()]
    result.figures.update(
        {
            "orders accepted": len(sales.accepted),
            "orders stored": len(books.orders),
            "orders cancelled": len(sales.cancelled),
            "charged": sum(charges),
            "refunded": sum(refunds),
            "receipted": sum("receipt_file_id" in t for t in books.transactions.values()),
            "mailed": sum(len(found) for found in books.mails.values()),
            **{f"payments {status}": count for status, count in statuses.items()},
        }
    )
    return result


def _broken(books: Books, order_id: str, order: Any, sales: Sales) -> list[str]:
    """Return what is not as promised of one order."""
    transaction = books.transactions.get(order_id)
    if transaction is None:
        return ["has no transaction"]
    status, card = transaction["status"]["S"], order["payment_method"]["S"]
    if status not in _TOLD:
        return [f"its payment is still {status}"]
    broken = []
    if order_id in sales.cancelled and order["status"]["S"] != "cancelled":
        broken.append("its cancellation was accepted and forgotten")
    if order["status"]["S"] == "cancelled" and status == "succeeded":
        broken.append("it is cancelled, and its charge stands")
    money = books.money.get(order_id, Counter())
    is_paid = status in ("succeeded", "refunded")
    for kind, wanted in (("charge", is_paid), ("refund", status == "refunded")):
        if (count := money[kind, "succeeded"]) != wanted:
            broken.append(f"it is {status}, and has {count} {kind}s that succeeded")
    file_id = transaction.get("receipt_file_id", {}).get("S")
    receipts = (
        [
            number
            for number, file in books.files.items()
            if file.get("subject", {}).get("S") == order_id
        ]
        if is_paid or file_id
        else []
    )
    if receipts != ([file_id] if is_paid else []):
        broken.append(f"it is {status}, and has the receipts {receipts}, {file_id} on record")
    elif is_paid and file_id not in books.stored:
        broken.append(f"its receipt {file_id} is not in the archive")
    told = {books.templates.get(number, "?") for number in books.mails.get(order_id, {})}
    wanted = _TOLD[status] | ({"payment_action_required"} if order_id in sales.asked else set())
    if not wanted <= told or told - wanted - _MAYBE.get(card, set()):
        broken.append(f"it is {status}, and its customer was told {sorted(told)}")
    return broken


def _count_copies(
    result: Audit, mails: dict[str, list[float]], order_id: str, deaths: list[dict[str, Any]]
) -> None:
    """Allow a second copy where the process died after SES's answer, and nowhere else."""
    for number, times in mails.items():
        points = sum(
            any(death["started"] <= at <= death["ended"] for at in times)
            for death in deaths
            if death["function"] == _SENDER and death["path"].endswith(number)
        )
        copies = len(times) - 1
        result.figures["died between SES's answer and the record"] += points
        result.figures["second copies of e-mails"] += copies
        if copies > points:
            result.breaches.append(
                f"{order_id}: {number} was sent {len(times)} times, and its sender died"
                f" {points} times after it was taken"
            )
