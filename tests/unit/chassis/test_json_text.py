"""Repeated members and control characters of JSON texts."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.json_text import check_members, contains_control, text_of
from chassis.problems import BadRequest, Unprocessable

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"a": 1, "a": 1}', "/a"),
        ('{"a": {"b": [{}, {"c": 1, "d": 2, "c": 3}]}}', "/a/b/1/c"),
        (r'{"a": 1, "\u0061": 1}', "/a"),
        ('{"a/b~c": 1, "a/b~c": 1}', "/a~1b~0c"),
        ('{"": 1, "": 1}', "/"),
        ('{"a": 1, "b": {"c": 1, "c": 1}, "a": 1}', "/a"),
        ('{"__proto__": 1, "__proto__": 2}', "/__proto__"),
        ('{"a": [[[{"b": "x", "b": "y"}]]]}', "/a/0/0/0/b"),
        (f'{{"a": {"9" * 5000}, "a": 1e999}}', "/a"),
    ],
)
def test_repeated_member_is_named(text: str, pointer: str) -> None:
    with pytest.raises(BadRequest) as error:
        check_members(text)
    assert [wrong.pointer for wrong in error.value.errors] == [pointer]


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"a": 1}]',
        '{"a": {"a": {"a": 1}}}',
        '{"a": 1, "A": 1, "\uff41": 1}',
        r'{"a": "\"a\": 1, \"a\": 1"}',
        # not JSON: the decoder says so
        '{"a": 1, "a": 1',
        '{"a": 1, "a"}',
        "",
        r'"\x00"',
        '"\x00"',
    ],
)
def test_text_without_repeated_members_passes(text: str) -> None:
    check_members(text)


@pytest.mark.parametrize(
    "character", [chr(code) for code in range(0x100) if unicodedata.category(chr(code)) == "Cc"]
)
def test_every_control_character_but_white_space_of_texts_is_refused(character: str) -> None:
    texts = [json.dumps({"a": [f"x{character}"]})]
    if character >= "\x20":
        texts.append(json.dumps({"a": [f"x{character}"]}, ensure_ascii=False))
    texts.append(f'{{"a": ["x\\u{ord(character):04X}"]}}')
    for text in texts:
        if character in "\t\n\r":
            check_members(text)
            continue
        with pytest.raises(Unprocessable) as error:
            check_members(text)
        assert [wrong.pointer for wrong in error.value.errors] == ["/a/0"]


@pytest.mark.parametrize(
    ("text", "pointer"),
    [(r'{"a": {"b\u0000": 1}}', "/a"), (r'{"\b": 1}', ""), (r'"\f"', ""), (r'[1, "\u001b"]', "/1")],
)
def test_name_with_control_character_is_found_at_its_parent(text: str, pointer: str) -> None:
    with pytest.raises(Unprocessable) as error:
        check_members(text)
    assert [wrong.pointer for wrong in error.value.errors] == [pointer]


@pytest.mark.parametrize(
    "text", [r'"\\u0000"', r'"\\b"', r'"\\\\f"', r'"é\\u0085"', '"\u2028\u202e"']
)
def test_text_that_only_looks_like_a_control_character_passes(text: str) -> None:
    check_members(text)


@given(DOCUMENTS, st.booleans())
def test_written_documents_pass_unless_they_contain_control_characters(
    document: Any, ascii_only: bool
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only)
    if any(contains_control(part) for part in strings(document)):
        with pytest.raises(Unprocessable):
            check_members(text)
    else:
        check_members(text)


def strings(document: Any) -> list[str]:
    if isinstance(document, dict):
        return [part for item in document.items() for each in item for part in strings(each)]
    if isinstance(document, list):
        return [part for item in document for part in strings(item)]
    return [document] if isinstance(document, str) else []


def test_deep_or_wide_text_takes_no_longer_than_its_length() -> None:
    with pytest.raises(RecursionError):
        check_members('{"a":' * 100_000)
    deep = '{"a":' * 400 + "[" + ",".join(['"\\u0000"'] * 20_000) + "]" + "}" * 400
    with pytest.raises(Unprocessable) as error:
        check_members(deep)
    assert error.value.errors[0].pointer == "/a" * 400 + "/0"


def test_byte_order_mark_is_removed_once() -> None:
    assert text_of(b"\xef\xbb\xbf{}") == "{}"
    assert text_of(b"\xef\xbb\xbf\xef\xbb\xbf") == "\ufeff"
    for wrong in (b"\xff\xfe{\0}\0", b"\xc0\x80", b"\xed\xa0\x80", b"Jos\xe9"):
        with pytest.raises(BadRequest):
            text_of(wrong)
