"""The audit detects every kind of violation, each planted in the records of one order."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from support.soak.audit import Audit, audit
from support.soak.records import Records
from support.soak.shoppers import OrderLog

DOCUMENT = '["AUD",[],[],[],"pm_card_visa"]'
ORDER = "ord_1"
CHARGE, REFUND = ("charge", "succeeded"), ("refund", "succeeded")


def valid_records(payment_status: str = "succeeded", order_status: str = "placed") -> Records:
    """Return the records of one order without a violation."""
    templates = {
        "succeeded": ["payment_succeeded"],
        "refunded": ["payment_succeeded", "payment_refunded"],
        "declined": ["payment_declined"],
        "cancelled": ["payment_refunded"],
    }[payment_status]
    is_paid = payment_status in ("succeeded", "refunded")
    transaction = {"order_id": {"S": ORDER}, "status": {"S": payment_status}}
    receipt = {"receipt_file_id": {"S": "fil_1"}} if is_paid else {}
    is_refunded = payment_status == "refunded"
    return Records(
        orders={ORDER: {"status": {"S": order_status}, "document": {"S": DOCUMENT}}},
        transactions={ORDER: transaction | receipt},
        files={"fil_1": {"about": {"S": ORDER}}} if is_paid else {},
        emails={ORDER: {f"msg_{template}": [100.0] for template in templates}},
        templates={f"msg_{template}": template for template in templates},
        ledger={ORDER: Counter({CHARGE: int(is_paid), REFUND: int(is_refunded)})},
        stored_documents={"fil_1"} if is_paid else set(),
    )


def audited(records: Records, crashes: list[dict[str, Any]] | None = None) -> Audit:
    return audit(records, OrderLog(accepted={ORDER: "pm_card_visa"}), crashes or [])


@pytest.mark.parametrize(
    ("payment_status", "order_status"),
    [
        ("succeeded", "placed"),
        ("declined", "placed"),
        ("refunded", "cancelled"),
        ("cancelled", "cancelled"),
    ],
)
def test_valid_records_have_no_violation(payment_status: str, order_status: str) -> None:
    assert audited(valid_records(payment_status, order_status)).violations == []


def _charged_twice(records: Records) -> None:
    records.ledger[ORDER][CHARGE] = 2


def _not_charged(records: Records) -> None:
    records.ledger[ORDER].clear()


def _refunded_without_cancellation(records: Records) -> None:
    records.ledger[ORDER][REFUND] = 1


def _no_transaction(records: Records) -> None:
    records.transactions.clear()


def _payment_pending(records: Records) -> None:
    records.transactions[ORDER]["status"] = {"S": "pending"}


def _cancelled_not_refunded(records: Records) -> None:
    records.orders[ORDER]["status"] = {"S": "cancelled"}


def _no_receipt(records: Records) -> None:
    records.files.clear()


def _receipt_not_recorded(records: Records) -> None:
    del records.transactions[ORDER]["receipt_file_id"]


def _two_receipts(records: Records) -> None:
    records.files["fil_2"] = {"about": {"S": ORDER}}


def _receipt_not_stored(records: Records) -> None:
    records.stored_documents.clear()


def _email_missing(records: Records) -> None:
    records.emails.clear()


def _wrong_email(records: Records) -> None:
    records.emails[ORDER]["msg_payment_declined"] = [101.0]
    records.templates["msg_payment_declined"] = "payment_declined"


def _email_sent_twice(records: Records) -> None:
    records.emails[ORDER]["msg_payment_succeeded"].append(101.0)


def _order_lost(records: Records) -> None:
    records.orders.clear()


def _unknown_order_charged(records: Records) -> None:
    records.ledger["ord_2"] = Counter({CHARGE: 1})


VIOLATIONS: list[Callable[[Records], None]] = [
    _charged_twice,
    _not_charged,
    _refunded_without_cancellation,
    _no_transaction,
    _payment_pending,
    _cancelled_not_refunded,
    _no_receipt,
    _receipt_not_recorded,
    _two_receipts,
    _receipt_not_stored,
    _email_missing,
    _wrong_email,
    _email_sent_twice,
    _order_lost,
    _unknown_order_charged,
]


@pytest.mark.parametrize("plant", VIOLATIONS, ids=lambda plant: plant.__name__.strip("_"))
def test_planted_violation_is_detected(plant: Callable[[Records], None]) -> None:
    records = valid_records()
    plant(records)
    assert audited(records).violations


@pytest.mark.parametrize(
    ("started", "function", "allowed"),
    [
        (99.5, "toyshop-local-notifications-api-handler", True),
        # crashed before SES accepted the first copy, and another function
        (100.5, "toyshop-local-notifications-api-handler", False),
        (99.5, "toyshop-local-payments-fulfil", False),
    ],
)
def test_second_copy_is_allowed_only_if_its_sender_crashed(
    started: float, function: str, allowed: bool
) -> None:
    records = valid_records()
    _email_sent_twice(records)
    crash = {
        "function": function,
        "path": "/messages/msg_payment_succeeded",
        "started": started,
        "ended": started + 0.9 if started < 100 else 100.9,
    }
    result = audited(records, [crash])
    assert (result.violations == []) is allowed
    assert result.figures["second copies of emails"] == 1
