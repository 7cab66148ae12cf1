"""The limit on attempts to change a record."""

import pytest

from chassis.contention import MAX_ATTEMPTS, Attempts
from chassis.problems import ServiceUnavailable
from support.log_lines import Lines


def test_attempts_end_after_the_limit() -> None:
    attempts = Attempts("toy_1")
    for _ in range(MAX_ATTEMPTS):
        attempts.begin()
    with pytest.raises(ServiceUnavailable, match="at the same time"):
        attempts.begin()


def test_exhausted_attempts_are_logged_with_the_record(lines: Lines) -> None:
    attempts = Attempts("toy_1")
    for _ in range(MAX_ATTEMPTS):
        attempts.begin()
    with pytest.raises(ServiceUnavailable):
        attempts.begin()
    (line,) = lines()
    assert (line["level"], line["record_id"]) == ("ERROR", "toy_1")
    assert line["message"] == "too many concurrent changes"
