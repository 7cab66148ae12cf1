"""Signed calls to other services, over one pooled HTTP client.

A call has a connect and a read time-out and the deadline of the request that caused it, which is
handed on. Only what is safe to repeat is repeated: an operation that its contract calls
repeatable, or one whose connection never came about. Waits have full jitter (Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A neighbour that fails again and
again is not asked for a while: see ``chassis.breaker``.
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
from chassis.breaker import Breaker
from chassis.problems import BadRequest, NotFound, ProblemError, ServiceUnavailable, error_for
from contracts.health import HEALTH
from contracts.operations import Operation
from contracts.problem import CONTENT_TYPE, Problem

A = TypeVar("A")

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 8.0
ATTEMPTS = 3
BACKOFF = 0.1
FAIR_WAIT = 1.0
"""Seconds: who gives a neighbour less has itself to blame if no answer comes."""
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_WORTH_ANOTHER_TRY = {429, 500, 502, 503, 504}

_pool = urllib3.PoolManager(maxsize=10, retries=False)


class Reply(msgspec.Struct, Generic[A], frozen=True):
    """A successful answer: its status and its typed body."""

    status: int
    value: A


class Downstream(Protocol):
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
    breaker
        Knows whether to ask it; a new one unless told.
    """

    def __init__(self, service: str, url: str, breaker: Breaker | None = None) -> None:
        self.service = service
        self._url = url.rstrip("/")
        self._breaker = breaker or Breaker(service)

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
            If it did not answer in time, or not in its contract's terms, or has done so too often
            just now to be asked at all. Its health is always asked for.
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
            if operation is not HEALTH and not self._breaker.allows():
                raise self._unavailable(operation, "it is left alone for a while")
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
                if remaining >= min(READ_TIMEOUT, FAIR_WAIT):
                    self._note(operation, ok=False)
                never_sent = isinstance(
                    error,
                    urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError,
                )
                if last or not (operation.repeatable or never_sent):
                    raise self._unavailable(operation, type(error).__name__) from None
            else:
                if last or not operation.repeatable or answer.status not in _WORTH_ANOTHER_TRY:
                    return self._read(operation, answer)
                self._note(operation, ok=answer.status in operation.problems)
            # jitter is no secret
            wait = random.uniform(0, BACKOFF * 2**attempt)  # nosec B311
            time.sleep(min(wait, context.current().remaining()))
        raise AssertionError("the last attempt returns or raises")

    def _read(self, operation: Operation[A], answer: urllib3.BaseHTTPResponse) -> Reply[A]:
        if answer.status in operation.problems:
            self._note(operation, ok=True)
            raise _problem_of(answer)
        if answer.status not in operation.status:
            raise self._broken(operation, f"it answered {answer.status}")
        value: Any = None
        if operation.answer is not None:
            try:
                value = msgspec.json.decode(answer.data, type=operation.answer)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise self._broken(operation, f"it answered garbage: {error}") from None
        self._note(operation, ok=True)
        return Reply(answer.status, value)

    def _note(self, operation: Operation[Any], *, ok: bool) -> None:
        # a service may be well enough to say so and still fail at everything else
        if operation is not HEALTH:
            (self._breaker.succeeded if ok else self._breaker.failed)()

    def _broken(self, operation: Operation[Any], why: str) -> ServiceUnavailable:
        self._note(operation, ok=False)
        return self._unavailable(operation, why)

    def _unavailable(self, operation: Operation[Any], why: str) -> ServiceUnavailable:
        log.warning("call failed", downstream=self.service, operation=operation.name, why=why)
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
