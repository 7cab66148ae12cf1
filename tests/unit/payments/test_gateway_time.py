"""The gateway is not called when the invocation would end before it answers."""

import pytest

from chalicelib.payments.gateway import TIMEOUT, GatewayUnavailableError, StripeGateway
from chassis import context


def test_gateway_is_not_called_without_time_for_its_response() -> None:
    # nothing listens at this address: a call would fail with another error
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
