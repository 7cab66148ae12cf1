"""A breaker on a clock of the tests."""

import pytest

from chassis.breaker import Breaker
from support.log_lines import Lines


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock, lines: Lines) -> Breaker:
    return Breaker("things", failures=3, cool_down=10, clock=clock)


def test_it_opens_after_failures_in_a_row(breaker: Breaker, lines: Lines) -> None:
    for _ in range(2):
        breaker.failed()
        assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    said = [line for line in lines() if line.get("message") == "circuit breaker opened"]
    assert [(line["downstream"], line["failures"]) for line in said] == [("things", 3)]


def test_a_success_in_between_starts_the_count_anew(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()


def test_one_probe_after_the_cool_down(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now += 9.9
    assert not breaker.allows()
    clock.now += 0.1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]


def test_a_probe_that_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now += 10
    assert breaker.allows()
    breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True] * 3
    # and it takes as many failures as before to open it again
    breaker.failed()
    assert breaker.allows()


def test_a_probe_that_fails_opens_it_for_another_while(
    breaker: Breaker, clock: Clock, lines: Lines
) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now += 10
    assert breaker.allows()
    clock.now += 5
    breaker.failed()
    clock.now += 9.9
    assert not breaker.allows()
    clock.now += 0.1
    assert breaker.allows()
    # it is told once
    assert [line.get("message") for line in lines()].count("circuit breaker opened") == 1


def test_a_probe_that_is_never_heard_of_again_is_not_the_last(
    breaker: Breaker, clock: Clock
) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now += 10
    assert [breaker.allows(), breaker.allows()] == [True, False]
    clock.now += 10
    assert [breaker.allows(), breaker.allows()] == [True, False]
