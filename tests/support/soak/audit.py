"""Verifies the invariants of all orders from the stored records."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from support.soak.records import Records
from support.soak.shoppers import OrderLog

_SENDER = "toyshop-local-notifications-api-handler"
# the emails for each final payment status, apart from an earlier request to authenticate
_EXPECTED_TEMPLATES = {
    "succeeded": {"payment_succeeded"},
    "declined": {"payment_declined"},
    "action_required": {"payment_action_required"},
    "refunded": {"payment_succeeded", "payment_refunded"},
    "cancelled": {"payment_refunded"},
}
# A shopper whose authentication fails gets an email about the decline, and may try again.
_POSSIBLE_TEMPLATES = {
    "pm_card_authenticationRequired": {"payment_action_required", "payment_declined"}
}


@dataclass
class Audit:
    """The figures of a run, and the violations of invariants."""

    figures: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def audit(records: Records, log: OrderLog, crashes: list[dict[str, Any]]) -> Audit:
    """Verify the invariants of every order.

    Parameters
    ----------
    records
        Everything stored by the shop and the gateway.
    log
        The answers that the shoppers got.
    crashes
        The invocations whose process was killed, as the embedded AWS reports them.
    """
    result = Audit()
    unknown = "but is not stored by the shop"
    for order_id in sorted(set(log.accepted) - set(records.orders)):
        result.violations.append(f"order {order_id} was accepted, {unknown}")
    for order_id in sorted(set(records.emails) - set(records.orders)):
        result.violations.append(f"order {order_id} is the subject of an email, {unknown}")
    for order_id in sorted(set(records.ledger) - set(records.orders)):
        result.violations.append(f"order {order_id} is in the gateway's ledger, {unknown}")
    for order_id, order in records.orders.items():
        for violation in _violations_of(records, order_id, order, log):
            result.violations.append(f"order {order_id} {violation}")
        _check_copies(result, records.emails.get(order_id, {}), order_id, crashes)
    statuses = Counter(item["status"]["S"] for item in records.transactions.values())
    charges = [count["charge", "succeeded"] for count in records.ledger.values()]
    refunds = [count["refund", "succeeded"] for count in records.ledger.values()]
    result.figures.update(
        {
            "orders accepted": len(log.accepted),
            "orders stored": len(records.orders),
            "orders cancelled": len(log.cancelled),
            "charged": sum(charges),
            "refunded": sum(refunds),
            "receipts archived": sum(
                "receipt_file_id" in item for item in records.transactions.values()
            ),
            "emails sent": sum(len(found) for found in records.emails.values()),
            **{f"payment {status}": count for status, count in statuses.items()},
        }
    )
    return result


def _violations_of(records: Records, order_id: str, order: Any, log: OrderLog) -> list[str]:
    """Return the violations of one order, as predicates whose subject is the order."""
    transaction = records.transactions.get(order_id)
    if transaction is None:
        return ["has no transaction"]
    status = transaction["status"]["S"]
    # the last member of what an order consists of
    card = json.loads(order["document"]["S"])[-1]
    if status not in _EXPECTED_TEMPLATES:
        return [f"still has the payment status {status}"]
    violations = []
    if order_id in log.cancelled and order["status"]["S"] != "cancelled":
        violations.append("is not cancelled, although its cancellation was accepted")
    if order["status"]["S"] == "cancelled" and status == "succeeded":
        violations.append("is cancelled and was not refunded")
    ledger = records.ledger.get(order_id, Counter())
    is_paid = status in ("succeeded", "refunded")
    for kind, expected in (("charge", is_paid), ("refund", status == "refunded")):
        if (count := ledger[kind, "succeeded"]) != expected:
            violations.append(f"is {status}, but has {count} successful {kind}s")
    file_id = transaction.get("receipt_file_id", {}).get("S")
    receipts = (
        [
            number
            for number, file in records.files.items()
            if file.get("about", {}).get("S") == order_id
        ]
        if is_paid or file_id
        else []
    )
    if receipts != ([file_id] if is_paid else []):
        violations.append(f"is {status}, but has the receipts {receipts} and records {file_id}")
    elif is_paid and file_id not in records.stored_documents:
        violations.append(f"has the receipt {file_id}, which is not in the archive")
    sent = {records.templates.get(number, "?") for number in records.emails.get(order_id, {})}
    expected_templates = _EXPECTED_TEMPLATES[status]
    if order_id in log.asked_to_authenticate:
        expected_templates = expected_templates | {"payment_action_required"}
    unexpected = sent - expected_templates - _POSSIBLE_TEMPLATES.get(card, set())
    if not expected_templates <= sent or unexpected:
        violations.append(f"is {status}, but its customer got the emails {sorted(sent)}")
    return violations


def _check_copies(
    result: Audit,
    emails: dict[str, list[float]],
    order_id: str,
    crashes: list[dict[str, Any]],
) -> None:
    """Allow a second copy of an email if its sender crashed after SES accepted the first."""
    for message_id, times in emails.items():
        allowed = sum(
            any(crash["started"] <= sent_at <= crash["ended"] for sent_at in times)
            for crash in crashes
            if crash["function"] == _SENDER and crash["path"].endswith(message_id)
        )
        copies = len(times) - 1
        result.figures["crashes between SES's response and its record"] += allowed
        result.figures["second copies of emails"] += copies
        if copies > allowed:
            result.violations.append(
                f"order {order_id}: {message_id} was sent {len(times)} times, and its sender"
                f" crashed {allowed} times after SES accepted it"
            )
