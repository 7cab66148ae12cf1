"""The transport: one signed attempt, and what it says when there is no response."""

from collections.abc import Mapping
from typing import Any

import pytest
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from chassis.transport import (
    MissingCredentialsError,
    Transport,
    TransportError,
    sign_for_api_gateway,
)

URL = "http://127.0.0.1/things"


class FakeHttp:
    def __init__(self, error: HTTPError | None = None) -> None:
        self.error = error
        self.requests: list[dict[str, Any]] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        timeout: urllib3.Timeout,
    ) -> urllib3.HTTPResponse:
        self.requests.append({"method": method, "headers": headers, "timeout": timeout})
        if self.error:
            raise self.error
        return urllib3.HTTPResponse(b"", status=503)


def sign(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    return {**headers, "Authorization": f"{method} {url} {len(body)}"}


def test_a_request_is_signed_and_sent_once_whatever_the_status() -> None:
    http = FakeHttp()
    response = Transport(http, sign).send("PUT", URL, b"ab", {"Accept": "x"}, time_left=9)
    assert response.status == 503
    assert [sent["headers"] for sent in http.requests] == [
        {"Accept": "x", "Authorization": f"PUT {URL} 2"}
    ]


@pytest.mark.parametrize(
    ("time_left", "connect", "read"), [(20.0, 1.0, 8.0), (3.0, 1.0, 3.0), (0.5, 0.5, 0.5)]
)
def test_no_timeout_is_longer_than_the_time_left(
    time_left: float, connect: float, read: float
) -> None:
    http = FakeHttp()
    Transport(http, sign).send("GET", URL, b"", {}, time_left=time_left)
    timeout = http.requests[0]["timeout"]
    assert (timeout.connect_timeout, timeout._read) == (connect, read)


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (NewConnectionError(None, "refused"), False),  # type: ignore[arg-type]
        (ConnectTimeoutError(None, "slow"), False),
        (ReadTimeoutError(None, URL, "slow"), True),  # type: ignore[arg-type]
        (ProtocolError("cut"), True),
    ],
)
def test_an_error_says_whether_the_service_may_have_seen_the_request(
    error: HTTPError, sent: bool
) -> None:
    with pytest.raises(TransportError, match=type(error).__name__) as raised:
        Transport(FakeHttp(error), sign).send("GET", URL, b"", {}, time_left=9)
    assert raised.value.sent is sent


def test_without_credentials_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.credentials.current", lambda: None)
    with pytest.raises(MissingCredentialsError):
        sign_for_api_gateway("GET", URL, b"", {})
