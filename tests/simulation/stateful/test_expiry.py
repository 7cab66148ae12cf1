"""An order that waits for the customer's bank for too long is cancelled, and charged never."""

import pytest

from support.world import invariants
from support.world.calls import ProcessCrashed
from support.world.world import World


def waiting(world: World) -> str:
    """Place an order whose payment waits for the bank, and return its id."""
    world.place_order(1, "pm_card_authenticationRequired")
    world.run_until_idle()
    (order_id,) = world.orders()
    return order_id


def result_of(world: World) -> tuple[bool, str | None]:
    world.run_until_idle()
    invariants.check_when_idle(world)
    (order,) = invariants.evidence_of(world)
    return order.is_cancelled, order.status


def test_action_that_is_never_completed_is_cancelled_with_an_email() -> None:
    with World() as world:
        waiting(world)
        world.advance(23 * 3600)
        assert world.cancel_expired() == 0
        world.advance(3600)
        emails = sum(world.emails_sent.values())
        assert world.cancel_expired() == 1
        assert result_of(world) == (True, "cancelled")
        assert sum(world.emails_sent.values()) == emails + 1
        # a further run finds nothing
        assert world.cancel_expired() == 0


def test_second_card_gets_its_own_time() -> None:
    with World() as world:
        order_id = waiting(world)
        world.advance(23 * 3600)
        world.pay_again(order_id, 1, "pm_card_authenticationRequired")
        world.run_until_idle()
        world.advance(2 * 3600)
        assert world.cancel_expired() == 0
        world.advance(22 * 3600)
        assert world.cancel_expired() == 1
        assert result_of(world) == (True, "cancelled")


def test_bank_that_confirms_at_the_last_moment_is_refunded() -> None:
    with World() as world:
        order_id = waiting(world)
        world.advance(25 * 3600)
        (intent,) = world.gateway.intents_of(order_id)
        # its webhook is not delivered before the function runs
        world.gateway.authenticate(intent["id"], "succeeded")
        assert world.cancel_expired() == 1
        assert result_of(world) == (True, "refunded")


@pytest.mark.parametrize("crash", ["crash_before", "crash_after"])
def test_crash_at_any_call_is_continued_by_the_next_run(crash: str) -> None:
    crashed = 0
    while True:
        with World() as world:
            waiting(world)
            world.advance(25 * 3600)
            world.calls.plan(crashed + 1, crash)
            try:
                world.cancel_expired()
            except ProcessCrashed:
                crashed += 1
            else:
                if not world.calls.injected:
                    break
                crashed += 1  # of a service that was called
            world.calls.clear_plans()
            world.cancel_expired()
            assert result_of(world) == (True, "cancelled")
    assert crashed >= 3
