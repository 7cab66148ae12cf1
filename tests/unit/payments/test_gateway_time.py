"""The gateway is not called when the invocation would end before it answers."""

import pytest

from chalicelib.payments.gateway import TIMEOUT, GatewayUnavailableError, StripeGateway
from chassis import context


def test_no_call_without_the_time_to_wait_for_its_answer() -> None:
    # an address that nobody answers at: a call would fail differently
    gateway = StripeGateway("sk_test_x", "http://127.0.0.1:1")
    with (
        context.entered({}, budget=TIMEOUT - 1),
        pytest.raises(GatewayUnavailableError, match="no time left"),
    ):
        gateway.cancel("pi_1")
    with (
        context.entered({}, budget=TIMEOUT + 1),
        pytest.raises(GatewayUnavailableError, match="APIConnectionError"),
    ):
        gateway.cancel("pi_1")
