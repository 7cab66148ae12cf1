"""A process may die before or after any call to AWS or the gateway: the promise holds."""

import pytest

from support.crash.crashes import Death, calls_of, crash_everywhere, die_until_parked
from support.crash.stories import CONFIRM, STORIES

CREATE = "gateway POST /v1/payment_intents"
RECORD = "dynamodb PutItem toyshop-local-payments"


@pytest.mark.parametrize("keys_forgotten", [False, True], ids=["", "keys forgotten"])
@pytest.mark.parametrize("death", ["dies_before", "dies_after"])
@pytest.mark.parametrize("story", STORIES)
def test_a_death_at_any_call_changes_nothing_in_the_end(
    story: str, death: Death, keys_forgotten: bool
) -> None:
    died_at = crash_everywhere(story, death, keys_forgotten=keys_forgotten)
    print(f"{story}, {death}: a process died at each of {len(died_at)} calls")
    assert len(died_at) > 5
    if story == "paid":
        # none of the three is left out, so neither is what lies between them
        assert {CREATE, RECORD, CONFIRM} <= set(died_at)


@pytest.mark.parametrize("death", ["dies_before", "dies_after"])
@pytest.mark.parametrize(
    ("story", "function", "least"),
    [
        ("paid", "charge", 5),
        ("cancelled_after_the_charge", "charge", 6),
        ("paid", "fulfil", 5),
    ],
)
def test_a_dead_letter_is_replayed_after_the_gateway_has_forgotten_its_keys(
    story: str, function: str, least: int, death: Death
) -> None:
    # GIVEN a function that dies at one of its calls however often it is tried
    calls = calls_of(story, function)
    # WHEN what it was to do is parked, and replayed a day later, THEN the promise holds
    parked = {call: die_until_parked(story, function, call, death) for call in calls}
    print(f"{story}, {function} {death}: {parked}")
    assert len(calls) >= least
    # a death before a call comes back until it is parked; one after it has moved things on
    assert death == "dies_after" or all(parked[call] for call in calls if "gateway" in call)
    assert any(parked.values())
