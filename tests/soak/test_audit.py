"""The soak's own eyes: each way to break the promise, planted in the books, is seen."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from support.soak.audit import Audit, Books, audit
from support.soak.shoppers import Sales

ORDER = "ord_1"
CHARGE, REFUND = ("charge", "succeeded"), ("refund", "succeeded")


def books(status: str = "succeeded", order: str = "placed") -> Books:
    """Return the books of one order, as promised."""
    told = {
        "succeeded": ["payment_succeeded"],
        "refunded": ["payment_succeeded", "payment_refunded"],
        "declined": ["payment_declined"],
        "cancelled": [],
    }[status]
    paid = status in ("succeeded", "refunded")
    transaction = {"order_id": {"S": ORDER}, "status": {"S": status}}
    return Books(
        orders={ORDER: {"status": {"S": order}, "payment_method": {"S": "pm_card_visa"}}},
        transactions={ORDER: transaction | ({"receipt_file_id": {"S": "fil_1"}} if paid else {})},
        files={"fil_1": {"subject": {"S": ORDER}}} if paid else {},
        mails={ORDER: {f"msg_{template}": [100.0] for template in told}},
        templates={f"msg_{template}": template for template in told},
        money={ORDER: Counter({CHARGE: int(paid), REFUND: int(status == "refunded")})},
        stored={"fil_1"} if paid else set(),
    )


def judged(found: Books, deaths: list[dict[str, Any]] | None = None) -> Audit:
    return audit(found, Sales(accepted={ORDER: "pm_card_visa"}), deaths or [])


@pytest.mark.parametrize(
    ("status", "order"),
    [
        ("succeeded", "placed"),
        ("declined", "placed"),
        ("refunded", "cancelled"),
        ("cancelled", "cancelled"),
    ],
)
def test_books_that_are_as_promised(status: str, order: str) -> None:
    assert judged(books(status, order)).breaches == []


def _charged_twice(found: Books) -> None:
    found.money[ORDER][CHARGE] = 2


def _not_charged(found: Books) -> None:
    found.money[ORDER].clear()


def _refunded_for_nothing(found: Books) -> None:
    found.money[ORDER][REFUND] = 1


def _no_transaction(found: Books) -> None:
    found.transactions.clear()


def _still_open(found: Books) -> None:
    found.transactions[ORDER]["status"] = {"S": "pending"}


def _charge_stands(found: Books) -> None:
    found.orders[ORDER]["status"] = {"S": "cancelled"}


def _no_receipt(found: Books) -> None:
    found.files.clear()


def _receipt_not_recorded(found: Books) -> None:
    del found.transactions[ORDER]["receipt_file_id"]


def _two_receipts(found: Books) -> None:
    found.files["fil_2"] = {"subject": {"S": ORDER}}


def _receipt_lost(found: Books) -> None:
    found.stored.clear()


def _not_told(found: Books) -> None:
    found.mails.clear()


def _told_wrongly(found: Books) -> None:
    found.mails[ORDER]["msg_payment_declined"] = [101.0]
    found.templates["msg_payment_declined"] = "payment_declined"


def _told_twice(found: Books) -> None:
    found.mails[ORDER]["msg_payment_succeeded"].append(101.0)


def _order_lost(found: Books) -> None:
    found.orders.clear()


def _stranger_charged(found: Books) -> None:
    found.money["ord_2"] = Counter({CHARGE: 1})


PLANTED: list[Callable[[Books], None]] = [
    _charged_twice,
    _not_charged,
    _refunded_for_nothing,
    _no_transaction,
    _still_open,
    _charge_stands,
    _no_receipt,
    _receipt_not_recorded,
    _two_receipts,
    _receipt_lost,
    _not_told,
    _told_wrongly,
    _told_twice,
    _order_lost,
    _stranger_charged,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__.strip("_"))
def test_what_breaks_the_promise_is_seen(plant: Callable[[Books], None]) -> None:
    found = books()
    plant(found)
    assert judged(found).breaches


@pytest.mark.parametrize(
    ("started", "function", "allowed"),
    [
        (99.5, "toyshop-local-notifications-api-handler", True),
        # it died before SES had the first copy, or was another function
        (100.5, "toyshop-local-notifications-api-handler", False),
        (99.5, "toyshop-local-payments-fulfil", False),
    ],
)
def test_a_second_copy_is_allowed_where_its_sender_died(
    started: float, function: str, allowed: bool
) -> None:
    found = books()
    _told_twice(found)
    death = {
        "function": function,
        "path": "/messages/msg_payment_succeeded",
        "started": started,
        "ended": started + 0.9 if started < 100 else 100.9,
    }
    result = judged(found, [death])
    assert (result.breaches == []) is allowed
    assert result.figures["second copies of e-mails"] == 1
