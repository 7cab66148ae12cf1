"""The stateful suite detects every mutant: the shop with one mechanism disabled."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from support.stateful.seeded_runs import run_seed
from support.stateful.state_machine import ShopStateMachine
from support.world import mutants
from support.world.invariants import InvariantViolation
from support.world.mutants import LOST_RACES, MUTANTS, Mutant, mutated
from support.world.world import NeverIdle

FIRST_SEEDS = {
    mutants.lost_refund_not_recorded: 600,
    mutants.confirmed_before_intent_recorded: 500,
}
"""Where to begin for the rarest races, which the runs before do not meet; 0 for all others."""


@pytest.mark.parametrize("mutant", [*MUTANTS, *LOST_RACES])
def test_seeded_runs_detect_the_mutant(mutant: Mutant) -> None:
    failures = (InvariantViolation, NeverIdle)
    with mutated(mutant), pytest.raises(failures, match="run with seed") as failure:
        _run_seeds(FIRST_SEEDS.get(mutant, 0))
    print(f"{mutant.__name__}: {failure.value}")


def _run_seeds(first: int) -> None:
    for seed in range(first, first + 500):
        run_seed(seed)


@pytest.mark.parametrize(
    "mutant",
    [
        mutants.email_deduplication_disabled,
        mutants.publish_failures_ignored,
        mutants.handler_failures_acknowledged,
    ],
)
def test_state_machine_detects_the_mutant(mutant: Mutant) -> None:
    with mutated(mutant), pytest.raises(InvariantViolation):
        run_state_machine_as_test(ShopStateMachine, settings=settings(max_examples=500))


def test_same_seed_gives_the_same_run() -> None:
    first, second = run_seed(7), run_seed(7)
    assert first.calls.made == second.calls.made
    assert first.calls.injected == second.calls.injected
    assert first.emails_in_order == second.emails_in_order
