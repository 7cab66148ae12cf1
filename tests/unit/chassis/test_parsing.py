"""Bodies: whatever is wrong, the field is named."""

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.parsing import (
    MAX_DEPTH,
    decode_document,
    merge_patch,
    parse_body,
    parse_document,
    pointer_of,
)
from chassis.problems import BadRequest, ProblemError, Unprocessable
from contracts.schema import Input, Output


class Price(Input):
    amount: Annotated[int, msgspec.Meta(ge=0)]


class Line(Input):
    quantity: int
    price: Price


class Draft(Input):
    name: str
    lines: list[Line] = []
    labels: dict[Annotated[str, msgspec.Meta(min_length=1)], str] = {}


def wrong_at(error: "pytest.ExceptionInfo[ProblemError]") -> list[str]:
    return [wrong.pointer for wrong in error.value.errors]


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        (b'{"name": 1}', "/name", "Expected `str`, got `int`"),
        (b"{}", "/name", "This field is required"),
        (b'{"name": "a", "colour": 1}', "/colour", "This field is not known here"),
        (b'{"name": "a", "a/b~c": 1}', "/a~1b~0c", "This field is not known here"),
        (
            b'{"name": "a", "lines": [{"quantity": 1, "price": {"amount": 1}}, {"quantity": "x"}]}',
            "/lines/1/quantity",
            "Expected `int`, got `str`",
        ),
        (
            b'{"name": "a", "lines": [{"quantity": 1, "price": {"amount": -1}}]}',
            "/lines/0/price/amount",
            "Expected `int` >= 0",
        ),
        (b'{"name": "a", "lines": [{"quantity": 1}]}', "/lines/0/price", "This field is required"),
        (
            b'{"name": "a", "lines": [{"quantity": 1, "price": {"amount": 1, "x": 2}}]}',
            "/lines/0/price/x",
            "This field is not known here",
        ),
        # of a dictionary's entry it is not known which one: the dictionary is named
        (b'{"name": "a", "labels": {"size": 1}}', "/labels", "Expected `str`, got `int`"),
        (b'{"name": "a", "labels": {"": "x"}}', "/labels", "Expected `str` of length >= 1"),
        (b"[]", "", "Expected `object`, got `array`"),
    ],
)
def test_the_wrong_field_of_a_body_is_named(body: bytes, pointer: str, detail: str) -> None:
    with pytest.raises(Unprocessable) as error:
        parse_body(body, Draft)
    assert wrong_at(error) == [pointer]
    assert error.value.errors[0].detail == detail
    # a document that is decoded already is judged alike
    with pytest.raises(Unprocessable) as again:
        parse_document(msgspec.json.decode(body), Draft)
    assert again.value.errors == error.value.errors


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"name": "a"', b"name=a", b'{"name": "\xff"}', b'{"name": "\\ud800"}',
             b'{"name": NaN}', b"{'name': 'a'}", b'{"name": "a"} x'],
)  # fmt: skip
def test_what_is_not_json_is_a_400(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_body(body, Draft)


def test_a_body_that_is_right_is_decoded() -> None:
    body = b'{"name": "caf\xc3\xa9", "lines": [{"quantity": 2, "price": {"amount": 3}}]}'
    assert parse_body(body, Draft) == Draft(
        name="café", lines=[Line(quantity=2, price=Price(amount=3))]
    )


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [MAX_DEPTH, 900, 5_000, 100_000])
def test_a_deep_document_is_a_400_and_no_stack_overflow(opening: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"
    with pytest.raises(BadRequest):
        decode_document(opening * depth + b"1" + closing * depth)
    shallow = MAX_DEPTH - 1
    assert decode_document(opening * shallow + b"1" + closing * shallow) is not None


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("$", ""),
        ("$.a", "/a"),
        ("$.lines[0].unit_price.amount", "/lines/0/unit_price/amount"),
        ("$[12][3].x", "/12/3/x"),
        ("$.a~b.c/d", "/a~0b/c~1d"),
        ("$.labels[...]", "/labels"),
        ("$.labels[...].x", "/labels"),
    ],
)
def test_a_path_becomes_a_json_pointer(path: str, pointer: str) -> None:
    assert pointer_of(path) == pointer


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_the_rfc_says(target: Any, patch: Any, result: Any) -> None:
    before = msgspec.json.encode(target)
    assert merge_patch(target, patch) == result
    assert msgspec.json.encode(target) == before  # the target stays as it was


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(target=documents, patch=documents)
def test_a_merge_patch_twice_is_the_same_as_once(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


def test_a_reader_of_answers_ignores_what_it_does_not_know() -> None:
    class Answer(Output):
        id: str

    assert parse_body(b'{"id": "a", "new": 1}', Answer) == Answer(id="a")
