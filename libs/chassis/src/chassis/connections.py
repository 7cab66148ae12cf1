"""The HTTP connections of the process: to AWS and to other services, kept open between requests.

All users share them, so that a process makes one TLS context and one connection to a host.
"""

import os
import ssl
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any, Protocol

import urllib3

_MAX_CONNECTIONS = 10
"""Connections to one host that are kept open."""


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
    """What sends a request; ``Connections`` is one."""

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


class Connections:
    """HTTP connections that neither retry nor follow redirects; safe for several threads."""

    def __init__(self) -> None:
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}
        self._lock = Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        timeout: urllib3.Timeout,
    ) -> Response:
        """Send a request and return the response with its whole body.

        Parameters
        ----------
        url
            The URL with its path, percent-encoded.

        Raises
        ------
        urllib3.exceptions.HTTPError
            If there is no response in time, or no complete one.
        """
        scheme, _, rest = url.partition("://")
        host, _, target = rest.partition("/")
        origin = f"{scheme}://{host}"
        pool = self._pools.get(origin) or self._open(origin)
        return pool.urlopen(
            method,
            f"/{target}",
            body=body,
            headers=headers,
            timeout=timeout,
            retries=False,
            redirect=False,
            assert_same_host=False,
        )

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _open(self, origin: str) -> urllib3.HTTPConnectionPool:
        with self._lock:
            if origin not in self._pools:
                options: dict[str, Any] = {"maxsize": _MAX_CONNECTIONS}
                if origin.startswith("https:"):
                    # urllib3 would load the certificates again for each connection
                    options["ssl_context"] = _tls()
                self._pools[origin] = urllib3.connection_from_url(origin, **options)
            return self._pools[origin]


@cache
def _tls() -> ssl.SSLContext:
    # the settings of botocore; without them, the certificates of the system
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or None
    return ssl.create_default_context(cafile=bundle)


@cache
def shared() -> Connections:
    """Return the connections of the process."""
    return Connections()
