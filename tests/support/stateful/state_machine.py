"""The shop as a Hypothesis state machine: any event, in any order."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.stateful import seeded_runs
from support.world import invariants
from support.world.calls import RANDOM_FAULTS, Fault
from support.world.schedule import Schedule, call_names
from support.world.world import World
from support.world.writers import CARDS, PAYMENT_METHODS, authentication_failed

MAX_ORDERS = 3
"""Orders per run; two are enough to show what goes wrong between orders."""

REQUESTS = ("place", "cancel", "change city", "pay again")
"""The requests of clients in the middle of which others may act."""

_index = st.integers(0, 7)
_call = st.sampled_from(call_names())
_fault = st.sampled_from(RANDOM_FAULTS)
_seed = st.integers(0, 2**32)


class ShopStateMachine(RuleBasedStateMachine):
    """Clients, the shopper's bank, the deliveries of AWS, and faults.

    The invariants that apply at any moment are checked after each step. At the end of a run the
    faults stop, everything is delivered, dead letters are replayed, and all invariants are checked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seed = 0
        self.world = World()
        self.world.__enter__()

    def teardown(self) -> None:
        """End the run: deliver everything and check all invariants."""
        try:
            seeded_runs.finish(self.world, self.seed)
        finally:
            self.world.__exit__(None, None, None)

    @property
    def orders(self) -> list[str]:
        """The ids of all stored orders, oldest first."""
        return list(self.world.orders())

    def _order_at(self, index: int) -> str:
        return self.orders[index % len(self.orders)]

    # Clients

    @initialize(seed=_seed, method=st.sampled_from(PAYMENT_METHODS))
    def place_first_order(self, seed: int, method: str) -> None:
        """Place the first order; the seed is for the schedule at the end of the run."""
        self.seed = seed
        self.world.place_order(0, method)

    @rule(number=st.integers(0, MAX_ORDERS - 1), method=st.sampled_from(PAYMENT_METHODS))
    def place(self, number: int, method: str) -> None:
        """Place an order, repeat the same request, or use its key for another body."""
        self.world.place_order(number, method)

    @precondition(lambda self: self.orders)
    @rule(index=_index)
    def cancel(self, index: int) -> None:
        """Cancel an order."""
        self.world.cancel_order(self._order_at(index))

    @precondition(lambda self: self.orders)
    @rule(index=_index)
    def change_city(self, index: int) -> None:
        """Change an order's shipping address."""
        self.world.change_city(self._order_at(index), f"City {index}")

    @precondition(lambda self: self.orders)
    @rule(
        index=_index,
        key=st.integers(0, 3),
        method=st.sampled_from(PAYMENT_METHODS),
        status=st.sampled_from(("", "placed")),
    )
    def pay_again(self, index: int, key: int, method: str, status: str) -> None:
        """Pay an order again, also if it was cancelled meanwhile; or reuse a key."""
        self.world.pay_again(self._order_at(index), key, method, status)

    @precondition(lambda self: self.orders)
    @rule(index=_index, key=st.integers(0, 3), call=st.integers(1, 3), fault=_fault)
    def pay_again_with_fault(self, index: int, key: int, call: int, fault: Fault) -> None:
        """Pay an order again with a fault at one of the service's calls."""
        self.world.calls.plan(call, fault)
        self.world.pay_again(self._order_at(index), key)
        self.world.calls.clear_plans()

    # The shopper and the bank

    def _intents(self) -> list[dict[str, Any]]:
        gateway = self.world.gateway
        return [intent for order in self.orders for intent in gateway.intents_of(order)]

    def _intents_to_authenticate(self) -> list[dict[str, Any]]:
        return [intent for intent in self._intents() if intent["status"] == "requires_action"]

    @precondition(lambda self: self._intents_to_authenticate())
    @rule(index=_index, outcome=st.sampled_from(("succeeded", "failed")))
    def authenticate(self, index: int, outcome: Any) -> None:
        """Complete the authentication by the bank."""
        intents = self._intents_to_authenticate()
        self.world.gateway.authenticate(intents[index % len(intents)]["id"], outcome)

    def _intents_to_pay_again(self) -> list[dict[str, Any]]:
        return [intent for intent in self._intents() if authentication_failed(intent)]

    @precondition(lambda self: self._intents_to_pay_again())
    @rule(index=_index, card=st.sampled_from(CARDS))
    def pay_with_another_card(self, index: int, card: str) -> None:
        """Pay from the browser, which still has the client secret."""
        intents = self._intents_to_pay_again()
        self.world.gateway.pay_from_browser(intents[index % len(intents)]["id"], card)

    # Deliveries

    def _deliver(self, index: int, *, again: bool = False) -> None:
        due = self.world.due()
        if due:
            due[index % len(due)].run(again)
        self.world.calls.clear_plans()

    @precondition(lambda self: self.world.due())
    @rule(index=_index)
    def deliver(self, index: int) -> None:
        """Make any delivery that is due."""
        self._deliver(index)

    @precondition(lambda self: self.world.due())
    @rule(index=_index)
    def deliver_twice(self, index: int) -> None:
        """Make a delivery that will be repeated."""
        self._deliver(index, again=True)

    @precondition(lambda self: self.world.due())
    @rule(index=_index, call=_call, fault=_fault)
    def deliver_with_fault(self, index: int, call: str, fault: Fault) -> None:
        """Make a delivery with a fault at one of its calls, if it makes that call."""
        self.world.calls.plan_at(call, fault)
        self._deliver(index)

    @rule(number=st.integers(0, MAX_ORDERS - 1), call=st.integers(1, 3), fault=_fault)
    def place_with_fault(self, number: int, call: int, fault: Fault) -> None:
        """Place an order with a fault at one of the service's calls."""
        self.world.calls.plan(call, fault)
        self.world.place_order(number)
        self.world.calls.clear_plans()

    @precondition(lambda self: self.orders)
    @rule(index=_index, call=st.integers(1, 3), fault=_fault)
    def cancel_with_fault(self, index: int, call: int, fault: Fault) -> None:
        """Cancel an order with a fault at one of the service's calls."""
        self.world.calls.plan(call, fault)
        self.world.cancel_order(self._order_at(index))
        self.world.calls.clear_plans()

    # Races

    @precondition(lambda self: self.world.due())
    @rule(index=_index, seed=_seed)
    def deliver_interrupted(self, index: int, seed: int) -> None:
        """Make a delivery in the middle of which other deliveries or writers act."""
        due = self.world.due()
        schedule = Schedule(self.world, seed, overlap_rate=1.0, writers_act=True)
        schedule.step([due[index % len(due)]])

    @precondition(lambda self: self.orders)
    @rule(index=_index, seed=_seed, request=st.sampled_from(REQUESTS))
    def request_interrupted(self, index: int, seed: int, request: str) -> None:
        """Make a request in the middle of which deliveries or other writers act."""
        order_id = self._order_at(index)
        requests: dict[str, Callable[[], object]] = {
            "place": partial(self.world.place_order, index % MAX_ORDERS),
            "cancel": partial(self.world.cancel_order, order_id),
            "change city": partial(self.world.change_city, order_id, f"City {index}"),
            "pay again": partial(self.world.pay_again, order_id, index),
        }
        schedule = Schedule(self.world, seed, overlap_rate=1.0, writers_act=True)
        schedule.disturb(requests[request])

    @rule(seed=_seed, steps=st.integers(5, 30))
    def deliver_many_with_faults(self, seed: int, steps: int) -> None:
        """Make a series of random deliveries with random faults."""
        schedule = Schedule(self.world, seed, fault_rate=0.6, writers_act=True)
        for _ in range(steps):
            due = self.world.due()
            if not due:
                break
            schedule.step(due)
            invariants.check_always(self.world)

    @rule(seed=_seed, fault_rate=st.sampled_from((0.0, 0.5)))
    def run_until_idle(self, seed: int, fault_rate: float) -> None:
        """Make all deliveries, until nothing remains or the rest is parked."""
        self.world.run_until_idle(Schedule(self.world, seed, fault_rate=fault_rate).step)

    # Time and operators

    @rule(seconds=st.sampled_from((1, 65, 130, 400, 3700)))
    def advance_time(self, seconds: int) -> None:
        """Let time pass, so that retries become due and leases expire."""
        self.world.advance(seconds)

    @rule()
    def forget_idempotency_keys(self) -> None:
        """Make the gateway forget all idempotency keys."""
        self.world.forget_idempotency_keys()

    @precondition(lambda self: self.world.dead_letters())
    @rule()
    def replay_dead_letters(self) -> None:
        """Send all dead letters back to their source queues."""
        self.world.replay_dead_letters()

    @invariant()
    def invariants_hold(self) -> None:
        """Check the invariants that apply at any moment."""
        invariants.check_always(self.world)
