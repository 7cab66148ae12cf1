"""Signed HTTP requests to other services: one attempt, without retries.

``signed_transport`` creates what the services use; an app's bootstrap calls it once.
"""

from collections.abc import Callable, Mapping

import urllib3

from chassis import connections, credentials, signing
from chassis.connections import Http, Response

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 8.0


Signer = Callable[[str, str, bytes, Mapping[str, str]], dict[str, str]]
"""Takes method, URL, body and headers of a request; returns the headers with its signature."""


class TransportError(Exception):
    """A request brought no response.

    Parameters
    ----------
    reason
        The kind of error, for the log.
    sent
        Whether the service may have received the request.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class MissingCredentialsError(Exception):
    """The process has no AWS credentials to sign a request with."""


class Transport:
    """Sends signed requests.

    Parameters
    ----------
    http
        The connections.
    sign
        Signs each request.
    read_timeout
        Seconds to wait for a response at most.
    """

    def __init__(self, http: Http, sign: Signer, read_timeout: float = READ_TIMEOUT) -> None:
        self._http = http
        self._sign = sign
        self.read_timeout = read_timeout

    def send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, time_left: float
    ) -> Response:
        """Send a request once and return the response, whatever its status.

        Parameters
        ----------
        time_left
            Seconds until the caller's deadline; no timeout is longer.

        Raises
        ------
        TransportError
            If there is no response in time, or no complete one.
        MissingCredentialsError
            If there is nothing to sign with.
        """
        signed = self._sign(method, url, body, headers)
        timeout = urllib3.Timeout(
            connect=min(CONNECT_TIMEOUT, time_left), read=min(self.read_timeout, time_left)
        )
        try:
            return self._http.request(method, url, body=body, headers=signed, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            unsent = (
                urllib3.exceptions.NewConnectionError,
                urllib3.exceptions.ConnectTimeoutError,
            )
            sent = not isinstance(error, unsent)
            raise TransportError(type(error).__name__, sent=sent) from None


def sign_for_api_gateway(
    method: str, url: str, body: bytes, headers: Mapping[str, str]
) -> dict[str, str]:
    """Return the headers of a request to API Gateway with its signature.

    Raises
    ------
    MissingCredentialsError
        If the process has no credentials.
    """
    found = credentials.current()
    if found is None:
        raise MissingCredentialsError
    return signing.signed(
        method,
        url,
        body,
        headers,
        service="execute-api",
        region=credentials.region() or "us-east-1",
        credentials=found,
    )


def connection_pool() -> Http:
    """Return the connections of the process."""
    return connections.shared()


def signed_transport() -> Transport:
    """Return a transport over the process's connections that signs with its credentials."""
    return Transport(connection_pool(), sign_for_api_gateway)
