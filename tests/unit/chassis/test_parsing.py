"""Bodies: an error names the invalid field and says what it must be."""

from typing import Annotated, Any, Literal, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.parsing import (
    MAX_DEPTH,
    decode_document,
    field_error,
    merge_patch,
    parse_body,
    parse_document,
    pointer_of,
)
from chassis.problems import BadRequest, ProblemError, Unprocessable
from contracts import patterns
from contracts.problem import Code
from contracts.schema import EmailAddress, Input, Output, Timestamp


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
        (b'{"name": 1}', "/name", "Must be text"),
        (b"{}", "/name", "This field is required"),
        (b'{"name": "a", "color": 1}', "/color", "This field is unknown"),
        (b'{"name": "a", "a/b~c": 1}', "/a~1b~0c", "This field is unknown"),
        (
            b'{"name": "a", "lines": [{"quantity": 1, "price": {"amount": 1}}, {"quantity": "x"}]}',
            "/lines/1/quantity",
            "Must be a whole number",
        ),
        (
            b'{"name": "a", "lines": [{"quantity": 1, "price": {"amount": -1}}]}',
            "/lines/0/price/amount",
            "Must be at least 0, in the smallest unit of the currency (such as cents)",
        ),
        (
            b'{"name": "a", "lines": [{"quantity": 1, "price": {"amount": "1"}}]}',
            "/lines/0/price/amount",
            "Must be a whole number",
        ),
        (b'{"name": "a", "lines": [{"quantity": 1}]}', "/lines/0/price", "This field is required"),
        (
            b'{"name": "a", "lines": [{"quantity": 1, "price": {"amount": 1, "x": 2}}]}',
            "/lines/0/price/x",
            "This field is unknown",
        ),
        # msgspec does not name the entry of a dictionary, so the dictionary is named
        (b'{"name": "a", "labels": {"size": 1}}', "/labels", "Must be text"),
        (b'{"name": "a", "labels": {"": "x"}}', "/labels", "Must not be empty"),
        (b"[]", "", "Must be an object"),
    ],
)
def test_the_invalid_field_of_a_body_is_named(body: bytes, pointer: str, detail: str) -> None:
    with pytest.raises(Unprocessable) as error:
        parse_body(body, Draft)
    assert wrong_at(error) == [pointer]
    assert error.value.errors[0].detail == detail
    # and so it is for a decoded document
    with pytest.raises(Unprocessable) as again:
        parse_document(msgspec.json.decode(body), Draft)
    assert again.value.errors == error.value.errors


class Everything(Input):
    text: Annotated[str, msgspec.Meta(min_length=2, max_length=3)] = "ab"
    number: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    flag: bool = False
    choice: Literal["red", "blue"] = "red"
    time: Timestamp | None = None
    data: Annotated[bytes, msgspec.Meta(max_length=3)] = b""
    items: Annotated[list[int], msgspec.Meta(max_length=2)] = []
    stock: Annotated[int, msgspec.Meta(le=1_000_000)] = 0
    story: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    entries: Annotated[dict[str, str], msgspec.Meta(max_length=1)] = {}
    pairs: Annotated[dict[str, str], msgspec.Meta(min_length=2)] | None = None


@pytest.mark.parametrize(
    ("body", "detail", "code"),
    [
        (b'{"text": "a"}', "Must have at least 2 characters", "too_short"),
        (b'{"text": "abcd"}', "Must have at most 3 characters", "too_long"),
        (b'{"number": 0}', "Must be at least 1", "too_small"),
        (b'{"number": 6}', "Must be at most 5", "too_large"),
        (b'{"stock": 1000001}', "Must be at most 1,000,000", "too_large"),
        (b'{"story": "%s"}' % (b"a" * 2001), "Must have at most 2,000 characters", "too_long"),
        (b'{"number": 1.5}', "Must be a whole number", "type"),
        (b'{"ratio": 0.0}', "Must be more than 0.0", "too_small"),
        (b'{"ratio": 1.0}', "Must be less than 1.0", "too_large"),
        (b'{"flag": 1}', "Must be true or false", "type"),
        (b'{"choice": "green"}', "'green' is not one of the allowed values", "not_allowed"),
        (b'{"time": 1}', "Must be a time, such as 2026-11-24T08:00:00Z", "type"),
        (b'{"time": "noon"}', "Must be a time, such as 2026-11-24T08:00:00Z", "format"),
        (
            b'{"time": "2026-11-24T08:00:00"}',
            "Must be a time, such as 2026-11-24T08:00:00Z",
            "format",
        ),
        (b'{"data": "!"}', "Must be base64-encoded data", "format"),
        (b'{"data": "AAAAAAAA"}', "Must have at most 3 bytes", "too_long"),
        (b'{"items": {}}', "Must be a list", "type"),
        (b'{"items": [1, 2, 3]}', "Must have at most 2 items", "too_long"),
        (b'{"entries": {"a": "", "b": ""}}', "Must have at most 1 entry", "too_long"),
        (b'{"pairs": {"a": ""}}', "Must have at least 2 entries", "too_short"),
    ],
)
def test_an_error_says_in_words_and_as_a_code_what_is_wrong(
    body: bytes, detail: str, code: str
) -> None:
    with pytest.raises(Unprocessable) as error:
        parse_body(body, Everything)
    assert (error.value.errors[0].detail, error.value.errors[0].code) == (detail, code)
    assert code in get_args(Code)


@pytest.mark.parametrize(
    ("body", "detail", "code"),
    [
        (b"{}", "Name: This field is required.", "required"),
        (b'{"name": "a", "new_color": 1}', "New color: This field is unknown.", "unknown"),
        (b"[]", "The body: Must be an object.", "type"),
        (
            b'{"name": "a", "lines": [{"quantity": "x"}]}',
            "Line 1, quantity: Must be a whole number.",
            "type",
        ),
    ],
)
def test_summary_names_the_field_as_people_do(body: bytes, detail: str, code: str) -> None:
    with pytest.raises(Unprocessable) as error:
        parse_body(body, Draft)
    assert error.value.detail == detail
    assert [wrong.code for wrong in error.value.errors] == [code]


def test_bounds_of_an_amount_are_explained_with_its_unit() -> None:
    class Price(Input, frozen=True):
        amount: Annotated[int, msgspec.Meta(ge=1, le=9)]

    for amount, bound in ((0, "Must be at least 1"), (10, "Must be at most 9")):
        with pytest.raises(Unprocessable) as error:
            parse_document({"amount": amount}, Price)
        (wrong,) = error.value.errors
        unit = "in the smallest unit of the currency (such as cents)"
        assert wrong.detail == f"{bound}, {unit}"


def test_message_that_is_new_to_us_is_explained_in_general() -> None:
    error = field_error(msgspec.ValidationError("Something new - at `$.name`"))
    assert (error.pointer, error.detail, error.code) == ("/name", "Is not valid", "invalid")


def test_address_that_no_email_can_be_sent_to_has_the_wrong_format() -> None:
    with pytest.raises(Unprocessable) as error:
        parse_document("alice@", EmailAddress)
    assert [wrong.code for wrong in error.value.errors] == ["format"]


@pytest.mark.parametrize("pattern", patterns.REQUIREMENTS)
def test_a_pattern_is_explained_and_never_shown(pattern: str) -> None:
    with pytest.raises(Unprocessable) as error:
        parse_document("\x00", Annotated[str, msgspec.Meta(pattern=pattern)])
    assert error.value.errors[0].detail == patterns.REQUIREMENTS[pattern]
    assert error.value.errors[0].code == "format"


def test_every_pattern_of_the_contracts_has_its_requirement_in_words() -> None:
    named = {value for value in vars(patterns).values() if str(value).startswith("^")}
    assert named == set(patterns.REQUIREMENTS)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"name": "a"', b"name=a", b'{"name": "\xff"}', b'{"name": "\\ud800"}',
             b'{"name": NaN}', b"{'name': 'a'}", b'{"name": "a"} x'],
)  # fmt: skip
def test_a_body_that_is_not_json_is_a_400(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_body(body, Draft)


def test_a_valid_body_is_decoded() -> None:
    body = b'{"name": "caf\xc3\xa9", "lines": [{"quantity": 2, "price": {"amount": 3}}]}'
    assert parse_body(body, Draft) == Draft(
        name="café", lines=[Line(quantity=2, price=Price(amount=3))]
    )


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [MAX_DEPTH, 900, 5_000, 100_000])
def test_a_deeply_nested_document_is_a_400(opening: bytes, depth: int) -> None:
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
def test_a_merge_patch_follows_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    before = msgspec.json.encode(target)
    assert merge_patch(target, patch) == result
    assert msgspec.json.encode(target) == before  # the target is not modified


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@given(target=documents, patch=documents)
def test_a_merge_patch_is_idempotent(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


def test_unknown_fields_of_an_output_are_ignored() -> None:
    class Answer(Output):
        id: str

    assert parse_body(b'{"id": "a", "new": 1}', Answer) == Answer(id="a")
