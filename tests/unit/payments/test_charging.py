"""Charges and refunds under redeliveries, crashes and reordered events."""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.payments import domain
from chalicelib.payments.charging import SEARCH_AGE, Charging
from chalicelib.payments.domain import Intent, Payment
from chalicelib.payments.gateway import (
    GatewayRefusedError,
    GatewayUnavailableError,
    InvalidGatewayRequestError,
)
from chalicelib.payments.retrying import Retrying
from chalicelib.payments.reversals import Dispute, Refund
from chassis.consumer import PermanentFailure
from chassis.problems import Conflict, Unprocessable
from contracts.events import (
    ORDER_CANCELLED,
    ORDER_PLACED,
    PAYMENT_RETRIED,
    CloudEvent,
    EventType,
)
from contracts.money import Money
from contracts.orders import Address, Contact, Order, OrderLine
from contracts.payments import MAX_RETRY_AGE, PaymentRetried, PaymentRetry, Transaction
from support.log_lines import Lines, Metrics
from support.races import after_call

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class CrashError(BaseException):
    """Stands for the death of the process."""


@dataclass
class Steps:
    """Counts calls to the store and the gateway, and crashes before or after one of them."""

    crash_at: int | None = None
    after: bool = False
    count: int = 0

    def run(self, action: Any) -> Any:
        self.count += 1
        crashes = self.count == self.crash_at
        if crashes and not self.after:
            raise CrashError
        result = action()
        if crashes:
            raise CrashError
        return result


@dataclass
class MemoryStore:
    steps: Steps
    payments: dict[str, Payment] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)

    def get(self, payment_id: str) -> Payment | None:
        return self.steps.run(lambda: self.payments.get(payment_id))

    def add(self, payment: Payment) -> bool:
        return self.steps.run(lambda: self._write(payment, payment.id not in self.payments))

    def replace(self, payment: Payment) -> bool:
        current = self.payments[payment.id].version
        return self.steps.run(lambda: self._write(payment, current == payment.version - 1))

    def _write(self, payment: Payment, allowed: bool) -> bool:
        if allowed:
            self.payments[payment.id] = payment
            if self.history[-1:] != [payment.status]:
                self.history.append(payment.status)
        return allowed


@dataclass
class MemoryGateway:
    """A gateway that forgets idempotency keys at once, which is the worst case."""

    steps: Steps
    outcome: str = "succeeded"
    intents: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    refunded: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def create(self, order: Order) -> Intent:
        return self.steps.run(self._create)

    def _create(self) -> Intent:
        intent_id = f"pi_{next(self.numbers)}"
        self.intents[intent_id] = "unconfirmed"
        return self._intent(intent_id)

    def confirm(self, intent_id: str, order_id: str, payment_method: str, attempt: int) -> Intent:
        return self.steps.run(lambda: self._confirm(intent_id, attempt))

    def _confirm(self, intent_id: str, attempt: int) -> Intent:
        begins = attempt > self.attempts.get(intent_id, 1)
        if begins and self.intents[intent_id] in ("declined", "action_required", "unconfirmed"):
            self.attempts[intent_id] = attempt
            self.intents[intent_id] = "unconfirmed"
        if self.intents[intent_id] == "unconfirmed":
            self.intents[intent_id] = self.outcome
        return self._intent(intent_id)

    def find(self, order_id: str) -> Intent | None:
        # each test has one order; a charged intent is the most advanced
        found = sorted(self.intents, key=lambda name: self.intents[name] == "succeeded")
        return self.steps.run(lambda: self._intent(found[-1]) if found else None)

    def retrieve(self, intent_id: str) -> Intent:
        return self.steps.run(lambda: self._intent(intent_id))

    def cancel(self, intent_id: str) -> Intent:
        return self.steps.run(lambda: self._cancel(intent_id))

    def _cancel(self, intent_id: str) -> Intent:
        if self.intents[intent_id] in ("unconfirmed", "action_required", "declined"):
            self.intents[intent_id] = "cancelled"
        return self._intent(intent_id)

    def refund(self, intent_id: str, order_id: str, generation: str = "") -> Refund | None:
        return self.steps.run(lambda: self._refund(intent_id))

    def _refund(self, intent_id: str) -> Refund | None:
        assert self.intents[intent_id] == "succeeded"
        if intent_id in self.refunded:
            return None
        self.refunded.append(intent_id)
        return _refund(intent_id)

    def refunds(self, intent_id: str) -> list[Refund]:
        return self.steps.run(
            lambda: [_refund(each) for each in self.refunded if each == intent_id]
        )

    def disputes(self, intent_id: str) -> list[Dispute]:
        return self.steps.run(lambda: [])

    def _intent(self, intent_id: str) -> Intent:
        status: Any = self.intents[intent_id]
        return Intent(
            id=intent_id,
            status=status,
            decline_code="insufficient_funds" if status == "declined" else None,
            client_secret="secret" if status == "action_required" else None,
            attempt=self.attempts.get(intent_id, 1),
        )

    @property
    def charged(self) -> list[str]:
        return [key for key, status in self.intents.items() if status == "succeeded"]


def _refund(intent_id: str) -> Refund:
    return Refund(id=f"re_{intent_id}", amount=1000, status="succeeded", by_shop=True)


class World:
    def __init__(self, outcome: str = "succeeded", steps: Steps | None = None) -> None:
        self.steps = steps or Steps()
        self.cancelled: set[str] = set()
        self.store = MemoryStore(self.steps)
        self.gateway = MemoryGateway(self.steps, outcome)
        self.charging = Charging(self.store, self.gateway, lambda: NOW)  # type: ignore[arg-type]
        self.retrying = Retrying(self.store, lambda: NOW)  # type: ignore[arg-type]

    def deliver(self, kind: EventType, order: Order) -> None:
        event = CloudEvent(
            id=f"{order.id}.1.{kind.name}",
            source=kind.source,
            type=kind.name,
            subject=order.id,
            time=NOW,
            data=order,
        )
        if kind is ORDER_PLACED:
            self.charging.on_order_placed(event)
        else:
            self.charging.on_order_cancelled(event)

    def retry(
        self,
        order: Order,
        key: str = "again",
        method: str = "pm_card_mastercard",
        status: Any = "placed",
    ) -> Transaction:
        request = PaymentRetry(
            order_id=order.id,
            order_status=status,
            payment_method=method,
            idempotency_key=key,
            fingerprint=method,
        )
        return self.retrying.retry(request)

    def charge_again(self, order: Order) -> None:
        kind = PAYMENT_RETRIED
        data = PaymentRetried(
            transaction_id=self.payment.id,
            order_id=order.id,
            customer_id=order.customer_id,
            attempt=self.payment.attempt,
            requested_at=NOW,
        )
        self.charging.on_payment_retried(
            CloudEvent(
                id=f"{order.id}.1.{kind.name}",
                source=kind.source,
                type=kind.name,
                subject=order.id,
                time=NOW,
                data=data,
            )
        )

    @property
    def payment(self) -> Payment:
        (payment,) = self.store.payments.values()
        return payment


@pytest.fixture
def order() -> Order:
    price = Money(amount=1000, currency="AUD")
    return Order(
        id="ord_1",
        customer_id="cus_1",
        status="placed",
        lines=[
            OrderLine(toy_id="toy_1", name="Kite", quantity=1, unit_price=price, line_total=price)
        ],
        total=price,
        shipping_address=Address(name="A", line1="1", city="S", postal_code="2", country="AU"),
        contact=Contact(email="a@example.com", name="A"),
        payment_method="pm_card_visa",
        version=1,
        placed_at=NOW,
        updated_at=NOW,
    )


@pytest.mark.parametrize("outcome", ["succeeded", "declined", "action_required"])
def test_order_is_charged_once_despite_redeliveries(order: Order, outcome: str) -> None:
    world = World(outcome)
    for _ in range(3):
        world.deliver(ORDER_PLACED, order)
    assert world.store.history == ["pending", outcome]
    assert world.payment.id == domain.transaction_id("ord_1")
    assert len(world.gateway.intents) == 1


@pytest.mark.parametrize("outcome", ["succeeded", "declined", "action_required"])
@pytest.mark.parametrize(("kind", "ended"), [(ORDER_PLACED, None), (ORDER_CANCELLED, "refunded")])
def test_lost_transaction_is_recovered_from_the_gateway(
    order: Order, outcome: str, kind: EventType, ended: str | None
) -> None:
    # GIVEN an order placed two hours ago whose transaction is lost
    order = replace(order, placed_at=NOW - timedelta(hours=2))
    world = World(outcome)
    world.deliver(ORDER_PLACED, order)
    before = world.payment
    world.store.payments.clear()
    # WHEN its event is re-emitted
    for _ in range(2):
        world.deliver(kind, order)
    # THEN the existing intent is used, and no second one is created
    assert world.payment.intent_id == before.intent_id
    assert len(world.gateway.intents) == 1
    assert world.gateway.refunded == (world.gateway.charged if ended else [])
    if not ended:
        assert world.payment.status == outcome
    elif outcome == "succeeded":
        assert world.payment.status == "refunded"
    else:
        assert world.payment.status == "cancelled"


@pytest.mark.parametrize("before", ["action_required", "declined"])
def test_redelivery_records_the_outcome_of_a_lost_webhook(order: Order, before: str) -> None:
    # GIVEN a payment that succeeded later, and whose webhook was lost
    world = World(before)
    world.deliver(ORDER_PLACED, order)
    world.gateway.intents[str(world.payment.intent_id)] = "succeeded"
    # WHEN the order's event is re-emitted
    for _ in range(2):
        world.deliver(ORDER_PLACED, order)
    assert world.store.history == ["pending", before, "succeeded"]
    assert [outcome.status for outcome in world.payment.outcomes] == [before, "succeeded"]


def test_decline_code_and_client_secret_are_recorded(order: Order) -> None:
    declined, waiting = World("declined"), World("action_required")
    declined.deliver(ORDER_PLACED, order)
    waiting.deliver(ORDER_PLACED, order)
    assert declined.payment.decline_code == "insufficient_funds"
    assert waiting.payment.client_secret == "secret"


def test_cancel_after_charge_refunds_once(order: Order) -> None:
    world = World()
    world.deliver(ORDER_PLACED, order)
    for _ in range(3):
        world.deliver(ORDER_CANCELLED, order)
    assert world.store.history == ["pending", "succeeded", "refunded"]
    assert world.gateway.refunded == world.gateway.charged


def test_cancel_before_charge_prevents_the_charge(order: Order) -> None:
    world = World()
    world.deliver(ORDER_CANCELLED, order)
    world.deliver(ORDER_PLACED, order)
    world.deliver(ORDER_CANCELLED, order)
    assert world.store.history == ["cancelled"]
    assert world.gateway.intents == {}


def test_cancel_while_action_required_cancels_the_intent(order: Order) -> None:
    world = World("action_required")
    world.deliver(ORDER_PLACED, order)
    world.deliver(ORDER_CANCELLED, order)
    assert world.store.history == ["pending", "action_required", "cancelled"]
    assert world.gateway.charged == []
    assert world.payment.client_secret is None


def test_cancel_after_decline_keeps_the_decline(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    world.deliver(ORDER_CANCELLED, order)
    assert world.store.history == ["pending", "declined"]
    # and the shopper can no longer pay
    assert set(world.gateway.intents.values()) == {"cancelled"}


def test_cancel_refunds_a_payment_that_succeeded_after_a_decline(
    order: Order,
) -> None:
    # GIVEN a decline, after which the shopper has confirmed the intent with another card
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    world.gateway.intents = dict.fromkeys(world.gateway.intents, "succeeded")
    # WHEN the order is cancelled before the webhook arrives
    world.deliver(ORDER_CANCELLED, order)
    # THEN the charge is refunded
    assert world.store.history == ["pending", "declined", "succeeded", "refunded"]
    assert world.gateway.refunded == world.gateway.charged


def test_order_refused_by_the_gateway_is_declined(order: Order) -> None:
    world = World()

    def refuse(_: Order) -> Intent:
        raise GatewayRefusedError("amount_too_small")

    world.gateway.create = refuse  # type: ignore[method-assign]
    world.deliver(ORDER_PLACED, order)
    world.deliver(ORDER_PLACED, order)
    assert world.store.history == ["declined"]
    assert world.payment.decline_code == "amount_too_small"
    # the id of the event contains the version of its outcome
    (outcome,) = world.payment.outcomes
    assert (outcome.version, outcome.status) == (1, "declined")
    assert world.payment.version == 1
    # there is no intent that could still be paid
    assert not world.payment.may_still_succeed


def test_invalid_gateway_request_leaves_the_order_undecided(order: Order) -> None:
    world = World()

    def reject(_: Order) -> Intent:
        raise InvalidGatewayRequestError("parameter_unknown")

    world.gateway.create = reject  # type: ignore[method-assign]
    with pytest.raises(PermanentFailure, match="parameter_unknown"):
        world.deliver(ORDER_PLACED, order)
    assert world.store.payments == {}


def test_cancellation_is_retried_while_the_intent_is_open(order: Order) -> None:
    world = World("action_required")
    world.deliver(ORDER_PLACED, order)
    world.gateway._cancel = world.gateway._intent  # type: ignore[method-assign]
    with pytest.raises(GatewayUnavailableError):
        world.deliver(ORDER_CANCELLED, order)


@pytest.mark.parametrize("outcome", ["declined", "action_required"])
def test_another_payment_method_is_charged_once_on_the_same_intent(
    order: Order, outcome: str
) -> None:
    world = World(outcome)
    world.deliver(ORDER_PLACED, order)
    world.gateway.outcome = "succeeded"
    # WHEN the request is repeated, and its event too
    for _ in range(3):
        assert world.retry(order).status in ("pending", "succeeded")
        world.charge_again(order)
    assert world.store.history == ["pending", outcome, "pending", "succeeded"]
    assert world.gateway.charged == list(world.gateway.intents) == ["pi_1"]
    assert world.payment.payment_method == "pm_card_mastercard"
    assert [result.attempt for result in world.payment.outcomes] == [1, 2]
    # and the order's own event, redelivered, changes nothing
    world.deliver(ORDER_PLACED, order)
    assert world.payment.status == "succeeded"


def test_redelivered_order_continues_the_current_attempt(order: Order) -> None:
    # GIVEN an event of a retry that was lost
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    world.retry(order)
    world.gateway.outcome = "succeeded"
    world.deliver(ORDER_PLACED, order)
    assert world.store.history == ["pending", "declined", "pending", "succeeded"]


def test_late_decline_of_the_first_card_is_not_the_result_of_the_second(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    late = Intent(id="pi_1", status="declined", decline_code="lost_card")
    world.retry(order)
    assert world.charging.record(world.payment, late).status == "pending"
    world.gateway.outcome = "action_required"
    world.charge_again(order)
    assert world.charging.record(world.payment, late).status == "action_required"
    # but the result of the second is recorded, and so is a success, whichever card it was
    second = replace(late, attempt=2)
    assert world.charging.record(world.payment, second).status == "declined"
    world.retry(order, "third")
    paid = Intent(id="pi_1", status="succeeded", attempt=2)
    assert world.charging.record(world.payment, paid).status == "succeeded"


def test_retry_is_delivered_again_while_only_the_first_card_has_a_result(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    world.retry(order)
    first = Intent(id="pi_1", status="declined")
    world.gateway.confirm = lambda *_: first  # type: ignore[method-assign]
    with pytest.raises(GatewayUnavailableError, match="no result yet"):
        world.charge_again(order)
    assert world.payment.status == "pending"


def test_second_decline_is_an_outcome_with_an_email_of_its_own(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    world.retry(order)
    world.charge_again(order)
    emails = domain.emails_of(world.payment)
    assert [template for _, template in emails] == ["payment_declined"] * 2
    assert len({message_id for message_id, _ in emails}) == 2
    assert emails[0][0] == domain.message_id(order.id, "payment_declined")


@pytest.mark.parametrize("when", ["before", "after"])
def test_order_cancelled_while_it_is_paid_again_is_not_charged(order: Order, when: str) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    world.gateway.outcome = "succeeded"
    if when == "before":  # the storefront has read the order before it was cancelled
        world.deliver(ORDER_CANCELLED, order)
        world.retry(order)
    else:
        world.retry(order)
        world.deliver(ORDER_CANCELLED, order)
    world.charge_again(order)
    assert world.payment.status == "cancelled"
    assert world.gateway.charged == []


def test_card_charged_again_while_the_order_is_cancelled_is_refunded(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    world.retry(order)
    world.gateway.outcome = "succeeded"
    after_call(world.gateway, "confirm", cancelling(world, order))
    world.charge_again(order)
    assert world.payment.status == "refunded"
    assert world.gateway.refunded == world.gateway.charged == ["pi_1"]


def test_key_begins_one_attempt_and_belongs_to_its_payment_method(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    world.retry(order)
    with pytest.raises(Unprocessable, match="was used for another request"):
        world.retry(order, method="pm_card_visa")
    world.charge_again(order)
    # a repeated request is answered even if the order was cancelled meanwhile
    assert world.retry(order, status="cancelled").status == "declined"
    assert world.payment.attempt == 2


@pytest.mark.parametrize("outcome", ["succeeded", "refunded", "cancelled"])
def test_paid_or_ended_payment_is_not_paid_again(order: Order, outcome: str) -> None:
    world = World()
    if outcome == "cancelled":
        world.deliver(ORDER_CANCELLED, order)
    else:
        world.deliver(ORDER_PLACED, order)
    if outcome == "refunded":
        world.deliver(ORDER_CANCELLED, order)
    before = world.payment
    with pytest.raises(Conflict):
        world.retry(order)
    assert world.payment is before


def test_order_without_a_transaction_or_result_or_intent_is_not_paid_again(order: Order) -> None:
    world = World()
    with pytest.raises(Conflict, match="still being processed"):
        world.retry(order)
    world.store.add(domain.opened(order, "pi_1", NOW))
    with pytest.raises(Conflict, match="still being processed"):
        world.retry(order)
    refused = World()
    refused.store.add(domain.refused(order, "amount_too_small", NOW))
    with pytest.raises(Conflict, match="place a new one"):
        refused.retry(order)


def test_cancelled_order_is_not_paid_again(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    with pytest.raises(Conflict, match="cancelled"):
        world.retry(order, status="cancelled")
    assert world.payment.status == "declined"


def test_attempts_of_an_order_are_limited(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    for number in range(1, domain.MAX_ATTEMPTS):
        world.retry(order, f"key {number}")
        world.charge_again(order)
    assert world.payment.attempt == domain.MAX_ATTEMPTS
    with pytest.raises(Conflict, match="Too many"):
        world.retry(order, "one more")


def test_old_payment_is_not_paid_again(order: Order) -> None:
    # the function that cancels orders which wait for a bank does not read older ones
    for age, accepted in ((MAX_RETRY_AGE, True), (MAX_RETRY_AGE + timedelta(seconds=1), False)):
        world = World("declined")
        world.deliver(ORDER_PLACED, order)
        world.store.payments = {
            key: replace(payment, created_at=NOW - age)
            for key, payment in world.store.payments.items()
        }
        if accepted:
            assert world.retry(order).status == "pending"
        else:
            with pytest.raises(Conflict, match="place a new one"):
                world.retry(order)


def test_retry_is_not_begun_twice_by_two_requests_at_the_same_time(order: Order) -> None:
    world = World("declined")
    world.deliver(ORDER_PLACED, order)
    after_call(world.store, "get", lambda: world.retry(order))
    world.retry(order)
    assert world.payment.attempt == 2
    # and of two different requests, one is refused
    world.charge_again(order)
    after_call(world.store, "get", lambda: world.retry(order, "a"))
    with pytest.raises(Conflict, match="still being processed"):
        world.retry(order, "b")
    assert [retry.key for retry in world.payment.retries] == ["again", "a"]


def cancelling(world: World, order: Order) -> Callable[[], None]:
    return lambda: world.deliver(ORDER_CANCELLED, order)


def placing(world: World, order: Order) -> Callable[[], None]:
    return lambda: world.deliver(ORDER_PLACED, order)


def receiving(world: World, status: Any) -> Callable[[], Payment]:
    """Return a writer that records what a webhook about the only intent reports."""

    def receive() -> Payment:
        intent = Intent(id=str(world.payment.intent_id), status=status)
        return world.charging.record(world.payment, intent)

    return receive


def archiving(world: World) -> Callable[[], bool]:
    """Return a writer that records the receipt, as fulfillment does."""
    return lambda: world.store.replace(world.payment.with_receipt("fil_1", NOW))


def test_order_cancelled_while_its_intent_is_created_is_not_charged(order: Order) -> None:
    world = World()
    after_call(world.gateway, "create", cancelling(world, order))
    world.deliver(ORDER_PLACED, order)
    # THEN the record of the cancellation stays
    assert world.store.history == ["cancelled"]
    assert world.gateway.charged == []


@pytest.mark.parametrize("call", ["confirm", "cancel"])
def test_order_cancelled_while_its_intent_is_confirmed_is_refunded(order: Order, call: str) -> None:
    # WHEN the gateway has charged, and that is not recorded yet
    world = World()
    if call == "confirm":
        after_call(world.gateway, "confirm", cancelling(world, order))
        world.deliver(ORDER_PLACED, order)
    else:
        world.store.add(domain.opened(order, world.gateway.create(order).id, NOW))
        world.gateway.confirm("pi_1", order.id, order.payment_method, 1)
        # or a webhook records it first
        after_call(world.gateway, "cancel", receiving(world, "succeeded"))
        world.deliver(ORDER_CANCELLED, order)
    assert world.store.history == ["pending", "succeeded", "refunded"]
    assert world.gateway.refunded == world.gateway.charged == ["pi_1"]


def test_order_charged_after_its_cancellation_found_no_payment_is_refunded(order: Order) -> None:
    world = World()
    after_call(world.store, "get", placing(world, order))
    world.deliver(ORDER_CANCELLED, order)
    assert world.store.history == ["pending", "succeeded", "refunded"]
    assert world.gateway.refunded == world.gateway.charged == ["pi_1"]


def test_order_is_charged_once_by_two_deliveries_at_the_same_time(order: Order) -> None:
    for call in ("get", "add"):
        world = World()
        after_call(world.store, call, placing(world, order))
        world.deliver(ORDER_PLACED, order)
        assert world.store.history == ["pending", "succeeded"]
        assert len(world.gateway.charged) == 1


def test_receipt_recorded_while_the_refund_is_made_does_not_prevent_its_record(
    order: Order,
) -> None:
    world = World()
    world.deliver(ORDER_PLACED, order)
    after_call(world.gateway, "refund", archiving(world))
    world.deliver(ORDER_CANCELLED, order)
    assert world.payment.status == "refunded"
    assert (world.payment.receipt_file_id, world.payment.version) == ("fil_1", 4)


def test_refund_recorded_by_another_cancellation_is_recorded_once(order: Order) -> None:
    world = World()
    world.deliver(ORDER_PLACED, order)
    after_call(world.gateway, "refund", cancelling(world, order))
    world.deliver(ORDER_CANCELLED, order)
    assert world.store.history == ["pending", "succeeded", "refunded"]
    assert world.gateway.refunded == world.gateway.charged


def test_outcome_is_recorded_at_the_second_try_if_another_writer_was_first(order: Order) -> None:
    # WHEN a decline is recorded while the gateway charges after all
    world = World()
    after_call(world.gateway, "confirm", receiving(world, "declined"))
    world.deliver(ORDER_PLACED, order)
    assert world.store.history == ["pending", "declined", "succeeded"]


def test_outcome_that_another_writer_made_impossible_is_not_recorded(order: Order) -> None:
    # WHEN the shopper has paid before the charge records that an action is required
    world = World("action_required")
    after_call(world.gateway, "confirm", receiving(world, "succeeded"))
    world.deliver(ORDER_PLACED, order)
    assert world.store.history == ["pending", "succeeded"]
    assert world.payment.client_secret is None


def test_refused_refund_is_a_permanent_failure_and_stays_unrecorded(order: Order) -> None:
    world = World()
    world.deliver(ORDER_PLACED, order)

    def refuse(*_: Any) -> None:
        raise GatewayRefusedError("insufficient_balance")

    world.gateway.refund = refuse  # type: ignore[method-assign]
    with pytest.raises(PermanentFailure, match="refund of ord_1 was refused: insufficient_balance"):
        world.deliver(ORDER_CANCELLED, order)
    assert world.payment.status == "succeeded"


def test_each_new_status_is_logged_and_counted_once(
    order: Order, lines: Lines, metrics: Metrics
) -> None:
    stories: dict[str, tuple[World, tuple[EventType, ...]]] = {
        "succeeded refunded": (World(), (ORDER_PLACED, ORDER_PLACED, ORDER_CANCELLED)),
        "declined": (World("declined"), (ORDER_PLACED, ORDER_PLACED)),
        "action_required cancelled": (World("action_required"), (ORDER_PLACED, ORDER_CANCELLED)),
        "cancelled": (World(), (ORDER_CANCELLED, ORDER_PLACED)),
    }
    for expected, (world, story) in stories.items():
        before, counted = len(lines()), len(metrics())
        for kind in story:
            world.deliver(kind, order)
        logged = lines()[before:]
        changes = [line for line in logged if line.get("message") == "payment status changed"]
        payments = [one for one in metrics()[counted:] if one.name == "toyshop.payments"]
        assert [line["status"] for line in changes] == expected.split()
        assert {line["order_id"] for line in changes} == {"ord_1"}
        assert [(one.dimensions["outcome"], one.value) for one in payments] == [
            (status, 1) for status in expected.split()
        ]


def test_outcome_of_a_lost_race_is_not_counted(order: Order, metrics: Metrics) -> None:
    world = World()
    after_call(world.store, "get", cancelling(world, order))
    world.deliver(ORDER_PLACED, order)
    assert [(one.name, one.dimensions.get("outcome")) for one in metrics()] == [
        ("toyshop.payments", "cancelled"),
        ("toyshop.orders.settled", None),
    ]


def test_order_is_settled_once_whatever_follows(order: Order, metrics: Metrics) -> None:
    world = World()
    for kind in (ORDER_PLACED, ORDER_PLACED, ORDER_CANCELLED, ORDER_CANCELLED):
        world.deliver(kind, order)
    counted = [one.name for one in metrics() if one.name == "toyshop.orders.settled"]
    assert len(counted) == 1


def test_money_and_time_to_pay_are_recorded_once(order: Order, metrics: Metrics) -> None:
    # GIVEN a charge whose event is delivered twice, and its refund
    world = World()
    for kind in (ORDER_PLACED, ORDER_PLACED, ORDER_CANCELLED, ORDER_CANCELLED):
        world.deliver(kind, order)
    money = [
        (one.dimensions["outcome"], one.dimensions["currency"], one.value)
        for one in metrics()
        if one.name == "toyshop.payments.value"
    ]
    assert money == [
        ("succeeded", order.total.currency, order.total.amount),
        ("refunded", order.total.currency, order.total.amount),
    ]
    (waited,) = [one for one in metrics() if one.name == "toyshop.order.time_to_paid"]
    assert (waited.unit, waited.value) == (
        "Seconds",
        (world.payment.outcomes[0].occurred_at - order.placed_at).total_seconds(),
    )


def test_time_to_pay_does_not_include_what_the_customer_took(
    order: Order, metrics: Metrics
) -> None:
    world = World("action_required")
    world.deliver(ORDER_PLACED, order)
    world.charging.record_success(world.payment)
    assert world.payment.status == "succeeded"
    assert "toyshop.order.time_to_paid" not in {one.name for one in metrics()}


def test_order_is_searched_at_the_gateway_from_an_age_on(order: Order) -> None:
    for age, found in ((SEARCH_AGE, True), (SEARCH_AGE - timedelta(microseconds=1), False)):
        world = World()
        world.gateway.create(order)
        world.deliver(ORDER_PLACED, replace(order, placed_at=NOW - age))
        # the first intent is the one that was lost
        assert (world.payment.intent_id == "pi_1") == found


def test_intent_found_at_the_gateway_is_logged(order: Order, lines: Lines) -> None:
    order = replace(order, placed_at=NOW - timedelta(hours=2))
    world = World()
    world.gateway.create(order)
    world.deliver(ORDER_PLACED, order)
    (line,) = [line for line in lines() if line.get("message") == "existing intent found"]
    assert (line["level"], line["order_id"], line["intent_id"]) == ("WARNING", order.id, "pi_1")


def crash_points(outcome: str, story: tuple[EventType, ...], order: Order) -> list[Steps]:
    """Return every point of a story at which the process can crash."""
    world = World(outcome)
    for kind in story:
        world.deliver(kind, order)
    return [
        Steps(crash_at=number, after=after)
        for number in range(1, world.steps.count + 1)
        for after in (False, True)
    ]


@pytest.mark.parametrize("outcome", ["succeeded", "declined", "action_required"])
@pytest.mark.parametrize(
    "story",
    [(ORDER_PLACED,), (ORDER_PLACED, ORDER_CANCELLED), (ORDER_CANCELLED, ORDER_PLACED)],
    ids=["placed", "placed, cancelled", "cancelled, placed"],
)
def test_crash_at_any_step_does_not_change_the_result(
    order: Order, outcome: str, story: tuple[EventType, ...]
) -> None:
    # GIVEN the result of the story without a crash
    expected = World(outcome)
    for kind in story:
        expected.deliver(kind, order)
    points = crash_points(outcome, story, order)
    assert len(points) > 3
    for steps in points:
        # WHEN the process crashes at one point, and the unacknowledged event is redelivered
        world = World(outcome, steps)
        for kind in story:
            try:
                world.deliver(kind, order)
            except CrashError:
                world.deliver(kind, order)
        # THEN the result is the same, and at most one intent has charged anything
        assert world.payment.status == expected.payment.status, steps
        assert world.store.history == expected.store.history, steps
        assert len(world.gateway.charged) == len(expected.gateway.charged), steps
        assert len(world.gateway.refunded) == len(expected.gateway.refunded), steps


def test_new_status_has_a_version_and_time_of_its_own(order: Order) -> None:
    later = NOW + timedelta(minutes=1)
    paid = domain.opened(order, "pi_1", NOW).moved_to("succeeded", later)
    assert (paid.version, paid.created_at, paid.updated_at) == (2, NOW, later)
    (outcome,) = [each for each in paid.outcomes if each.status == "succeeded"]
    assert (outcome.version, outcome.occurred_at) == (2, later)
    archived = paid.with_receipt("fil_1", later + timedelta(minutes=1))
    assert (archived.receipt_file_id, archived.version) == ("fil_1", 3)
    assert archived.updated_at == later + timedelta(minutes=1)


def templates(payment: Payment) -> list[str]:
    return [template for _, template in domain.emails_of(payment)]


def test_each_outcome_with_an_email_has_its_template(order: Order) -> None:
    pending = domain.opened(order, "pi_1", NOW)
    assert domain.emails_of(pending) == []
    assert templates(pending.moved_to("cancelled", NOW)) == ["payment_refunded"]
    refunded = pending.moved_to("succeeded", NOW).moved_to("refunded", NOW)
    assert templates(refunded) == ["payment_succeeded", "payment_refunded"]


def test_final_status_cannot_change(order: Order) -> None:
    payment = domain.opened(order, "pi_1", NOW)
    cancelled = payment.moved_to("cancelled", NOW)
    for status in domain.ALLOWED:
        with pytest.raises(domain.ForbiddenTransitionError):
            cancelled.moved_to(status, NOW)
    refunded = payment.moved_to("succeeded", NOW).moved_to("refunded", NOW)
    for status in set(domain.ALLOWED) - {"succeeded"}:  # the refund may fail later
        with pytest.raises(domain.ForbiddenTransitionError):
            refunded.moved_to(status, NOW)


def test_late_gateway_status_does_not_change_a_final_status(order: Order) -> None:
    paid = domain.opened(order, "pi_1", NOW).moved_to("succeeded", NOW)
    for payment in (paid, paid.moved_to("refunded", NOW)):
        for status in ("declined", "action_required", "cancelled", "unconfirmed", "succeeded"):
            intent = Intent(id="pi_1", status=status)  # type: ignore[arg-type]
            assert domain.apply_intent(payment, intent, NOW) is payment


def test_transaction_keeps_the_card_that_was_charged(order: Order) -> None:
    opened = domain.opened(order, "pi_1", NOW)
    assert (opened.placed_at, opened.shipping_address) == (order.placed_at, order.shipping_address)
    waiting = domain.apply_intent(
        opened, Intent(id="pi_1", status="action_required", card_last4="3220"), NOW
    )
    # a webhook does not report the card
    paid = domain.apply_intent(waiting, Intent(id="pi_1", status="succeeded"), NOW)
    assert paid.card_last4 == "3220"
    assert paid.moved_to("refunded", NOW).card_last4 == "3220"
    # after a decline, the shopper may have taken another one
    declined = domain.apply_intent(waiting, Intent(id="pi_1", status="declined"), NOW)
    assert (
        domain.apply_intent(declined, Intent(id="pi_1", status="succeeded"), NOW).card_last4 is None
    )
    other = Intent(id="pi_1", status="succeeded", card_last4="4242")
    assert domain.apply_intent(waiting, other, NOW).card_last4 == "4242"


EVENTS = ("placed", "cancelled", "bank confirms", "bank declines", "webhook")
SEQUENCES = (
    *itertools.product(EVENTS, repeat=5),
    *itertools.product((*EVENTS, "pays again"), repeat=4),
)


def happen(world: World, event: str, order: Order) -> None:
    """Apply one event, if it is possible in the gateway's current state."""
    intents = world.gateway.intents
    payment = world.store.payments.get(domain.transaction_id(order.id))
    if event in ("placed", "cancelled"):
        world.deliver(ORDER_PLACED if event == "placed" else ORDER_CANCELLED, order)
        world.cancelled |= {order.id} if event == "cancelled" else set()
    elif event == "webhook":
        if payment is not None and payment.intent_id is not None:
            world.charging.record(payment, world.gateway._intent(payment.intent_id))
    elif event == "pays again":
        if payment is not None and payment.status in ("declined", "action_required"):
            world.gateway.outcome = "succeeded"
            status = "cancelled" if payment.order_id in world.cancelled else "placed"
            with contextlib.suppress(Conflict):
                world.retry(order, f"key {payment.attempt}", status=status)
                world.charge_again(order)
    else:
        yes = event == "bank confirms"
        for intent_id, status in intents.items():
            if status == "action_required" or (yes and status == "declined"):
                intents[intent_id] = "succeeded" if yes else "declined"


@pytest.mark.parametrize("outcome", ["succeeded", "declined", "action_required"])
def test_every_sequence_of_events_ends_in_a_consistent_state(order: Order, outcome: str) -> None:
    for events in SEQUENCES:
        # WHEN four or five events happen, in any order and with repetitions
        world = World(outcome)
        for event in events:
            happen(world, event, order)
        # THEN another delivery changes nothing, and the ledger agrees with the transaction
        for event in ("placed", "webhook", *(["cancelled"] if "cancelled" in events else [])):
            happen(world, event, order)
        status, charged = world.payment.status, len(world.gateway.charged)
        assert charged <= 1, events
        if "cancelled" in events:
            assert status in ("cancelled", "declined", "refunded"), events
            assert charged == len(world.gateway.refunded), events
        else:
            assert status in ("succeeded", "declined", "action_required"), events
            assert charged == (status == "succeeded"), events
            assert world.gateway.refunded == [], events
