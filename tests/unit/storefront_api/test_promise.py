"""What every order is promised: each way to break it is named, with what mends it."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from chalicelib.storefront_api import promise
from chalicelib.storefront_api.promise import Evidence, Kind
from contracts.files import File
from contracts.money import Money
from contracts.notifications import Message, Template
from contracts.orders import Address, Contact, Order
from contracts.payments import AuditedOrder, ExpectedMessage, GatewayCharge, Transaction

THEN = datetime(2026, 11, 24, tzinfo=UTC)
PRICE = Money(amount=2500, currency="AUD")
NOTHING = Money(amount=0, currency="AUD")
ORDER = Order(
    id="ord_1",
    customer_id="cus_1",
    status="placed",
    lines=[],
    total=PRICE,
    shipping_address=Address(name="A", line1="1", city="S", postal_code="2", country="AU"),
    contact=Contact(email="a@example.com", name="A"),
    payment_method="pm_card_visa",
    version=1,
    placed_at=THEN,
    updated_at=THEN,
)
CANCELLED = replace(ORDER, status="cancelled", version=2)
OWN = GatewayCharge(
    intent_id="pi_1",
    order_id="ord_1",
    status="succeeded",
    charged=PRICE,
    refunded=NOTHING,
    created_at=THEN,
)
SECOND = replace(OWN, intent_id="pi_2")
REFUNDED = replace(OWN, refunded=PRICE)
RECEIPT = File(
    id="fil_1",
    kind="document",
    status="ready",
    subject="ord_1",
    content_type="application/pdf",
    size=1,
    alt="",
    version=1,
    created_at=THEN,
    updated_at=THEN,
)


def unpaid(status: Any) -> GatewayCharge:
    return replace(OWN, status=status, charged=NOTHING)


MAILS: dict[str, list[Template]] = {
    "pending": [],
    "succeeded": ["payment_succeeded"],
    "declined": ["payment_declined"],
    "action_required": ["payment_action_required"],
    "refunded": ["payment_succeeded", "payment_refunded"],
    "cancelled": [],
}


def evidence(
    status: Any = "succeeded",
    order: Order = ORDER,
    charges: list[GatewayCharge] | None = None,
    **changes: Any,
) -> Evidence:
    """Return what the services say of an order that is as promised but for what is said here."""
    paid = status in ("succeeded", "refunded")
    transaction = Transaction(
        id="txn_1",
        order_id="ord_1",
        customer_id="cus_1",
        status=status,
        amount=PRICE,
        version=2,
        created_at=THEN,
        updated_at=THEN,
        receipt_file_id="fil_1" if paid else None,
    )
    audited = AuditedOrder(
        order_id="ord_1",
        transaction=transaction,
        intent_id="pi_1",
        charges=[OWN] if charges is None else charges,
        receipt_file_id="fil_1" if paid else None,
        messages=[ExpectedMessage(id=f"msg_{name}", template=name) for name in MAILS[status]],
    )
    whole = Evidence(
        order=order,
        audited=audited,
        receipt=RECEIPT,
        messages={each.id: message(each.template) for each in audited.messages},
    )
    return replace(whole, **changes)


def message(template: Template, status: Any = "sent") -> Message:
    return Message(
        id=f"msg_{template}",
        to="a@example.com",
        template=template,
        status=status,
        version=2,
        created_at=THEN,
    )


def without_transaction(order: Order, charges: list[GatewayCharge]) -> Evidence:
    whole = evidence(order=order, charges=charges)
    audited = replace(
        whole.audited, transaction=None, intent_id=None, receipt_file_id=None, messages=[]
    )
    return replace(whole, audited=audited)


WHOLE = {
    "paid": evidence(),
    "declined": evidence("declined", charges=[unpaid("declined")]),
    "refused before there was an intent": evidence("declined", charges=[]),
    "declined, and the shopper tries again": evidence(
        "declined", charges=[unpaid("action_required")]
    ),
    "waits for the shopper": evidence("action_required", charges=[unpaid("action_required")]),
    "refunded": evidence("refunded", CANCELLED, [REFUNDED]),
    "cancelled before its charge": evidence("cancelled", CANCELLED, []),
    "cancelled while it waited": evidence("cancelled", CANCELLED, [unpaid("cancelled")]),
    "cancelled after a decline": evidence("declined", CANCELLED, [unpaid("cancelled")]),
    "charged twice, and once given back": evidence(charges=[OWN, replace(SECOND, refunded=PRICE)]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_order_that_is_as_promised(name: str) -> None:
    assert list(promise.breaks_of(WHOLE[name])) == []


BROKEN: list[tuple[Kind, Evidence]] = [
    ("no_transaction", without_transaction(ORDER, [])),
    ("no_transaction", without_transaction(ORDER, [OWN])),
    ("no_transaction", without_transaction(CANCELLED, [])),
    ("pending", evidence("pending", charges=[unpaid("open")])),
    ("pending", evidence("pending", charges=[unpaid("declined")])),
    ("news_missed", evidence("pending")),
    ("news_missed", evidence("action_required")),
    ("news_missed", evidence("action_required", charges=[unpaid("declined")])),
    ("news_missed", evidence("action_required", charges=[unpaid("cancelled")])),
    ("news_missed", evidence("declined")),
    ("charge_standing", evidence("succeeded", CANCELLED)),
    ("charge_standing", evidence("succeeded", CANCELLED, [REFUNDED])),
    ("charge_possible", evidence("action_required", CANCELLED, [unpaid("action_required")])),
    ("charge_possible", evidence("declined", CANCELLED, [unpaid("declined")])),
    ("not_charged", evidence(charges=[])),
    ("not_charged", evidence(charges=[unpaid("declined")])),
    ("wrong_amount", evidence(charges=[replace(OWN, charged=Money(amount=1, currency="AUD"))])),
    ("wrong_amount", evidence(charges=[replace(OWN, charged=Money(amount=2500, currency="NZD"))])),
    ("wrong_amount", evidence(order=replace(ORDER, total=Money(amount=9, currency="AUD")))),
    ("charged_twice", evidence(charges=[OWN, SECOND])),
    ("charged_twice", evidence(charges=[SECOND, OWN])),
    ("called_off", evidence("cancelled", charges=[unpaid("cancelled")])),
    ("called_off", evidence("refunded", charges=[REFUNDED])),
    ("refund_missing", evidence("refunded", CANCELLED, [OWN])),
    ("refund_unrecorded", evidence(charges=[REFUNDED])),
    ("charge_unrecorded", evidence("cancelled", CANCELLED, [OWN])),
    ("receipt_missing", evidence(receipt=None)),
    ("receipt_missing", evidence(receipt=replace(RECEIPT, status="pending"))),
    (
        "receipt_unrecorded",
        replace(
            evidence(),
            audited=replace(
                evidence().audited,
                transaction=replace(evidence().audited.transaction, receipt_file_id=None),
            ),
        ),
    ),
    ("mail_missing", evidence(messages={})),
    (
        "mail_missing",
        evidence(messages={"msg_payment_succeeded": message("payment_succeeded", "sending")}),
    ),
    (
        "mail_missing",
        evidence(
            "refunded", CANCELLED, [REFUNDED],
            messages={"msg_payment_refunded": message("payment_refunded")},
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given"), BROKEN)
def test_each_way_to_break_a_promise_is_named(kind: Kind, given: Evidence) -> None:
    (found,) = promise.breaks_of(given)
    assert (found.kind, found.order_id) == (kind, "ord_1")
    assert found.remedy == promise.REMEDIES[kind]


def test_every_kind_of_break_is_shown_here() -> None:
    assert {kind for kind, _ in BROKEN} == set(get_args(Kind)) == set(promise.REMEDIES)


def test_what_is_broken_in_several_ways_is_told_in_full() -> None:
    given = evidence(charges=[OWN, SECOND], receipt=None, messages={})
    kinds = [found.kind for found in promise.breaks_of(given)]
    assert kinds == ["charged_twice", "receipt_missing", "mail_missing"]
    # of two charges of an order without a transaction its next charge goes on with one
    kinds = [found.kind for found in promise.breaks_of(without_transaction(ORDER, [OWN, SECOND]))]
    assert kinds == ["charged_twice", "no_transaction"]


def test_details_say_how_much_and_where() -> None:
    (found,) = promise.breaks_of(evidence(charges=[OWN, SECOND]))
    assert found.detail == "pi_2 took AUD 25.00 besides"
    (found,) = promise.breaks_of(
        evidence("succeeded", CANCELLED, [replace(OWN, refunded=Money(amount=500, currency="AUD"))])
    )
    assert found.detail == "it was cancelled, and not refunded; AUD 20.00 is left"
    assert promise.unaccounted(OWN).detail == "pi_1 took AUD 25.00 and there is no such order"


@pytest.mark.parametrize(
    ("order_age", "transaction_age", "expected"),
    [(59, 59, True), (61, 59, True), (59, 61, True), (60, 60, False), (61, None, False)],
)
def test_an_order_is_under_way_until_it_was_left_alone(
    order_age: int, transaction_age: int | None, expected: bool
) -> None:
    def ago(seconds: int) -> datetime:
        return THEN - timedelta(seconds=seconds)

    order = replace(ORDER, placed_at=ago(9000), updated_at=ago(order_age))
    transaction = None
    if transaction_age is not None:
        transaction = evidence().audited.transaction
        assert transaction is not None
        transaction = replace(transaction, updated_at=ago(transaction_age))
    assert promise.is_under_way(order, transaction, timedelta(seconds=60), THEN) is expected
