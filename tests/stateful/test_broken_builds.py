"""A suite that finds nothing proves nothing: each mechanism, switched off, is found missing."""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from stateful.broken_builds import BUILDS, Patches, broken
from stateful.shop import Shop
from world.promise import BrokenPromise
from world.world import NeverQuiet


@pytest.mark.parametrize("build", BUILDS)
def test_a_mechanism_that_is_switched_off_is_found_missing(build: Callable[[], Patches]) -> None:
    with broken(build), pytest.raises((BrokenPromise, NeverQuiet)) as found:
        run_state_machine_as_test(Shop, settings=settings(max_examples=1500))
    print(f"{build.__name__}: {found.value}")
