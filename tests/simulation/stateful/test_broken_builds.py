"""A suite that finds nothing proves nothing: each mechanism, switched off, is found missing."""

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from support.stateful.lives import live
from support.stateful.shop import Shop
from support.world import broken_builds
from support.world.broken_builds import BUILDS, Patches, broken
from support.world.promise import BrokenPromise
from support.world.world import NeverQuiet

Build = Callable[[], Patches]


@pytest.mark.parametrize("build", BUILDS)
def test_the_lives_find_a_mechanism_that_is_switched_off(build: Build) -> None:
    with broken(build), pytest.raises((BrokenPromise, NeverQuiet), match="life of seed") as found:
        _live_many()
    print(f"{build.__name__}: {found.value}")


def _live_many() -> None:
    for seed in range(500):
        live(seed)


@pytest.mark.parametrize(
    "build",
    [
        broken_builds.email_dedupe_off,
        broken_builds.publish_result_ignored,
        broken_builds.failures_acknowledged,
    ],
)
def test_the_state_machine_finds_it_too(build: Build) -> None:
    with broken(build), pytest.raises(BrokenPromise):
        run_state_machine_as_test(Shop, settings=settings())


def test_a_life_is_the_same_each_time_it_is_lived() -> None:
    first, second = live(7), live(7)
    assert first.outside.made == second.outside.made
    assert first.outside.befell == second.outside.befell
    assert first.mails == second.mails
