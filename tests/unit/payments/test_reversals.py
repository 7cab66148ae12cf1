"""Refunds and disputes: the same result for every order of arrival and any repetition."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.payments import domain
from chalicelib.payments.domain import ForbiddenTransitionError, Intent, Outcome, Payment
from chalicelib.payments.reversals import Dispute, Refund, Reversals
from chalicelib.payments.store import TransactionRecord
from contracts.money import Money
from contracts.notifications import Reversal
from support.payments import order_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
Change = Callable[[Reversals], Reversals]


def refund(name: str, amount: int, status: str = "succeeded", by_shop: bool = False) -> Change:
    made = Refund(id=name, amount=amount, status=status, by_shop=by_shop)
    return partial(Reversals.with_refund, refund=made)


def total(amount: int) -> Change:
    return partial(Reversals.with_total, amount=amount)


def dispute(
    status: str, as_of: int = 1, amount: int = 2500, name: str = "du_1", refundable: bool = False
) -> Change:
    opened = Dispute(
        id=name,
        amount=amount,
        currency="AUD",
        status=status,
        as_of=as_of,
        refundable=refundable,
    )
    return partial(Reversals.with_dispute, dispute=opened)


def after(*changes: Change) -> Reversals:
    reversals = Reversals()
    for change in changes:
        reversals = change(reversals)
    return reversals


def paid() -> Payment:
    return domain.opened(order_of(), "pi_1", NOW).moved_to("succeeded", NOW)


def payment_after(*changes: Change) -> Payment:
    payment = paid()
    for number, change in enumerate(changes, start=1):
        later = NOW + timedelta(seconds=number)
        payment = payment.with_reversals(change(payment.reversals), later)
    return payment


def kinds(payment: Payment) -> list[str]:
    return [outcome.kind for outcome in payment.outcomes]


STORIES: list[tuple[list[Change], int]] = [
    # each refund is reported by itself and in the charge's total
    ([refund("re_1", 500), total(500)], 500),
    ([refund("re_1", 500), total(500), refund("re_2", 300), total(800)], 800),
    # only the charge, or only the refunds, are reported
    ([total(500), total(800)], 800),
    ([refund("re_1", 500), refund("re_2", 300)], 800),
    # a refund fails later
    ([refund("re_1", 500), total(500), refund("re_1", 500, "failed")], 0),
    ([total(500), refund("re_1", 500, "failed")], 0),
    (
        [
            refund("re_1", 500), total(500),
            refund("re_1", 500, "failed"),
            refund("re_2", 400), total(400),
        ],
        400,
    ),
    ([refund("re_1", 500, "pending"), refund("re_1", 500)], 500),
    ([refund("re_1", 500, "pending"), refund("re_1", 500, "canceled"), total(500)], 0),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), STORIES)
def test_refunds_have_the_same_sum_in_any_order(changes: list[Change], expected: int) -> None:
    for arrived in itertools.permutations(changes):
        assert after(*arrived).refunded == expected


@pytest.mark.parametrize(("changes", "expected"), STORIES)
@given(data=st.data())
def test_refunds_have_the_same_sum_when_repeated(
    changes: list[Change], expected: int, data: st.DataObject
) -> None:
    repeated = data.draw(st.permutations(changes + changes))
    assert after(*repeated).refunded == expected


@pytest.mark.parametrize("status", ["pending", "succeeded", "requires_action"])
def test_failed_refund_stays_failed(status: str) -> None:
    failed = after(refund("re_1", 500, "failed", by_shop=True))
    assert refund("re_1", 500, status)(failed) is failed
    assert failed.refund_failed is True
    assert after(refund("re_1", 500, "failed")).refund_failed is False


def test_refund_of_the_shop_stays_one_when_its_failure_is_reported() -> None:
    assert (
        after(refund("re_1", 500, by_shop=True), refund("re_1", 500, "failed")).refund_failed
        is True
    )


def test_failed_refund_is_one_of_the_shop_if_any_report_names_the_order() -> None:
    reports = refund("re_1", 500, "pending"), refund("re_1", 500, "failed", by_shop=True)
    for arrived in itertools.permutations(reports):
        assert after(*arrived).refunded == 0
    assert after(*reports).refund_failed is True


@pytest.mark.parametrize(
    ("changes", "state", "prevents_refund"),
    [
        ([], None, False),
        ([dispute("needs_response")], "open", True),
        ([dispute("needs_response"), dispute("under_review", 2)], "open", True),
        ([dispute("needs_response"), dispute("won", 2)], "won", False),
        ([dispute("needs_response"), dispute("lost", 2)], "lost", True),
        # the bank asks a question, and takes no money
        ([dispute("warning_needs_response", refundable=True)], "open", False),
        ([dispute("warning_needs_response", refundable=True),
          dispute("warning_closed", 2)], "won", False),
        ([dispute("warning_needs_response", refundable=True),
          dispute("needs_response", 2)], "open", True),
        # within a second, a decision is the last
        ([dispute("needs_response"), dispute("won")], "won", False),
        # an appeal against a decision
        ([dispute("lost"), dispute("appeal_under_review", 2)], "open", True),
        ([dispute("lost"), dispute("appeal_under_review", 2), dispute("won", 3)], "won", False),
        ([dispute("prevented")], "lost", True),
        # a status that the gateway has added
        ([dispute("new_status")], "open", True),
        # two disputes of the same charge
        ([dispute("won"), dispute("lost", name="du_2")], "lost", True),
        ([dispute("lost"), dispute("needs_response", name="du_2")], "open", True),
    ],
)  # fmt: skip
def test_dispute_has_the_same_state_in_any_order(
    changes: list[Change], state: str | None, prevents_refund: bool
) -> None:
    for arrived in itertools.permutations(changes):
        for repeated in (arrived, arrived * 2):
            reversals = after(*repeated)
            assert (reversals.dispute, reversals.prevents_refund) == (state, prevents_refund)


def test_only_lost_or_open_disputes_of_the_currency_are_withdrawn() -> None:
    reversals = after(
        dispute("lost", amount=100),
        dispute("needs_response", amount=20, name="du_2"),
        dispute("won", amount=3, name="du_3"),
        dispute("warning_needs_response", amount=4, name="du_4", refundable=True),
    )
    assert reversals.withdrawn("AUD") == 120
    assert reversals.withdrawn("NZD") == 0


def test_each_refund_is_one_outcome_with_the_total_of_its_time() -> None:
    payment = payment_after(refund("re_1", 500), total(500), total(800), refund("re_2", 300))
    assert kinds(payment) == ["succeeded", "partially_refunded", "partially_refunded"]
    assert [o.refunded_amount and o.refunded_amount.amount for o in payment.outcomes] == [
        None,
        500,
        800,
    ]
    assert payment.status == "succeeded"
    assert payment.refunded_amount == Money(amount=800, currency="AUD")
    # every outcome has an email of its own
    ids = [message_id for message_id, _ in domain.emails_of(payment)]
    assert len(set(ids)) == 3


def test_payment_is_refunded_once_all_of_it_is() -> None:
    payment = payment_after(refund("re_1", 500), refund("re_2", 2000))
    assert payment.status == "refunded"
    assert kinds(payment) == ["succeeded", "partially_refunded", "refunded"]


def test_failed_refund_makes_the_payment_succeeded_again() -> None:
    payment = payment_after(
        refund("re_1", 2500), refund("re_1", 2500, "failed"), refund("re_2", 2500)
    )
    assert payment.status == "refunded"
    assert kinds(payment) == ["succeeded", "refunded", "refund_failed", "refunded_again"]
    (_, refunded, failed, again) = domain.emails_of(payment)
    assert [template for _, template in (refunded, failed, again)] == [
        "payment_refunded",
        "payment_refunded",
        "payment_refunded",
    ]
    assert len({refunded[0], failed[0], again[0]}) == 3
    assert payment.outcomes[2].status == "succeeded"


@pytest.mark.parametrize(("status", "kind"), [("won", "dispute_won"), ("lost", "dispute_lost")])
def test_dispute_is_an_outcome_when_it_is_opened_and_closed(status: str, kind: str) -> None:
    payment = payment_after(
        dispute("needs_response", amount=700),
        dispute("under_review", 2, amount=700),
        dispute(status, 3, amount=700),
        dispute(status, 3, amount=700),
    )
    assert kinds(payment) == ["succeeded", "disputed", kind]
    assert payment.outcomes[-1].disputed_amount == Money(amount=700, currency="AUD")
    assert payment.status == "succeeded"


def test_of_two_statuses_of_the_same_second_the_first_one_is_kept() -> None:
    known = after(dispute("needs_response", 2))
    assert dispute("under_review", 2)(known) is known
    assert dispute("under_review", 3)(known) is not known


def test_failure_of_the_smallest_refund_is_an_outcome() -> None:
    payment = payment_after(refund("re_1", 1), refund("re_1", 1, "failed"))
    assert kinds(payment) == ["succeeded", "partially_refunded", "refund_failed"]


def test_dispute_of_a_refunded_payment_changes_nothing_else() -> None:
    payment = payment_after(refund("re_1", 2500), dispute("needs_response"))
    assert (payment.status, payment.refunded_amount.amount) == ("refunded", 2500)
    assert kinds(payment) == ["succeeded", "refunded", "disputed"]
    assert payment.reversals.withdrawn("AUD") == 2500


def test_known_reversal_returns_the_same_payment() -> None:
    payment = payment_after(refund("re_1", 500))
    assert payment.with_reversals(refund("re_1", 500)(payment.reversals), NOW) is payment


@pytest.mark.parametrize("status", ["pending", "declined", "action_required", "cancelled"])
def test_only_a_charged_payment_can_be_reversed(status: Any) -> None:
    payment = domain.opened(order_of(), "pi_1", NOW)
    if status != "pending":
        payment = payment.moved_to(status, NOW)
    with pytest.raises(ForbiddenTransitionError):
        payment.with_reversals(after(total(1)), NOW)


@pytest.mark.parametrize(
    ("known", "repeated"),
    [
        ("pending", "pending"),
        ("pending", "requires_action"),
        ("succeeded", "succeeded"),
        ("failed", "canceled"),
    ],
)
def test_refund_status_that_is_not_newer_changes_nothing(known: str, repeated: str) -> None:
    payment = payment_after(refund("re_1", 500, known))
    assert payment.with_reversals(refund("re_1", 500, repeated)(payment.reversals), NOW) is payment


def test_refunds_disputes_and_a_postponed_refund_update_the_time_of_the_payment() -> None:
    payment = payment_after(refund("re_1", 500), dispute("needs_response"))
    assert payment.updated_at == NOW + timedelta(seconds=2)
    later = NOW + timedelta(minutes=1)
    assert payment.with_refund_due(later).updated_at == later
    assert (payment.with_refund_due(later).created_at, payment.created_at) == (NOW, NOW)


def test_more_than_the_payment_is_never_refunded() -> None:
    assert payment_after(total(99_999)).refunded_amount.amount == 2500


def test_gateway_is_asked_anew_after_a_dispute_or_a_failed_refund() -> None:
    failed = refund("re_1", 500, "failed")
    assert after().generation == ""
    assert after(refund("re_1", 500), total(500)).generation == ""
    generations = [
        after(failed).generation,
        after(failed, refund("re_2", 500, "failed")).generation,
        after(dispute("won")).generation,
        after(dispute("won"), failed).generation,
    ]
    assert len({"", *generations}) == 5
    assert after(failed, dispute("won")).generation == generations[-1]


def test_end_of_an_inquiry_changes_the_state_and_is_no_outcome() -> None:
    asked = dispute("warning_needs_response", refundable=True)
    closed = payment_after(asked, dispute("warning_closed", 2))
    assert closed.reversals.dispute == "won"
    assert kinds(closed) == ["succeeded", "disputed"]


def test_each_of_two_disputes_is_an_outcome() -> None:
    payment = payment_after(
        dispute("needs_response", amount=700), dispute("needs_response", amount=300, name="du_2")
    )
    assert kinds(payment) == ["succeeded", "disputed", "disputed"]
    assert [o.disputed_amount and o.disputed_amount.amount for o in payment.outcomes[1:]] == [
        700,
        300,
    ]


def test_dispute_after_an_inquiry_has_ended_is_an_outcome() -> None:
    payment = payment_after(
        dispute("warning_needs_response", refundable=True),
        dispute("warning_closed", 2),
        dispute("needs_response", 3, amount=300, name="du_2"),
    )
    assert kinds(payment) == ["succeeded", "disputed", "disputed"]
    assert payment.outcomes[-1].disputed_amount == Money(amount=300, currency="AUD")


def test_dispute_that_can_be_refunded_from_now_on_is_recorded() -> None:
    reversals = after(dispute("needs_response"), dispute("needs_response", 2, refundable=True))
    assert reversals.prevents_refund is False
    # an earlier report, and the same one again, change nothing
    assert dispute("needs_response")(reversals) is reversals
    assert dispute("needs_response", 3, refundable=True)(reversals) is reversals


def test_outcome_of_an_earlier_release_was_the_first_attempt_and_of_a_cancelled_order() -> None:
    stored = b'{"status": "refunded", "version": 3, "occurred_at": "2026-11-24T00:00:00Z"}'
    outcome = msgspec.json.decode(stored, type=Outcome)
    assert outcome == Outcome(
        status="refunded", version=3, occurred_at=NOW, attempt=1, order_cancelled=True
    )
    assert (outcome.kind, outcome.refund, outcome.refunded_amount) == ("refunded", None, None)


def test_unknown_properties_of_refunds_and_disputes_are_the_careful_ones() -> None:
    made = Refund(id="re_1", amount=1, status="failed")
    opened = Dispute(id="du_1", amount=1, currency="AUD", status="new", as_of=1)
    assert Reversals(refunds=(made,)).refund_failed is False
    assert opened.has_withdrawn is True


@pytest.mark.parametrize(
    ("status", "expected"),
    [("declined", True), ("action_required", True), ("succeeded", False), ("cancelled", False)],
)
def test_payment_may_still_succeed_until_it_is_charged_or_cancelled(
    status: Any, expected: bool
) -> None:
    waiting = domain.opened(order_of(), "pi_1", NOW)
    assert waiting.may_still_succeed is True
    assert waiting.moved_to(status, NOW).may_still_succeed is expected


def test_payment_is_cancelled_with_its_order_only_if_the_shop_has_cancelled_it() -> None:
    waiting = domain.opened(order_of(), "pi_1", NOW)
    cancelled = Intent(id="pi_1", status="cancelled")
    assert domain.apply_intent(waiting, cancelled, NOW).outcomes[-1].order_cancelled is False
    by_shop = domain.apply_intent(waiting, replace(cancelled, order_cancelled=True), NOW)
    assert by_shop.outcomes[-1].order_cancelled is True
    assert waiting.moved_to("cancelled", NOW).outcomes[-1].order_cancelled is True


def test_reversal_is_no_cancellation_unless_it_is_said() -> None:
    assert payment_after(refund("re_1", 2500)).outcomes[-1].order_cancelled is False


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_refund_by_the_shop_says_that_the_order_was_cancelled(status: str) -> None:
    # GIVEN the gateway's report of the charge, which does not say who has requested the refund
    charge_first = payment_after(total(2500))
    assert charge_first.outcomes[-1].order_cancelled is False
    assert charge_first.cancelled_at is None
    # WHEN the refund itself is reported or recorded, THEN it does
    of_shop = payment_after(total(2500), refund("re_1", 2500, status, by_shop=True))
    assert of_shop.cancelled_at == NOW + timedelta(seconds=2)
    # AND one from the dashboard does not
    assert payment_after(total(2500), refund("re_1", 2500, status)).cancelled_at is None


def test_each_change_has_an_email_about_it() -> None:
    assert {reversal: reversal for reversal in get_args(Reversal)} == domain.REVERSALS
    opened = dispute("needs_response")
    for closed in ("won", "lost"):
        ended = payment_after(opened, dispute(closed, 2))
        assert kinds(ended) == ["succeeded", "disputed", f"dispute_{closed}"]


def test_refund_that_the_bank_has_made_is_recorded_as_made() -> None:
    (made,) = after(refund("re_1", 500, "pending"), refund("re_1", 500)).refunds
    assert made.status == "succeeded"
    # what is reported late changes nothing
    (made,) = after(refund("re_1", 500), refund("re_1", 500, "pending")).refunds
    assert made.status == "succeeded"


@pytest.mark.parametrize(("status", "refunded"), [("refunded", 2500), ("succeeded", 0)])
def test_record_of_an_earlier_release_was_refunded_as_a_whole(status: str, refunded: int) -> None:
    payment = paid()
    record = TransactionRecord(
        id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        status=status,
        amount=payment.amount,
        contact=payment.contact,
        lines=payment.lines,
        payment_method=payment.payment_method,
        version=3,
        created_at=NOW,
        updated_at=NOW,
    )
    assert record.to_payment().refunded_amount.amount == refunded
    assert record.to_payment().attempt == 1
