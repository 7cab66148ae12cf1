"""The retry policy: which attempts are repeated, and how long the waits are."""

import pytest

from chassis.retry import Failure, RetryPolicy


@pytest.mark.parametrize("failure", Failure)
def test_a_repeatable_operation_is_retried_after_every_failure(failure: Failure) -> None:
    policy = RetryPolicy(attempts=3)
    assert [policy.allows(made, failure, repeatable=True) for made in (1, 2, 3, 4)] == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("failure", Failure)
def test_another_operation_is_retried_only_if_it_was_never_sent(failure: Failure) -> None:
    policy = RetryPolicy(attempts=3)
    allowed = [policy.allows(made, failure, repeatable=False) for made in (1, 2, 3)]
    assert allowed == [failure is Failure.NOT_SENT, failure is Failure.NOT_SENT, False]


def test_waits_grow_exponentially_with_full_jitter() -> None:
    ranges: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        ranges.append((low, high))
        return high / 2

    policy = RetryPolicy(base_delay=0.1)
    assert [policy.delay(made, uniform) for made in (1, 2, 3)] == [0.1, 0.2, 0.4]
    assert ranges == [(0, 0.2), (0, 0.4), (0, 0.8)]


def test_jitter_stays_within_its_range() -> None:
    delays = [RetryPolicy(base_delay=0.1).delay(2) for _ in range(200)]
    assert 0 <= min(delays) < max(delays) <= 0.4
