"""Preconditions: which version of an entity a caller may change."""

import pytest

from chassis.preconditions import Precondition, etag, stale
from chassis.problems import BadRequest, PreconditionFailed, PreconditionRequired


@pytest.mark.parametrize(
    ("value", "version"),
    [('"3"', 3), (' "3" ', 3), ('"0"', 0), ('"123456789012345"', 123456789012345)],
)
def test_one_strong_etag_is_a_precondition(value: str, version: int) -> None:
    assert Precondition.from_header(value).version == version


def test_a_missing_header_is_refused_as_required() -> None:
    with pytest.raises(PreconditionRequired):
        Precondition.from_header(None)


@pytest.mark.parametrize(
    "value",
    ["3", 'W/"3"', "*", '"3", "4"', '"three"', '""', '"-1"', "", '"1234567890123456"', '"٣"'],
)
def test_anything_but_one_strong_etag_is_refused(value: str) -> None:
    with pytest.raises(BadRequest):
        Precondition.from_header(value)


def test_the_required_version_passes_the_check() -> None:
    Precondition(3).check(3)


@pytest.mark.parametrize("current", [2, 4])
def test_another_version_fails_the_check_and_names_the_current_etag(current: int) -> None:
    with pytest.raises(PreconditionFailed, match=f'"{current}"'):
        Precondition(3).check(current)


def test_a_precondition_is_passed_on_as_it_was_received() -> None:
    headers = Precondition(3).headers()
    assert headers == {"If-Match": etag(3)}
    assert Precondition.from_header(headers["If-Match"]) == Precondition(3)


def test_a_lost_race_is_a_failed_precondition() -> None:
    assert isinstance(stale(4), PreconditionFailed)
