"""The shop as a state machine: whatever may happen, in whatever order."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.world import promise
from support.world.outside import TROUBLES, Trouble
from support.world.schedule import Schedule, calls
from support.world.world import World

METHODS = (
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
    "pm_nobody",
)
CARDS_OF_BROWSERS = ("pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired")
ORDERS = 3
"""Most orders in one run: what goes wrong between orders shows with two."""

_pick = st.integers(0, 7)
_call = st.sampled_from(calls())
_trouble = st.sampled_from(TROUBLES)
_seed = st.integers(0, 2**32)


class Shop(RuleBasedStateMachine):
    """Clients, the shopper's bank, AWS's deliveries, and what befalls them.

    After each step the promise holds as far as it can by then; at the end of a run the troubles
    stop, everything is delivered, what is parked is replayed, and then the whole of it holds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seed = 0
        self.world = World()
        self.world.__enter__()

    def teardown(self) -> None:
        """End the run: the world comes to rest, and is held to the promise."""
        try:
            self.come_to_rest()
        finally:
            self.world.__exit__(None, None, None)

    def come_to_rest(self) -> None:
        """Deliver all that is left, and what was parked, and hold the promise.

        The troubles have ended; any order, duplicates and overlaps are AWS's right at all times.
        """
        schedule = Schedule(self.world, self.seed)
        self.world.settle(schedule.step)
        for _ in range(3):
            if not self.world.replay():
                break
            self.world.settle(schedule.step)
        promise.in_the_end(self.world)

    @property
    def orders(self) -> list[str]:
        """The orders that were accepted, oldest first."""
        return list(self.world.tables.tables["toyshop-local-orders"].items)

    def _order(self, pick: int) -> str:
        return self.orders[pick % len(self.orders)]

    # Clients

    @initialize(seed=_seed, method=st.sampled_from(METHODS))
    def open_with_an_order(self, seed: int, method: str) -> None:
        """Place the first order; the seed is of the schedule by which the world comes to rest."""
        self.seed = seed
        self.world.place(0, method)

    @rule(number=st.integers(0, ORDERS - 1), method=st.sampled_from(METHODS))
    def place(self, number: int, method: str) -> None:
        """Place an order, or the same again, or another one with a used key."""
        self.world.place(number, method)

    @precondition(lambda self: self.orders)
    @rule(pick=_pick)
    def cancel(self, pick: int) -> None:
        """Call an order off."""
        self.world.cancel(self._order(pick))

    @precondition(lambda self: self.orders)
    @rule(pick=_pick)
    def change(self, pick: int) -> None:
        """Send an order elsewhere."""
        self.world.change(self._order(pick), f"City {pick}")

    # The shopper and the bank

    def _waiting(self) -> list[dict[str, Any]]:
        return [
            intent
            for order in self.orders
            for intent in self.world.gateway.intents_of(order)
            if intent["status"] == "requires_action"
        ]

    @precondition(lambda self: self._waiting())
    @rule(pick=_pick, outcome=st.sampled_from(("succeeded", "failed")))
    def authenticate(self, pick: int, outcome: Any) -> None:
        """Have the bank say yes, or decline late."""
        waiting = self._waiting()
        self.world.gateway.authenticate(waiting[pick % len(waiting)]["id"], outcome)

    def _refused(self) -> list[dict[str, Any]]:
        return [
            intent
            for order in self.orders
            for intent in self.world.gateway.intents_of(order)
            if intent["status"] == "requires_payment_method"
            and (intent["last_payment_error"] or {}).get("code")
            == "payment_intent_authentication_failure"
        ]

    @precondition(lambda self: self._refused())
    @rule(pick=_pick, card=st.sampled_from(CARDS_OF_BROWSERS))
    def try_another_card(self, pick: int, card: str) -> None:
        """Pay from the browser, which still has the client secret."""
        refused = self._refused()
        self.world.gateway.pay_from_browser(refused[pick % len(refused)]["id"], card)

    # Deliveries

    def _deliver(self, pick: int, *, again: bool = False) -> None:
        due = self.world.due()
        if due:
            due[pick % len(due)].run(again)
        self.world.outside.calm()

    @precondition(lambda self: self.world.due())
    @rule(pick=_pick)
    def deliver(self, pick: int) -> None:
        """Deliver something, in any order."""
        self._deliver(pick)

    @precondition(lambda self: self.world.due())
    @rule(pick=_pick)
    def deliver_twice(self, pick: int) -> None:
        """Deliver something that will be delivered again."""
        self._deliver(pick, again=True)

    @precondition(lambda self: self.world.due())
    @rule(pick=_pick, call=_call, trouble=_trouble)
    def deliver_in_trouble(self, pick: int, call: str, trouble: Trouble) -> None:
        """Deliver something, and let a call go wrong if it makes it."""
        self.world.outside.plan_at(call, trouble)
        self._deliver(pick)

    @rule(number=st.integers(0, ORDERS - 1), call=st.integers(1, 3), trouble=_trouble)
    def place_in_trouble(self, number: int, call: int, trouble: Trouble) -> None:
        """Place an order, and let a call of the service go wrong."""
        self.world.outside.plan(call, trouble)
        self.world.place(number)
        self.world.outside.calm()

    @precondition(lambda self: self.orders)
    @rule(pick=_pick, call=st.integers(1, 3), trouble=_trouble)
    def cancel_in_trouble(self, pick: int, call: int, trouble: Trouble) -> None:
        """Call an order off, and let a call of the service go wrong."""
        self.world.outside.plan(call, trouble)
        self.world.cancel(self._order(pick))
        self.world.outside.calm()

    @rule(seed=_seed, steps=st.integers(5, 30))
    def deliver_much_in_trouble(self, seed: int, steps: int) -> None:
        """Deliver by a schedule of its own, with a trouble now and then."""
        schedule = Schedule(self.world, seed, trouble=0.6)
        for _ in range(steps):
            due = self.world.due()
            if not due:
                break
            schedule.step(due)
            promise.so_far(self.world)

    @rule(seed=_seed, trouble=st.sampled_from((0.0, 0.5)))
    def come_to_rest_for_now(self, seed: int, trouble: float) -> None:
        """Let everything be delivered, or parked, before the next thing happens."""
        self.world.settle(Schedule(self.world, seed, trouble=trouble).step)

    # Time, and people

    @rule(seconds=st.sampled_from((1, 65, 130, 400, 3700)))
    def let_time_pass(self, seconds: int) -> None:
        """Let retries and leases fall due."""
        self.world.advance(seconds)

    @rule()
    def forget_keys(self) -> None:
        """Have the gateway forget every idempotency key so far."""
        self.world.forget_keys()

    @precondition(lambda self: self.world.dead_letters())
    @rule()
    def replay(self) -> None:
        """Send the dead letters back."""
        self.world.replay()

    @invariant()
    def the_promise_holds_so_far(self) -> None:
        """Hold what must be true at every moment."""
        promise.so_far(self.world)
