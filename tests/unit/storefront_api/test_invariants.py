"""Every kind of violation is found and comes with its remedy."""

from datetime import datetime, timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from chalicelib.storefront_api import invariants
from chalicelib.storefront_api.invariants import Evidence, Kind
from contracts.money import Money
from support.order_evidence import (
    CANCELLED,
    CHANGED_AT,
    ORDER,
    OWN,
    PRICE,
    RECEIPT,
    REFUNDED,
    SECOND,
    evidence,
    message,
    unpaid,
    without_transaction,
)

PART = Money(amount=500, currency="AUD")
PARTLY = replace(OWN, refunded=PART)
DISPUTED = replace(OWN, dispute="open")


def recorded(given: Evidence, **fields: object) -> Evidence:
    """Return evidence whose transaction has recorded something else."""
    assert given.audited.transaction is not None
    transaction = replace(given.audited.transaction, **fields)
    return replace(given, audited=replace(given.audited, transaction=transaction))


INTACT = {
    "paid": evidence(),
    "declined": evidence("declined", charges=[unpaid("declined")]),
    "refused without an intent": evidence("declined", charges=[]),
    "declined, and the shopper is retrying": evidence(
        "declined", charges=[unpaid("action_required")]
    ),
    "waiting for the shopper": evidence("action_required", charges=[unpaid("action_required")]),
    "refunded": evidence("refunded", CANCELLED, [REFUNDED]),
    "cancelled before the charge": evidence("cancelled", CANCELLED, []),
    "cancelled while waiting for the shopper": evidence(
        "cancelled", CANCELLED, [unpaid("cancelled")]
    ),
    "cancelled after a decline": evidence("declined", CANCELLED, [unpaid("cancelled")]),
    "partially refunded": recorded(evidence(charges=[PARTLY]), refunded_amount=PART),
    "disputed": recorded(evidence(charges=[DISPUTED]), dispute="open", withdrawn_amount=PRICE),
    "partially refunded, and the rest is disputed": recorded(
        evidence(charges=[replace(PARTLY, dispute="lost")]),
        refunded_amount=PART,
        dispute="lost",
        withdrawn_amount=Money(amount=PRICE.amount - PART.amount, currency="AUD"),
    ),
    "dispute won": recorded(
        evidence(charges=[replace(OWN, dispute="won")]),
        dispute="won",
        withdrawn_amount=Money(amount=0, currency="AUD"),
    ),
    "cancelled, and returned by the bank": recorded(
        evidence("succeeded", CANCELLED, [replace(OWN, dispute="lost")]),
        dispute="lost",
        withdrawn_amount=PRICE,
    ),
    "cancelled while it is disputed": recorded(
        evidence("succeeded", CANCELLED, [DISPUTED]), dispute="open", withdrawn_amount=PRICE
    ),
    "charged twice and refunded once": evidence(charges=[OWN, replace(SECOND, refunded=PRICE)]),
}


@pytest.mark.parametrize("name", INTACT)
def test_intact_order_has_no_violation(name: str) -> None:
    assert list(invariants.violations_of(INTACT[name])) == []


VIOLATED: list[tuple[Kind, Evidence]] = [
    ("transaction_missing", without_transaction(ORDER, [])),
    ("transaction_missing", without_transaction(ORDER, [OWN])),
    ("transaction_missing", without_transaction(CANCELLED, [])),
    ("payment_pending", evidence("pending", charges=[unpaid("open")])),
    ("payment_pending", evidence("pending", charges=[unpaid("declined")])),
    ("webhook_missed", evidence("pending")),
    ("webhook_missed", evidence("action_required")),
    ("webhook_missed", evidence("action_required", charges=[unpaid("declined")])),
    ("webhook_missed", evidence("action_required", charges=[unpaid("cancelled")])),
    ("webhook_missed", evidence("declined")),
    ("refund_not_started", evidence("succeeded", CANCELLED)),
    (
        "refund_not_started",
        recorded(
            evidence("succeeded", CANCELLED, [replace(OWN, dispute="won")]), dispute="won"
        ),
    ),
    ("refund_not_started", evidence("succeeded", CANCELLED, [REFUNDED])),
    ("charge_possible", evidence("action_required", CANCELLED, [unpaid("action_required")])),
    ("charge_possible", evidence("declined", CANCELLED, [unpaid("declined")])),
    ("not_charged", evidence(charges=[])),
    ("not_charged", evidence(charges=[unpaid("declined")])),
    ("wrong_amount", evidence(charges=[replace(OWN, charged=Money(amount=1, currency="AUD"))])),
    ("wrong_amount", evidence(charges=[replace(OWN, charged=Money(amount=2500, currency="NZD"))])),
    ("wrong_amount", evidence(order=replace(ORDER, total=Money(amount=9, currency="AUD")))),
    ("charged_twice", evidence(charges=[OWN, SECOND])),
    ("charged_twice", evidence(charges=[SECOND, OWN])),
    ("order_not_cancelled", evidence("cancelled", charges=[unpaid("cancelled")])),
    ("order_not_cancelled", evidence("refunded", charges=[REFUNDED])),
    ("refund_missing", recorded(evidence("succeeded", CANCELLED), refund_failed=True)),
    (
        "refund_missing",
        recorded(
            evidence("refunded", CANCELLED, [OWN]),
            refunded_amount=Money(amount=0, currency="AUD"),
        ),
    ),
    ("refund_unrecorded", evidence("refunded", CANCELLED, [OWN])),
    ("refund_unrecorded", evidence(charges=[REFUNDED])),
    ("refund_unrecorded", recorded(evidence(), refunded_amount=PART)),
    ("refund_unrecorded", recorded(evidence(charges=[PARTLY]), refunded_amount=PRICE)),
    (
        "refund_unrecorded",
        recorded(evidence("succeeded", CANCELLED, [REFUNDED]), refund_failed=True),
    ),
    ("dispute_unrecorded", evidence(charges=[DISPUTED])),
    # its end was lost
    (
        "dispute_unrecorded",
        recorded(
            evidence("succeeded", CANCELLED, [replace(OWN, dispute="won")]),
            dispute="open",
            withdrawn_amount=PRICE,
        ),
    ),
    # the bank has returned a part of the price, and a disputed charge cannot be refunded
    (
        "refund_missing",
        recorded(
            evidence("succeeded", CANCELLED, [replace(OWN, dispute="lost")]),
            dispute="lost",
            withdrawn_amount=PART,
        ),
    ),
    (
        "paid_back_twice",
        recorded(
            evidence("refunded", CANCELLED, [replace(REFUNDED, dispute="lost")]),
            dispute="lost",
            withdrawn_amount=PART,
        ),
    ),
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
    ("email_missing", evidence(messages={})),
    (
        "email_missing",
        evidence(messages={"msg_payment_succeeded": message("payment_succeeded", "sending")}),
    ),
    (
        "email_missing",
        evidence(
            "refunded", CANCELLED, [REFUNDED],
            messages={"msg_payment_refunded": message("payment_refunded")},
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given"), VIOLATED)
def test_violation_is_reported_with_its_remedy(kind: Kind, given: Evidence) -> None:
    (found,) = invariants.violations_of(given)
    assert (found.kind, found.order_id) == (kind, "ord_1")
    assert found.remedy == invariants.REMEDIES[kind]


def test_lost_order_with_a_transaction_is_restored() -> None:
    found = invariants.order_missing(OWN)
    assert (found.kind, found.order_id, found.remedy) == ("order_missing", "ord_1", "restore_order")
    assert OWN.intent_id in found.detail


def test_every_kind_of_violation_is_tested() -> None:
    tested = {kind for kind, _ in VIOLATED} | {"order_missing"}
    assert tested == set(get_args(Kind)) == set(invariants.REMEDIES)


def test_all_violations_of_an_order_are_reported() -> None:
    given = evidence(charges=[OWN, SECOND], receipt=None, messages={})
    kinds = [found.kind for found in invariants.violations_of(given)]
    assert kinds == ["charged_twice", "receipt_missing", "email_missing"]
    # without a transaction, one of the two charges will be adopted
    kinds = [
        found.kind for found in invariants.violations_of(without_transaction(ORDER, [OWN, SECOND]))
    ]
    assert kinds == ["charged_twice", "transaction_missing"]


def test_details_name_the_intent_and_the_amount() -> None:
    (found,) = invariants.violations_of(evidence(charges=[OWN, SECOND]))
    assert found.detail == "pi_2 charged another AUD 25.00"
    (found,) = invariants.violations_of(
        evidence("succeeded", CANCELLED, [replace(OWN, refunded=Money(amount=500, currency="AUD"))])
    )
    assert found.detail == "the order was cancelled, and AUD 20.00 was not refunded"
    assert (
        invariants.charge_without_order(OWN).detail
        == "pi_1 charged AUD 25.00, and the order does not exist"
    )


@pytest.mark.parametrize(
    ("order_age", "transaction_age", "expected"),
    [(59, 59, True), (61, 59, True), (59, 61, True), (60, 60, False), (61, None, False)],
)
def test_order_is_in_progress_within_the_grace_period(
    order_age: int, transaction_age: int | None, expected: bool
) -> None:
    def ago(seconds: int) -> datetime:
        return CHANGED_AT - timedelta(seconds=seconds)

    order = replace(ORDER, placed_at=ago(9000), updated_at=ago(order_age))
    transaction = None
    if transaction_age is not None:
        transaction = evidence().audited.transaction
        assert transaction is not None
        transaction = replace(transaction, updated_at=ago(transaction_age))
    assert (
        invariants.is_in_progress(order, transaction, timedelta(seconds=60), CHANGED_AT) is expected
    )
