"""Options that several commands share."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from shopctl.cli.options import Moment

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("15m", NOW - timedelta(minutes=15)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("2026-11-24T03:00:00Z", datetime(2026, 11, 24, 3, tzinfo=UTC)),
        ("2026-11-24T03:00:00+11:00", datetime(2026, 11, 23, 16, tzinfo=UTC)),
        ("2026-11-24T03:00:00", datetime(2026, 11, 24, 3, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_moment_is_a_time_or_an_age(text: str, expected: datetime) -> None:
    assert Moment(lambda: NOW).convert(text, None, None) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2w", "-2h", "03:00", "2026-13-01", "nan", "inf", "9999999d"),
        # before the year 1, and after the year 9999
        *("999999d", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
    ],
)
def test_other_text_is_refused_with_an_example_of_each(text: str) -> None:
    with pytest.raises(click.BadParameter) as error:
        Moment(lambda: NOW).convert(text, None, None)
    assert "2026-11-24T03:00:00Z" in error.value.message
    assert "90m" in error.value.message
