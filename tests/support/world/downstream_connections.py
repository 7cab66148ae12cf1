"""The HTTP connections of the signed client: they call the downstream service's app directly."""

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3

from support.world import apps
from support.world.apps import Answer
from support.world.calls import ExternalCalls, Fault


class ServeRequest(Protocol):
    """Serves a request in a process of the service's API."""

    def __call__(
        self,
        service: str,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        callers: tuple[str, ...],
    ) -> Answer:
        """Return the answer."""


class DownstreamConnections:
    """The connection pool of all services.

    Parameters
    ----------
    calls
        Records each request and injects its fault.
    serve
        Serves a request in a process of the service's API.
    delay
        Takes the name and the action of a request that is carried out later.
    document
        Returns the content of a document by its key in S3, or ``None`` if there is none.
    """

    def __init__(
        self,
        calls: ExternalCalls,
        serve: ServeRequest,
        delay: Callable[[str, Callable[[], object]], None],
        document: Callable[[str], bytes | None],
    ) -> None:
        self._document = document
        self._calls = calls
        self._serve = serve
        self._delay = delay

    def request(
        self, method: str, url: str, *, body: bytes, headers: dict[str, str], timeout: Any
    ) -> Answer:
        """Send a request.

        Raises
        ------
        urllib3.exceptions.HTTPError
            If a fault leaves the request without a response.
        """
        if "amazonaws.com/" in url and "/documents/" in url:
            return self._read_document(url)
        service, path = apps.parse_url(url)
        # without the last segment, which may be an id
        name = f"{service} {method} {urlsplit(path).path.rpartition('/')[0]}"
        callers = self._calls.hops

        def do() -> Answer:
            return self._serve(service, method, path, body, headers, callers)

        return self._calls.call(name, do, self._with_faults(name, url, do))

    def _read_document(self, url: str) -> Answer:
        """Read a document by its presigned URL."""
        name = "documents GET"

        def do() -> Answer:
            content = self._document(urlsplit(url).path.split("/", 2)[2])
            return Answer(404, {}, b"") if content is None else Answer(200, {}, content)

        return self._calls.call(name, do, self._with_faults(name, url, do))

    def _with_faults(
        self, name: str, url: str, do: Callable[[], Answer]
    ) -> Callable[[Fault], Answer]:
        """Return a function that carries out a request with a fault."""

        def do_with_fault(fault: Fault) -> Answer:
            no_response = urllib3.exceptions.ReadTimeoutError(None, url, "no response")  # type: ignore[arg-type]
            match fault:
                case "connection_refused":
                    raise urllib3.exceptions.NewConnectionError(None, "no connection")  # type: ignore[arg-type]
                case "throttled":
                    return Answer(429, {}, b"")
                case "error":
                    return Answer(500, {}, b"")
                case "error_after":
                    do()
                    return Answer(500, {}, b"")
                case "garbage":
                    do()
                    return Answer(200, {}, b"<html>")
                case "request_lost":
                    raise no_response
                case "response_lost":
                    do()
                    raise no_response
                case "delayed":
                    self._delay(name, do)
                    raise no_response
                case "repeated":
                    do()
            return do()

        return do_with_fault
