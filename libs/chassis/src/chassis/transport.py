"""Signed HTTP requests over pooled connections: one attempt, without retries.

``signed_transport`` creates what the services use; an app's bootstrap calls it once.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import botocore.session
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from chassis import aws

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 8.0
MAX_CONNECTIONS = 10


class Response(Protocol):
    """The part of an HTTP response that callers use."""

    @property
    def status(self) -> int:
        """The HTTP status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names in any case."""

    @property
    def data(self) -> bytes:
        """The whole body."""


class Http(Protocol):
    """A pool of HTTP connections; ``urllib3.PoolManager`` is one."""

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        timeout: urllib3.Timeout,
    ) -> Response:
        """Send a request and return the response."""


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


def sigv4_signer(session: Callable[[], botocore.session.Session]) -> Signer:
    """Return a signer of requests to API Gateway (AWS Signature Version 4).

    Parameters
    ----------
    session
        Returns the botocore session whose credentials sign; called for each request.

    Raises
    ------
    MissingCredentialsError
        Raised by the signer if the session has no credentials.
    """

    def sign(method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        current = session()
        credentials = current.get_credentials()
        if credentials is None:
            raise MissingCredentialsError
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        region = current.get_config_variable("region") or "us-east-1"
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
        return dict(request.headers.items())

    return sign


def connection_pool() -> Http:
    """Return a new pool of HTTP connections that neither retries nor follows redirects."""
    return urllib3.PoolManager(maxsize=MAX_CONNECTIONS, retries=False)


def signed_transport() -> Transport:
    """Return a transport with connections of its own, signing with the process's credentials."""
    return Transport(connection_pool(), sigv4_signer(aws.session))
