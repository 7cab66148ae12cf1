"""Which requests the simulator refuses, whatever they ask for."""

import logging
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Response

from gateway_simulator.server import AccessLogger


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:12111"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_simulator/ledger"),
        ("POST", "/_simulator/clock"),
        ("DELETE", "/_simulator/faults"),
        ("GET", "/v1/payment_intents"),
        ("OPTIONS", "/_simulator/clock"),
    ],
)
def test_request_of_a_web_page_is_refused(
    simulate: Any, method: str, path: str, headers: dict[str, str]
) -> None:
    async def scenario(simulator: Any) -> None:
        # WHEN a page sends a request, with the published key
        sent = {"Authorization": "Bearer sk_test_shop", "Content-Type": "text/plain", **headers}
        body = b'{"advance_seconds": 86400}'
        async with simulator.http.request(method, path, data=body, headers=sent) as answer:
            # THEN it is refused, without a header that lets the page read the answer
            assert answer.status == 403
            assert not [
                name for name in answer.headers if name.lower().startswith("access-control")
            ]
        assert (await simulator.control("GET", "/health")).body["advanced_seconds"] == 0

    simulate(scenario)


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/bank/pi_1_secret_2aB", "/bank/pi_1_secret_***"),
        ("/v1/payment_intents/pi_1?client_secret=pi_1_secret_2aB&a=b",
         "/v1/payment_intents/pi_1?client_secret=pi_1_secret_***&a=b"),
        ("/v1/refunds?limit=3", "/v1/refunds?limit=3"),
    ],
)  # fmt: skip
def test_client_secrets_are_not_logged(
    path: str, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("test")
    with caplog.at_level(logging.INFO, "test"):
        AccessLogger(logger, "").log(make_mocked_request("GET", path), Response(status=404), 0.25)
    assert caplog.messages == [f'"GET {logged}" 404 0.250000s']


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:12111", "[::1]:1"])
def test_request_by_a_loopback_name_is_answered(simulate: Any, host: str) -> None:
    async def scenario(simulator: Any) -> None:
        headers = {"Host": host, "Sec-Fetch-Site": "none"}
        async with simulator.http.get("/_simulator/health", headers=headers) as answer:
            assert answer.status == 200

    simulate(scenario)
