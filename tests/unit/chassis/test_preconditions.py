"""Preconditions: which versions of an entity a caller may change, and which it has."""

import time

import pytest

from chassis.preconditions import Precondition, etag, has_version, stale
from chassis.problems import BadRequest, PreconditionFailed, PreconditionRequired

LISTS: list[tuple[str, set[int]]] = [
    ('"3"', {3}),
    (' "3" ', {3}),
    ('"0"', {0}),
    ('"123456789012345"', {123456789012345}),
    ('"3", "4"', {3, 4}),
    ('"3","4" ,"5"', {3, 4, 5}),
    (', "3",, \t"4" , ', {3, 4}),
    ('"3", "3"', {3}),
    ('"a,b", "3"', {3}),
    # no version has one of these
    ('"three"', set()),
    ('""', set()),
    ('"-1"', set()),
    ('"03"', set()),
    ('"1.0"', set()),
    ('"*"', set()),
    ('"\xe9"', set()),
    ('"1234567890123456789"', set()),
]
MALFORMED = [
    "3", "", " ", ",", '"3', '3"', '"3" "4"', '"3""4"', '"3"; "4"', '*, "3"', '"3", *', "**",
    'w/"3"', 'W/ "3"', "W/3", "'3'", '"3 "', '"a b"', '"a"b"', '"3"x', '"\x00"', '"\x7f"', '"٣"',
]  # fmt: skip


@pytest.mark.parametrize(("value", "versions"), LISTS)
def test_list_of_etags_is_a_precondition(value: str, versions: set[int]) -> None:
    assert Precondition.from_header(value).versions == versions


@pytest.mark.parametrize("value", ['W/"3"', 'W/"3", W/"4"'])
def test_weak_etag_matches_no_version(value: str) -> None:
    with pytest.raises(PreconditionFailed):
        Precondition.from_header(value).check(3)
    Precondition.from_header(f'{value}, "3"').check(3)


@pytest.mark.parametrize("value", ["*", " * "])
def test_asterisk_matches_every_version(value: str) -> None:
    Precondition.from_header(value).check(1)
    Precondition.from_header(value).check(99)


def test_a_missing_header_is_refused_as_required() -> None:
    with pytest.raises(PreconditionRequired):
        Precondition.from_header(None)


@pytest.mark.parametrize("value", MALFORMED)
def test_malformed_header_is_refused(value: str) -> None:
    with pytest.raises(BadRequest):
        Precondition.from_header(value)


def test_long_header_is_read_in_linear_time() -> None:
    started = time.process_time()
    for value in ('"a"' + ", " * 100_000 + "x", "," * 100_000 + " " * 100_000, '"' * 100_001):
        with pytest.raises(BadRequest):
            Precondition.from_header(value)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("required", [{3}, {2, 3}])
def test_the_required_version_passes_the_check(required: set[int]) -> None:
    Precondition(frozenset(required)).check(3)


@pytest.mark.parametrize("current", [2, 4])
def test_another_version_fails_the_check_and_names_the_current_etag(current: int) -> None:
    with pytest.raises(PreconditionFailed, match=f'"{current}"'):
        Precondition(frozenset({3, 5})).check(current)


@pytest.mark.parametrize("value", ["*", '"3"', '"3", "4"', '"none"'])
def test_a_precondition_is_passed_on_as_it_was_received(value: str) -> None:
    precondition = Precondition.from_header(value)
    assert Precondition.from_header(precondition.headers()["If-Match"]) == precondition
    assert Precondition(frozenset({3})).headers() == {"If-Match": etag(3)}


@pytest.mark.parametrize("value", ["*", '"3"', 'W/"3"', '"2", W/"3"', ',"x","3"', ' "3" '])
def test_client_has_the_version_that_its_header_names(value: str) -> None:
    assert has_version(value, 3)


@pytest.mark.parametrize(
    "value", ['"2"', 'W/"33"', '"03"', "3", '"3', '"3" "3"', '*, "3"', "", 'w/"3"', '"W/3"']
)
def test_client_gets_the_entity_for_any_other_header(value: str) -> None:
    assert not has_version(value, 3)


def test_a_lost_race_is_a_failed_precondition() -> None:
    assert isinstance(stale(4), PreconditionFailed)
