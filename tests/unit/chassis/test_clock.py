"""The current time."""

from datetime import UTC, datetime, timedelta

from chassis import clock


def test_now_is_the_current_time_in_utc() -> None:
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
