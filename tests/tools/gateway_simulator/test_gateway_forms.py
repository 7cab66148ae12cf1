"""Form decoding and the reading of parameters."""

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
def test_nested_keys_become_nested_dictionaries(encoded: str, form: dict[str, Any]) -> None:
    assert decode(encoded) == form


@pytest.mark.parametrize("encoded", ["a=1&a[b]=2", "a[b]=2&a=1", "[a]=1", "a[b=1", "a=%ff"])
def test_a_key_or_value_that_cannot_be_decoded_is_refused(encoded: str) -> None:
    with pytest.raises(StripeError) as refused:
        decode(encoded)
    assert refused.value.answer.status == 400


def error(read: Any) -> dict[str, Any]:
    with pytest.raises(StripeError) as refused:
        read()
    assert refused.value.answer.status == 400
    assert not refused.value.executed
    members: dict[str, Any] = refused.value.answer.body["error"]
    return members


def test_what_was_not_read_is_unknown() -> None:
    # GIVEN parameters of which one, inside another, is not read
    params = Params(decode("amount=1&automatic[enabled]=true&automatic[colour]=red"))
    params.integer("amount")
    nested = params.mapping("automatic")
    assert nested is not None
    assert nested.flag("enabled")
    # WHEN the reading is over THEN that one is named
    refusal = error(params.finish)
    assert (refusal["code"], refusal["param"]) == ("parameter_unknown", "automatic[colour]")


@pytest.mark.parametrize("value", ["abc", "1.5", "1e3", "0", "-1", "100000000", "٣"])
def test_an_amount_is_a_whole_number_within_bounds(value: str) -> None:
    refusal = error(lambda: Params({"amount": value}).integer("amount"))
    assert (refusal["code"], refusal["param"]) == ("parameter_invalid_integer", "amount")


def test_what_is_required_is_named_when_it_is_missing() -> None:
    refusal = error(lambda: Params({}).required_integer("amount"))
    assert (refusal["code"], refusal["param"]) == ("parameter_missing", "amount")


def test_metadata_has_limits() -> None:
    many = {str(n): "x" for n in range(51)}
    for form in (many, {"k" * 41: "x"}, {"k": "v" * 501}, {"k": {"nested": "x"}}):
        refusal = error(lambda form=form: Params({"metadata": form}).metadata())
        assert refusal["param"].startswith("metadata")
