"""Decoding of forms, and typed access to parameters."""

from typing import Any

import pytest

from gateway_simulator.errors import StripeError
from gateway_simulator.forms import Params, decode


@pytest.mark.parametrize(
    ("encoded", "form"),
    [
        ("", {}),
        ("amount=100&currency=aud", {"amount": "100", "currency": "aud"}),
        ("metadata[order_id]=ord_1", {"metadata": {"order_id": "ord_1"}}),
        ("metadata%5Ba%5D=b%26c+d", {"metadata": {"a": "b&c d"}}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("types[0]=card&types[1]=link", {"types": {"0": "card", "1": "link"}}),
        ("types[]=card&types[]=link", {"types": {"0": "card", "1": "link"}}),
        ("a=1&a=2", {"a": "2"}),
    ],
)
def test_nested_keys_are_decoded_to_nested_dictionaries(encoded: str, form: dict[str, Any]) -> None:
    assert decode(encoded) == form


@pytest.mark.parametrize("encoded", ["a=1&a[b]=2", "a[b]=2&a=1", "[a]=1", "a[b=1", "a=%ff"])
def test_malformed_key_or_value_is_rejected(encoded: str) -> None:
    with pytest.raises(StripeError) as rejected:
        decode(encoded)
    assert rejected.value.answer.status == 400


def error_of(read: Any) -> dict[str, Any]:
    with pytest.raises(StripeError) as rejected:
        read()
    assert rejected.value.answer.status == 400
    assert not rejected.value.executed
    members: dict[str, Any] = rejected.value.answer.body["error"]
    return members


def test_unread_parameter_is_rejected_as_unknown() -> None:
    # GIVEN parameters, of which a nested one has not been read
    params = Params(decode("amount=1&automatic[enabled]=true&automatic[color]=red"))
    params.integer("amount")
    nested = params.nested("automatic")
    assert nested is not None
    assert nested.boolean("enabled")
    # WHEN unknown parameters are rejected THEN the error names that one
    error = error_of(params.reject_unknown)
    assert (error["code"], error["param"]) == ("parameter_unknown", "automatic[color]")


@pytest.mark.parametrize("value", ["abc", "1.5", "1e3", "0", "-1", "100000000", "٣"])
def test_amount_must_be_a_whole_number_within_bounds(value: str) -> None:
    error = error_of(lambda: Params({"amount": value}).integer("amount"))
    assert (error["code"], error["param"]) == ("parameter_invalid_integer", "amount")


def test_missing_required_parameter_is_named() -> None:
    error = error_of(lambda: Params({}).required_integer("amount"))
    assert (error["code"], error["param"]) == ("parameter_missing", "amount")


def test_metadata_outside_the_limits_is_rejected() -> None:
    many = {str(n): "x" for n in range(51)}
    for form in (many, {"k" * 41: "x"}, {"k": "v" * 501}, {"k": {"nested": "x"}}):
        error = error_of(lambda form=form: Params({"metadata": form}).metadata())
        assert error["param"].startswith("metadata")
