"""The crash suite detects mutants: the shop with one mechanism disabled."""

import pytest

from support.crash.crashes import Crash, crash_at_every_call
from support.world import mutants
from support.world.invariants import InvariantViolation
from support.world.mutants import Mutant, mutated


@pytest.mark.parametrize(
    ("mutant", "scenario", "crash", "forget_keys"),
    [
        (mutants.confirmed_before_intent_recorded, "paid", "crash_after", True),
        (
            mutants.early_cancellation_not_recorded,
            "cancellation_delivered_before_order",
            "crash_before",
            False,
        ),
        (
            mutants.intent_not_cancelled_at_gateway,
            "cancelled_instead_of_authenticated",
            "crash_before",
            False,
        ),
        (mutants.handler_failures_acknowledged, "paid", "crash_before", False),
        (mutants.email_deduplication_disabled, "paid", "crash_after", False),
    ],
)
def test_crashes_detect_the_mutant(
    mutant: Mutant, scenario: str, crash: Crash, forget_keys: bool
) -> None:
    with mutated(mutant), pytest.raises(InvariantViolation) as violation:
        crash_at_every_call(scenario, crash, forget_keys=forget_keys)
    print(f"{mutant.__name__}: {violation.value}")
