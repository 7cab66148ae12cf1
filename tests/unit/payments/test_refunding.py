"""Refunds of cancelled orders that disputes or failed refunds prevent, and what is logged."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.payments import domain
from chalicelib.payments.charging import Charging
from chalicelib.payments.domain import Intent, Payment
from chalicelib.payments.gateway import (
    GatewayRefusedError,
    GatewayUnavailableError,
    InvalidGatewayRequestError,
)
from chalicelib.payments.reversals import Dispute, Refund
from chassis.consumer import PermanentFailure
from chassis.contention import MAX_ATTEMPTS
from chassis.problems import ServiceUnavailable
from contracts.money import Money
from support.log_lines import Lines
from support.payments import order_of
from support.races import after_call

ORDER = order_of()
NOW = ORDER.placed_at
OPENED = domain.opened(ORDER, "pi_1", NOW)


class Store:
    """Holds the one payment; ``before_replace`` is what other writers do before each write."""

    def __init__(self, payment: Payment) -> None:
        self.payment = payment
        self.before_replace: Callable[[], object] = lambda: None

    def get(self, payment_id: str) -> Payment:
        assert payment_id == self.payment.id
        return self.payment

    def replace(self, payment: Payment) -> bool:
        self.before_replace()
        if payment.version != self.payment.version + 1:
            return False
        self.payment = payment
        return True


class Gateway:
    """Answers with what is set, and names the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failure: Exception | None = None
        self.refunded: Refund | None = refund_of(2500, by_shop=True)
        self.known_disputes: list[Dispute] = []

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if self.failure:
            raise self.failure

    def retrieve(self, intent_id: str) -> Intent:
        self._begin("retrieve")
        return Intent(id=intent_id, status="succeeded", card_last4="4242")

    def confirm(self, intent_id: str, *_: Any) -> Intent:
        self._begin("confirm")
        return Intent(id=intent_id, status="succeeded")

    def refund(self, *_: Any) -> Refund | None:
        self._begin("refund")
        return self.refunded

    def refunds(self, _: str) -> list[Refund]:
        return []

    def disputes(self, _: str) -> list[Dispute]:
        return self.known_disputes


class World:
    def __init__(self, payment: Payment) -> None:
        self.store, self.gateway = Store(payment), Gateway()
        self.charging = Charging(self.store, self.gateway, lambda: NOW)  # type: ignore[arg-type]

    @property
    def payment(self) -> Payment:
        return self.store.payment

    def cancel_order(self) -> None:
        self.charging.on_order_cancelled(event_with(ORDER))

    def close_dispute(self) -> None:
        self.store.payment = after(self.payment, disputes=(disputed("won", 2),))

    def archive_receipt(self) -> None:
        self.store.payment = self.payment.with_receipt("fil_1", NOW)

    def hear_of_the_end(self) -> None:
        self.charging.on_dispute_closed(event_with(SimpleNamespace(order_id=ORDER.id)))

    def hear_of_the_retry(self) -> None:
        self.charging.on_payment_retried(event_with(SimpleNamespace(order_id=ORDER.id)))


def event_with(data: Any) -> Any:
    return SimpleNamespace(data=data)


def refund_of(
    amount: int, status: str = "succeeded", name: str = "re_1", by_shop: bool = False
) -> Refund:
    return Refund(id=name, amount=amount, status=status, by_shop=by_shop)


def disputed(status: str = "needs_response", as_of: int = 1) -> Dispute:
    return Dispute(id="du_1", amount=2500, currency="AUD", status=status, as_of=as_of)


def after(
    payment: Payment, refunds: tuple[Refund, ...] = (), disputes: tuple[Dispute, ...] = ()
) -> Payment:
    """Return a payment that webhooks about these refunds and disputes have changed."""
    reversals = payment.reversals
    for refund in refunds:
        reversals = reversals.with_refund(refund)
    for dispute in disputes:
        reversals = reversals.with_dispute(dispute)
    return payment.with_reversals(reversals, NOW)


def paid(*disputes: Dispute, refunds: tuple[Refund, ...] = ()) -> Payment:
    return after(OPENED.moved_to("succeeded", NOW), refunds, disputes)


def warnings(lines: Lines, message: str) -> list[dict[str, Any]]:
    found = [line for line in lines() if line.get("message") == message]
    assert {line["level"] for line in found} <= {"WARNING"}
    return found


def test_refund_of_a_disputed_payment_is_postponed_once_and_logged(lines: Lines) -> None:
    world = World(paid(disputed()))
    world.cancel_order()
    postponed = world.payment
    assert (postponed.status, postponed.refund_due) == ("succeeded", True)
    # WHEN the cancellation is delivered again
    world.cancel_order()
    assert world.payment is postponed
    assert world.gateway.calls == []
    (line,) = warnings(lines, "refund postponed by a dispute")
    assert line["order_id"] == ORDER.id


def test_refund_is_postponed_although_the_receipt_is_recorded_meanwhile(lines: Lines) -> None:
    world = World(paid(disputed()))
    after_call(world.store, "get", world.archive_receipt)
    world.cancel_order()
    assert (world.payment.refund_due, world.payment.receipt_file_id) == (True, "fil_1")
    assert len(warnings(lines, "refund postponed by a dispute")) == 1


def test_cancellation_is_delivered_again_if_other_writers_are_always_faster() -> None:
    world = World(paid(disputed()))
    lost = iter(range(MAX_ATTEMPTS))

    def other_writer() -> None:
        if next(lost, None) is not None:
            world.archive_receipt()

    world.store.before_replace = other_writer
    with pytest.raises(ServiceUnavailable):
        world.cancel_order()
    assert world.payment.refund_due is False
    # and the next delivery records it
    world.cancel_order()
    assert world.payment.refund_due is True


@pytest.mark.parametrize("already_refunded", [False, True])
def test_payment_is_refunded_if_its_dispute_ends_while_the_refund_is_postponed(
    already_refunded: bool, lines: Lines
) -> None:
    world = World(paid(disputed()))

    def end() -> None:
        world.close_dispute()
        if already_refunded:  # by another delivery
            world.store.payment = after(world.payment, (refund_of(2500, by_shop=True),))

    after_call(world.store, "get", end)
    world.cancel_order()
    assert (world.payment.status, world.payment.refund_due) == ("refunded", False)
    assert world.gateway.calls == ([] if already_refunded else ["refund"])
    assert warnings(lines, "refund postponed by a dispute") == []


def test_refund_refused_because_of_a_dispute_that_has_just_ended_is_not_postponed(
    lines: Lines,
) -> None:
    world = World(paid())
    world.gateway.failure = GatewayRefusedError("charge_disputed")
    world.gateway.known_disputes = [disputed("won", 2)]
    with pytest.raises(GatewayUnavailableError, match="the dispute has just ended"):
        world.cancel_order()
    assert world.payment.refund_due is False
    assert warnings(lines, "refund postponed by a dispute") == []


def test_end_of_a_dispute_makes_the_postponed_refund_once() -> None:
    world = World(paid(disputed()))
    world.cancel_order()
    world.close_dispute()
    # WHEN the event about the end is delivered twice
    for _ in range(2):
        world.hear_of_the_end()
    assert world.payment.status == "refunded"
    assert world.gateway.calls == ["refund"]


def test_refund_says_that_the_order_was_cancelled() -> None:
    world = World(paid())
    world.cancel_order()
    outcome = world.payment.outcomes[-1]
    assert (outcome.status, outcome.order_cancelled) == ("refunded", True)


def test_refund_that_has_failed_is_left_to_an_operator(lines: Lines) -> None:
    world = World(paid(refunds=(refund_of(2500, "failed", by_shop=True),)))
    world.cancel_order()
    assert world.gateway.calls == []
    assert world.payment.status == "succeeded"
    (line,) = warnings(lines, "payment not refunded again")
    assert line["order_id"] == ORDER.id


def test_all_is_refunded_if_the_dashboard_has_repeated_its_failed_refund() -> None:
    # GIVEN a refund in the dashboard that failed, and a repetition whose webhook is still to come
    world = World(paid(refunds=(refund_of(500, "failed"),)))
    world.gateway.refunded = None  # nothing is left
    world.cancel_order()
    assert world.payment.refunded_amount == Money(amount=2500, currency="AUD")
    assert world.payment.status == "refunded"


def test_retry_that_the_gateway_rejects_is_a_permanent_failure() -> None:
    world = World(OPENED.moved_to("declined", NOW).retried("pm_card_visa", "again", "body", NOW))
    world.gateway.failure = InvalidGatewayRequestError("parameter_unknown")
    with pytest.raises(PermanentFailure, match="the gateway rejects the request: parameter_unk"):
        world.hear_of_the_retry()
    assert world.payment.status == "pending"


@pytest.mark.parametrize(
    "failure", [GatewayUnavailableError("timed out"), InvalidGatewayRequestError("rejected")]
)
def test_success_is_recorded_without_the_card_if_the_gateway_does_not_tell_it(
    failure: Exception, lines: Lines
) -> None:
    world = World(OPENED)
    world.gateway.failure = failure
    world.charging.record_success(world.payment)
    assert (world.payment.status, world.payment.card_last4) == ("succeeded", None)
    (line,) = warnings(lines, "card of a payment not read")
    assert line["reason"] == str(failure)


def test_card_is_read_only_once_and_only_if_it_is_unknown() -> None:
    waiting = Intent(id="pi_1", status="action_required", card_last4="3220")
    for payment, card, calls in (
        (OPENED, "4242", ["retrieve"]),
        (domain.apply_intent(OPENED, waiting, NOW), "3220", []),
        (paid(), None, []),
    ):
        world = World(payment)
        for _ in range(2):
            world.charging.record_success(world.payment)
        assert (world.payment.status, world.payment.card_last4) == ("succeeded", card)
        assert world.gateway.calls == calls
