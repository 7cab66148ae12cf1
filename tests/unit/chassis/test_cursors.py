"""Cursors: opaque, signed together with their query, and safe from forgery."""

import base64
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from chassis import aws
from chassis.cursors import Cursors, secret_keys
from chassis.problems import BadRequest
from support.moto_aws import send_to_moto

QUERY = {"q": "kite", "sort": "price"}
ours = Cursors(lambda: [b"key one"])
ALPHABET = string.ascii_letters + string.digits + "-_+/=."


def assert_rejected(cursor: str, query: dict[str, Any] = QUERY, reader: Cursors = ours) -> None:
    with pytest.raises(BadRequest) as error:
        reader.read(cursor, query)
    assert [wrong.pointer for wrong in error.value.errors] == ["/cursor"]


@given(st.lists(st.integers() | st.text() | st.none(), max_size=4))
def test_a_cursor_returns_its_position(position: Any) -> None:
    cursor = ours.write(position, QUERY)
    assert ours.read(cursor, QUERY) == position
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_.")


def test_keys_that_cannot_be_read_are_an_error_of_their_own() -> None:
    error = ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue")
    client = Mock(get_secret_value=Mock(side_effect=error))
    with pytest.raises(ClientError, match="AccessDeniedException"):
        secret_keys(lambda: client, "cursor-key")()


def test_a_cursor_belongs_to_the_times_of_its_query() -> None:
    query = {"since": datetime(2026, 11, 1, tzinfo=UTC)}
    cursor = ours.write([1], query)
    assert ours.read(cursor, query) == [1]
    assert_rejected(cursor, {"since": datetime(2026, 11, 2, tzinfo=UTC)})


@pytest.mark.parametrize("position", [["a" * n] for n in range(4)])
def test_a_cursor_with_any_character_changed_is_rejected(position: list[str]) -> None:
    # with several lengths, since at some the last character has bits that base64 ignores
    cursor = ours.write(position, QUERY)
    for place in range(len(cursor)):
        for character in ALPHABET:
            if character != cursor[place]:
                assert_rejected(cursor[:place] + character + cursor[place + 1 :])


def test_a_shortened_or_extended_cursor_is_rejected() -> None:
    cursor = ours.write(["a", 1], QUERY)
    for length in range(len(cursor)):
        assert_rejected(cursor[:length])
    for tail in ("A", "=", "==", "AAAA", " ", "\n"):
        assert_rejected(cursor + tail)
        assert_rejected(tail + cursor)


@pytest.mark.parametrize(
    "junk", ["", "A", "nonsense", "é", "\x00", "💥", "\ud800", "=" * 8, "A" * 2000, "%41"]
)
def test_junk_is_rejected(junk: str) -> None:
    assert_rejected(junk)


def test_a_forged_position_is_rejected() -> None:
    packed = b'{"id":"ord_1"}'
    assert_rejected(base64.urlsafe_b64encode(b"0" * 16 + packed).rstrip(b"=").decode())
    text = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    assert_rejected(text)
    assert_rejected(f"{text}.")
    assert_rejected(f"{text}.{text}")


def test_signatures_are_hmac_sha256() -> None:
    signature = ours.write([1], QUERY).rpartition(".")[2]
    assert len(base64.urlsafe_b64decode(signature + "=")) == 32


def test_a_cursor_does_not_repeat_its_query() -> None:
    assert len(ours.write([1], {"q": "x" * 500})) == len(ours.write([1], QUERY))


def test_a_cursor_is_valid_for_its_query_only() -> None:
    cursor = ours.write([1], QUERY)
    for other in ({}, {"q": "kite"}, QUERY | {"q": "ball"}, QUERY | {"x": None}):
        assert_rejected(cursor, other)
    assert ours.read(cursor, dict(reversed(QUERY.items()))) == [1]  # in any order


def test_the_previous_key_is_accepted_and_the_current_one_signs() -> None:
    old, new = Cursors(lambda: [b"old"]), Cursors(lambda: [b"new", b"old"])
    assert new.read(old.write([1], QUERY), QUERY) == [1]
    assert_rejected(new.write([1], QUERY), reader=old)
    newer = Cursors(lambda: [b"newer", b"new"])
    assert_rejected(old.write([1], QUERY), reader=newer)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        send_to_moto(monkeypatch)
        yield boto3.client("secretsmanager")
    aws.client.cache_clear()


def test_the_keys_are_the_two_versions_of_the_secret(secrets: Any) -> None:
    # GIVEN a secret that was never rotated
    secrets.create_secret(Name="cursor-key", SecretString="first")
    keys = secret_keys(lambda: aws.client("secretsmanager"), "cursor-key")
    assert keys() == [b"first"]
    # WHEN it is rotated, and a new process reads it
    cursor = Cursors(keys).write([1], QUERY)
    secrets.put_secret_value(SecretId="cursor-key", SecretString="second")
    assert keys() == [b"first"]  # for as long as the process runs
    keys = secret_keys(lambda: aws.client("secretsmanager"), "cursor-key")
    # THEN the current key comes first, and cursors of the previous key remain valid
    assert keys() == [b"second", b"first"]
    assert Cursors(keys).read(cursor, QUERY) == [1]
