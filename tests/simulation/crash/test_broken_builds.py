"""The crash suite finds what it is there to find: a mechanism that is switched off."""

from collections.abc import Callable

import pytest

from support.crash.crashes import Death, crash_everywhere
from support.world import broken_builds
from support.world.broken_builds import Patches, broken
from support.world.promise import BrokenPromise


@pytest.mark.parametrize(
    ("build", "story", "death", "keys_forgotten"),
    [
        (broken_builds.charge_before_the_intent_is_recorded, "paid", "dies_after", True),
        (
            broken_builds.tombstone_forgotten,
            "cancelled_before_it_is_seen",
            "dies_before",
            False,
        ),
        (broken_builds.intent_left_standing, "cancelled_while_the_bank_asks", "dies_before", False),
        (broken_builds.failures_acknowledged, "paid", "dies_before", False),
        (broken_builds.email_dedupe_off, "paid", "dies_after", False),
    ],
)
def test_a_mechanism_that_is_switched_off_is_found_missing(
    build: Callable[[], Patches], story: str, death: Death, keys_forgotten: bool
) -> None:
    with broken(build), pytest.raises(BrokenPromise) as found:
        crash_everywhere(story, death, keys_forgotten=keys_forgotten)
    print(f"{build.__name__}: {found.value}")
