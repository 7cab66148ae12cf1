"""Queries: parameters to a query type and back; an invalid parameter is named."""

from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.json_text import contains_control
from chassis.problems import BadRequest, ProblemError
from chassis.queries import parameter_prefixes, parse_query, query_parameters
from contracts.schema import PARAMETER_PREFIX, Input


class Search(Input):
    q: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    deep: bool = False
    attributes: Annotated[dict[str, str], msgspec.Meta(extra={PARAMETER_PREFIX: "attr."})] = {}


def wrong_at(error: "pytest.ExceptionInfo[ProblemError]") -> list[str]:
    return [wrong.pointer for wrong in error.value.errors]


def test_a_query_is_converted_and_the_entries_of_a_map_are_collected() -> None:
    query = parse_query(
        {"q": "kite", "limit": "5", "deep": "true", "attr.color": "red", "attr.a.b": "1"}, Search
    )
    assert query == Search(q="kite", limit=5, deep=True, attributes={"color": "red", "a.b": "1"})
    assert parse_query(None, Search) == Search()
    assert parse_query({}, Search) == Search()


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": "0"}, "/limit"),
        ({"limit": "x"}, "/limit"),
        ({"limit": ""}, "/limit"),
        ({"deep": "maybe"}, "/deep"),
        ({"color": "red"}, "/color"),
        ({"attributes": "red"}, "/attributes"),
    ],
)
def test_the_invalid_parameter_is_named(query: dict[str, str], pointer: str) -> None:
    with pytest.raises(BadRequest) as error:
        parse_query(query, Search)
    assert wrong_at(error) == [pointer]


def test_an_entry_of_an_unknown_map_is_named_as_it_was_sent() -> None:
    class Page(Input):
        limit: int = 20

    with pytest.raises(BadRequest) as error:
        parse_query({"attr.color": "red"}, Page)
    assert wrong_at(error) == ["/attr.color"]


def test_the_prefix_comes_from_the_contract() -> None:
    class Labels(Input):
        tags: Annotated[dict[str, str], msgspec.Meta(extra={PARAMETER_PREFIX: "tag-"})] = {}

    assert parameter_prefixes(Labels) == {"tags": "tag-"}
    assert parse_query({"tag-a": "1"}, Labels) == Labels(tags={"a": "1"})
    assert query_parameters(Labels(tags={"a": "1"})) == {"tag-a": "1"}


printable = st.text().filter(lambda text: not contains_control(text))
texts = st.dictionaries(printable, printable)


@given(st.builds(Search, limit=st.integers(1, 100), attributes=texts))
def test_parameters_of_a_query_parse_to_the_same_query(query: Search) -> None:
    assert parse_query(query_parameters(query), Search) == query
