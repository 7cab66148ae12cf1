"""The circuit breaker, with a fake clock."""

import pytest

from chassis.breaker import Breaker
from support.log_lines import Lines, Metrics


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


def test_failures_in_a_row_open_the_breaker(breaker: Breaker, lines: Lines) -> None:
    for _ in range(2):
        breaker.failed()
        assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    said = [line for line in lines() if line.get("message") == "circuit breaker opened"]
    assert [(line["level"], line["downstream"], line["failures"]) for line in said] == [
        ("WARNING", "things", 3)
    ]


def test_the_state_of_a_breaker_is_recorded_when_it_changes(
    breaker: Breaker, clock: Clock, metrics: Metrics
) -> None:
    # WHEN it opens, and its probe fails, THEN it has opened once
    for _ in range(5):
        breaker.failed()
    clock.now += 10
    assert breaker.allows()
    breaker.failed()
    (metric,) = metrics()
    assert (metric.name, metric.value, metric.unit) == ("toyshop.breaker.open", 1, "Count")
    assert metric.dimensions == {"service": "tests", "stage": "unit", "downstream": "things"}
    # AND a second time after it was closed
    breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    assert [metric.value for metric in metrics()] == [1, 0, 1]


def test_a_closed_breaker_is_logged_once(breaker: Breaker, clock: Clock, lines: Lines) -> None:
    breaker.succeeded()
    for _ in range(3):
        breaker.failed()
    clock.now += 10
    assert breaker.allows()
    for _ in range(2):
        breaker.succeeded()
    closed = [line for line in lines() if line.get("message") == "circuit breaker closed"]
    assert [(line["level"], line["downstream"]) for line in closed] == [("INFO", "things")]


def test_a_success_resets_the_count(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()


def test_one_probe_is_allowed_per_cool_down(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now += 9.9
    assert not breaker.allows()
    clock.now += 0.1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]


def test_a_successful_probe_closes_the_breaker(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now += 10
    assert breaker.allows()
    breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True] * 3
    # and as many failures as before open it again
    breaker.failed()
    assert breaker.allows()


def test_a_failed_probe_opens_the_breaker_for_another_cool_down(
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
    # it is logged once
    assert [line.get("message") for line in lines()].count("circuit breaker opened") == 1


def test_a_probe_without_an_outcome_does_not_block_the_next(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        breaker.failed()
    clock.now += 10
    assert [breaker.allows(), breaker.allows()] == [True, False]
    clock.now += 10
    assert [breaker.allows(), breaker.allows()] == [True, False]
