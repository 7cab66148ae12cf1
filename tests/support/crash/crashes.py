"""Runs a scenario again and again, with a crash at each of its calls in turn."""

import itertools
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Literal
from unittest import mock

from support.crash.scenarios import SCENARIOS, Scenario
from support.world import invariants, writers
from support.world.deliveries import Delivery
from support.world.world import World, oldest_first

Crash = Literal["crash_before", "crash_after"]
"""Whether the process crashes before or after a call."""

_BETWEEN_SENDING_AND_RECORDING = {
    ("sesv2 SendEmail", "crash_after"),
    ("dynamodb PutItem toyshop-local-notifications", "crash_before"),
}
"""The only crashes that allow a second copy of an email."""


def crash_at_every_call(name: str, crash: Crash, *, forget_keys: bool) -> list[str]:
    """Run a scenario once per call, with a crash at that call, and check the invariants.

    Parameters
    ----------
    name
        Name of the scenario.
    forget_keys
        Whether the gateway forgets all idempotency keys when the process crashes.

    Returns
    -------
    list
        The calls at which a process crashed, in the order of the scenario.

    Raises
    ------
    InvariantViolation
        If an invariant is violated after one of the crashes.
    """
    crashed_at: list[str] = []
    while True:
        with World() as world:
            world.calls.plan(len(crashed_at) + 1, crash)
            if forget_keys:
                world.calls.on_crash = world.forget_idempotency_keys
            SCENARIOS[name].play(world)
            if not world.calls.injected:
                return crashed_at
            crashed_at.append(world.calls.injected[0][0])
            _check(world, SCENARIOS[name])


def crash_after_another_writer(name: str, crash: Crash, seed: int) -> list[str]:
    """Run a scenario once per call, in the middle of which another writer acts before a crash.

    A shopper, the bank or an operator changes the order or its payment just before the call, and
    the process crashes at its next call: when it has lost a race and is about to try again.

    Parameters
    ----------
    name
        Name of the scenario.
    seed
        Chooses what the other writer does.

    Returns
    -------
    list
        The calls at which a process crashed, in the order of the scenario.

    Raises
    ------
    InvariantViolation
        If an invariant is violated after one of the crashes.
    """
    crashed_at: list[str] = []
    for number in itertools.count(1):
        with World() as world:

            def act(world: World = world, number: int = number) -> None:
                if world.orders():
                    writers.act(world, Random(f"{name} {seed} {number}"))
                world.calls.plan(1, crash)

            world.calls.plan(number, act)
            SCENARIOS[name].play(world)
            invariants.check_when_idle(world)
            if not world.calls.injected:
                return crashed_at
            crashed_at.append(world.calls.injected[0][0])
    raise AssertionError("the scenario makes a call after each of its calls")


def _check(world: World, scenario: Scenario) -> None:
    invariants.check_when_idle(world)
    (order,) = invariants.evidence_of(world)
    assert order.status in scenario.final_statuses, (order.history, world.calls.injected)
    copies = sum(world.emails_sent.values()) - len(world.emails_sent)
    assert copies == 0 or world.calls.injected[0] in _BETWEEN_SENDING_AND_RECORDING


def calls_of(name: str, function: str) -> list[str]:
    """Return the distinct names of the calls that a function makes in a scenario."""
    calls: list[str] = []
    with World() as world:
        starts: list[tuple[bool, int]] = []

        def record_start(delivery: Delivery) -> None:
            starts.append((delivery.name == function, len(world.calls.made)))

        _play(world, name, record_start)
        ends = [start for _, start in starts[1:]] + [len(world.calls.made)]
        for (wanted, start), end in zip(starts, ends, strict=True):
            calls += world.calls.made[start:end] if wanted else []
    return list(dict.fromkeys(calls))


def crash_until_parked(name: str, function: str, call: str, crash: Crash) -> int:
    """Crash a function at the same call in each attempt until its message is parked, and replay.

    Before the dead letters are replayed, the gateway forgets all idempotency keys. The invariants
    are checked at the end.

    Returns
    -------
    int
        The number of dead letters; 0 if a later attempt does not make the call.

    Raises
    ------
    InvariantViolation
        If an invariant is violated at the end.
    """
    with World() as world:
        park(world, name, function, call, crash)
        parked = world.replay_dead_letters()
        world.run_until_idle()
        invariants.check_when_idle(world)
        return parked


def park(world: World, name: str, function: str, call: str, crash: Crash) -> None:
    """Run a scenario, crash a function at a call in each attempt, and forget idempotency keys."""

    def plan_crash(delivery: Delivery) -> None:
        world.calls.clear_plans()
        if delivery.name in (function, f"{function}_retry"):
            world.calls.plan_at(call, crash)

    _play(world, name, plan_crash)
    world.calls.clear_plans()
    assert {call for call, _ in world.calls.injected} == {call}
    world.forget_idempotency_keys()


def _play(world: World, name: str, before_delivery: Callable[[Delivery], None]) -> None:
    """Run a scenario with a function called before each delivery."""

    def step(due: list[Delivery]) -> None:
        before_delivery(due[0])
        oldest_first(due)

    with mock.patch.object(world, "run_until_idle", partial(world.run_until_idle, step)):
        SCENARIOS[name].play(world)
