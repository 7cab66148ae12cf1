"""Signed calls to other services, over one pooled HTTP client.

A call has a connect and a read time-out and the deadline of the request that caused it, which is
handed on. Only what is safe to repeat is repeated: an operation that its contract calls
repeatable, or one whose connection never came about. Waits have full jitter (Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

import random
import re
import time
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from chassis import aws, context, log
from chassis.problems import BadRequest, NotFound, ProblemError, ServiceUnavailable, error_for
from contracts.operations import Operation
from contracts.problem import CONTENT_TYPE, Problem

A = TypeVar("A")

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 8.0
ATTEMPTS = 3
BACKOFF = 0.1
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_WORTH_ANOTHER_TRY = {429, 500, 502, 503, 504}

_pool = urllib3.PoolManager(maxsize=10, retries=False)


class Reply(msgspec.Struct, Generic[A], frozen=True):
    """A successful answer: its status and its typed body."""

    status: int
    value: A


class Neighbour(Protocol):
    """Another service, as its callers see it: ``ServiceClient``, or what stands in for it."""

    def call(
        self,
        operation: Operation[A],
        path: Mapping[str, str] | None = None,
        *,
        query: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply[A]:
        """Call an operation and return its answer; see ``ServiceClient.call``."""


class ServiceClient:
    """Calls the API of one private service.

    Parameters
    ----------
    service
        Its name, for logs and errors.
    url
        Where its API's stage is.
    """

    def __init__(self, service: str, url: str) -> None:
        self.service = service
        self._url = url.rstrip("/")

    def call(
        self,
        operation: Operation[A],
        path: Mapping[str, str] | None = None,
        *,
        query: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply[A]:
        """Call an operation and return its answer.

        Parameters
        ----------
        path
            Values of the path's parameters, not yet percent-encoded.
        query, body
            Of the operation's types.

        Raises
        ------
        ProblemError
            What the service answered, if its contract allows that answer.
        BadRequest
            If a header holds what cannot be sent.
        NotFound
            If a path parameter is empty or made of dots.
        ServiceUnavailable
            If it did not answer in time, or not in its contract's terms.
        """
        url = self._url + operation.path.format_map(
            {name: _segment(value) for name, value in (path or {}).items()}
        )
        if query is not None:
            url += "?" + urlencode(_query_of(query), quote_via=quote)
        for name, value in (headers or {}).items():
            if not _HEADER_VALUE.fullmatch(value):
                raise BadRequest(f"The header {name} takes printable ASCII characters alone.")
        sent = {"Accept": "application/json", **context.headers(), **(headers or {})}
        data = b""
        if body is not None:
            data = msgspec.json.encode(body)
            sent["Content-Type"] = "application/json"
        return self._send(operation, url, data, sent)

    def _send(
        self, operation: Operation[A], url: str, data: bytes, headers: Mapping[str, str]
    ) -> Reply[A]:
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            remaining = context.current().remaining()
            if remaining <= 0.05:
                raise self._unavailable(operation, "the deadline has passed")
            try:
                answer = _pool.request(
                    operation.method,
                    url,
                    body=data,
                    headers=_signed(operation.method, url, data, headers),
                    timeout=urllib3.Timeout(
                        connect=min(CONNECT_TIMEOUT, remaining),
                        read=min(READ_TIMEOUT, remaining),
                    ),
                )
            except urllib3.exceptions.HTTPError as error:
                never_sent = isinstance(
                    error,
                    urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError,
                )
                if last or not (operation.repeatable or never_sent):
                    raise self._unavailable(operation, type(error).__name__) from None
            else:
                if last or not operation.repeatable or answer.status not in _WORTH_ANOTHER_TRY:
                    return self._read(operation, answer)
            # jitter is no secret
            wait = random.uniform(0, BACKOFF * 2**attempt)  # nosec B311
            time.sleep(min(wait, context.current().remaining()))
        raise AssertionError("the last attempt returns or raises")

    def _read(self, operation: Operation[A], answer: urllib3.BaseHTTPResponse) -> Reply[A]:
        if answer.status in operation.status:
            if operation.answer is None:
                return Reply(answer.status, None)  # type: ignore[arg-type]
            try:
                return Reply(answer.status, msgspec.json.decode(answer.data, type=operation.answer))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise self._unavailable(operation, f"it answered garbage: {error}") from None
        if answer.status in operation.problems:
            raise _problem_of(answer)
        raise self._unavailable(operation, f"it answered {answer.status}")

    def _unavailable(self, operation: Operation[Any], why: str) -> ServiceUnavailable:
        log.warning("call failed", neighbour=self.service, operation=operation.name, why=why)
        return ServiceUnavailable(f"The service {self.service} does not answer. Try again later.")


def _segment(value: str) -> str:
    # These are nobody's id, and every hop would read another path into them (RFC 3986, 5.2.4).
    if value in ("", ".", ".."):
        raise NotFound("There is no such thing.")
    return quote(value, safe="")


def _query_of(query: Any) -> dict[str, str]:
    """Return the parameters of a query that differ from their defaults."""
    values = msgspec.to_builtins(query)
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(type(query))}
    parameters = {}
    for name, value in values.items():
        if name == "attributes":
            parameters.update({f"attr.{key}": text for key, text in value.items()})
        elif value is not None and value != defaults[name]:
            parameters[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return parameters


def _signed(method: str, url: str, data: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    session = aws.session()
    credentials = session.get_credentials()
    if credentials is None:
        raise ServiceUnavailable("There are no credentials to sign a call with.")
    request = AWSRequest(method=method, url=url, data=data, headers=dict(headers))
    region = session.get_config_variable("region") or "us-east-1"
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
    return dict(request.headers.items())


def _problem_of(answer: urllib3.BaseHTTPResponse) -> ProblemError:
    if answer.headers.get("Content-Type", "").startswith(CONTENT_TYPE):
        try:
            problem = msgspec.json.decode(answer.data, type=Problem)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return error_for(answer.status, "The request was refused.")
        return error_for(answer.status, problem.detail, problem.errors or [])
    return error_for(answer.status, "The request was refused.")
