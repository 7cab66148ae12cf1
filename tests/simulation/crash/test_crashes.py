"""A process may crash before or after any call to AWS, the gateway or a downstream service."""

import pytest

from support.crash.crashes import (
    Crash,
    calls_of,
    crash_after_another_writer,
    crash_at_every_call,
    crash_until_parked,
)
from support.crash.scenarios import CONFIRM, SCENARIOS

CREATE = "gateway POST /v1/payment_intents"
RECORD = "dynamodb PutItem toyshop-local-payments"


@pytest.mark.parametrize("forget_keys", [False, True], ids=["", "keys forgotten"])
@pytest.mark.parametrize("crash", ["crash_before", "crash_after"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_crash_at_any_call_violates_no_invariant(
    scenario: str, crash: Crash, forget_keys: bool
) -> None:
    crashed_at = crash_at_every_call(scenario, crash, forget_keys=forget_keys)
    print(f"{scenario}, {crash}: a process crashed at each of {len(crashed_at)} calls")
    assert len(crashed_at) > 5
    if scenario == "paid":
        # every step of a charge is included, and so is every gap between two steps
        assert {CREATE, RECORD, CONFIRM} <= set(crashed_at)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("crash", ["crash_before", "crash_after"])
@pytest.mark.parametrize(
    "scenario",
    [
        "paid",
        "declined",
        "cancellation_delivered_before_order",
        "cancelled_before_charge",
        "cancelled_after_charge",
        "cancelled_instead_of_authenticated",
    ],
)
def test_crash_after_another_writer_acted_violates_no_invariant(
    scenario: str, crash: Crash, seed: int
) -> None:
    crashed_at = crash_after_another_writer(scenario, crash, seed)
    print(f"{scenario}, {crash}: a process crashed at each of {len(crashed_at)} calls")
    assert len(crashed_at) > 5


@pytest.mark.parametrize("crash", ["crash_before", "crash_after"])
@pytest.mark.parametrize(
    ("scenario", "function", "min_calls"),
    [
        ("paid", "charge", 5),
        ("cancelled_after_charge", "charge", 6),
        ("paid", "fulfil", 5),
    ],
)
def test_dead_letter_is_replayed_after_the_gateway_forgot_its_keys(
    scenario: str, function: str, min_calls: int, crash: Crash
) -> None:
    # GIVEN a function that crashes at the same call in each attempt
    calls = calls_of(scenario, function)
    # WHEN its message is parked, and replayed a day later, THEN no invariant is violated
    parked = {call: crash_until_parked(scenario, function, call, crash) for call in calls}
    print(f"{scenario}, {function} {crash}: {parked}")
    assert len(calls) >= min_calls
    # a crash before a call repeats itself until the message is parked; one after it makes progress
    assert crash == "crash_after" or all(parked[call] for call in calls if "gateway" in call)
    assert any(parked.values())
