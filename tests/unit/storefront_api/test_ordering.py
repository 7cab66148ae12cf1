"""What identifies the body of an order."""

from typing import Any

import pytest

from chalicelib.storefront_api.ordering import _fingerprint

BODY = {"lines": [{"toy_id": "toy_1", "quantity": 1}], "payment_method": "pm_card_visa"}


def test_fingerprint_is_the_one_that_earlier_releases_have_stored() -> None:
    stored = "dddfe93d6fc92c3e950b09e0afaf092ff4f25a218e423c4cb9ff6af26b863832"
    assert _fingerprint(BODY) == stored
    assert _fingerprint(dict(reversed(BODY.items()))) == stored


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "payment_method": "pm_other"},
        {**BODY, "lines": []},
        {**BODY, "lines": [{"toy_id": "toy_1", "quantity": 2}]},
        {},
        [],
    ],
)
def test_other_body_has_another_fingerprint(body: Any) -> None:
    assert _fingerprint(body) != _fingerprint(BODY)
