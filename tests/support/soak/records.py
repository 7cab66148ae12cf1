"""Reads what the shop and the gateway have stored: tables, ledger, documents and emails."""

import email
import email.policy
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from support.running_shop import Shop

_ORDER_ID = re.compile(r"ord_[0-9A-Z]+")


@dataclass
class Records:
    """Everything stored about all orders.

    Attributes
    ----------
    orders
        Items of the orders table by order id.
    transactions
        Items of the transactions table by order id.
    files
        Items of the files table by file id.
    emails
        The times at which each copy of an email was sent, in Unix seconds, by order id and then by
        message id.
    templates
        The template of each message, by message id.
    ledger
        Number of entries in the gateway's ledger by type and status, by order id.
    stored_documents
        The last segment of the key of each S3 object: the file id.
    """

    orders: dict[str, Any]
    transactions: dict[str, Any]
    files: dict[str, Any]
    emails: dict[str, dict[str, list[float]]]
    templates: dict[str, str]
    ledger: dict[str, Counter[tuple[str, str]]]
    stored_documents: set[str]


def read(shop: Shop) -> Records:
    """Read all records of a shop."""
    ledger: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for entry in shop.gateway.ledger():
        ledger[entry["order_id"]][entry["type"], entry["status"]] += 1
    s3 = shop.client("s3")
    pages = [
        page
        for bucket in s3.list_buckets()["Buckets"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
    ]
    messages = shop.items("notifications")
    return Records(
        orders=shop.items("orders"),
        transactions={item["order_id"]["S"]: item for item in shop.items("payments").values()},
        files=shop.items("file-manager"),
        emails=_read_emails(shop),
        templates={message_id: item["template"]["S"] for message_id, item in messages.items()},
        ledger=ledger,
        stored_documents={
            item["Key"].rpartition("/")[2] for page in pages for item in page.get("Contents", ())
        },
    )


def _read_emails(shop: Shop) -> dict[str, dict[str, list[float]]]:
    emails: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in (shop.home / "mail").glob("*.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body(preferencelist=("plain",))
        order_id = _ORDER_ID.search(body.get_content() if body else "")
        message_id = str(message["Message-ID"]).strip("<>").partition("@")[0]
        # the file's name is the time in nanoseconds
        sent_at = int(path.stem) / 1e9
        emails[order_id[0] if order_id else "?"][message_id].append(sent_at)
    return emails
