"""Calls to other services: contract types in and out, retries and a circuit breaker.

A call has the deadline of the request that caused it, and passes that deadline on. Only what is
safe to repeat is repeated: an operation that its contract calls repeatable, or a request that was
never sent (``chassis.retry``). After several failures in a row a service gets no calls for a
while (``chassis.breaker``).
"""

import re
import time
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from chassis import context, log, tracing
from chassis.breaker import Breaker
from chassis.connections import Response
from chassis.problems import BadRequest, NotFound, ProblemError, ServiceUnavailable, error_for
from chassis.queries import query_parameters
from chassis.retry import RETRYABLE_STATUSES, Failure, RetryPolicy
from chassis.transport import MissingCredentialsError, Transport, TransportError
from contracts.health import HEALTH
from contracts.operations import Operation
from contracts.problem import CONTENT_TYPE, Problem

A = TypeVar("A")

MIN_USEFUL_TIMEOUT = 1.0
"""Seconds. If a caller had less time, a missing response says nothing about the service."""
_MIN_TIME_LEFT = 0.05
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


class Reply(msgspec.Struct, Generic[A], frozen=True):
    """A successful response: its status and its decoded body."""

    status: int
    value: A


class Downstream(Protocol):
    """Another service as its callers see it: ``ServiceClient``, or a fake in a test."""

    def call(
        self,
        operation: Operation[A],
        path: Mapping[str, str] | None = None,
        *,
        query: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply[A]:
        """Call an operation and return its reply.

        Parameters and errors are those of ``ServiceClient.call``.
        """


class ServiceClient:
    """Calls the API of one private service.

    Parameters
    ----------
    service
        The service's name, for logs and errors.
    url
        The URL of the API's stage.
    transport
        Sends the requests; usually shared by all clients of a process.
    breaker
        Stops calls to a service that keeps failing; by default a breaker of this client's own.
    retry
        Decides about further attempts; by default three attempts.
    """

    def __init__(
        self,
        service: str,
        url: str,
        transport: Transport,
        breaker: Breaker | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.service = service
        self._url = url.rstrip("/")
        self._transport = transport
        self._breaker = breaker or Breaker(service)
        self._retry = retry or RetryPolicy()

    def call(
        self,
        operation: Operation[A],
        path: Mapping[str, str] | None = None,
        *,
        query: Any = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply[A]:
        """Call an operation and return its reply.

        Parameters
        ----------
        operation
            The operation, from the service's contract.
        path
            The values of the path parameters by name, not percent-encoded.
        query, body
            The query and the body, of the operation's types.
        headers
            Further headers by name, such as ``If-Match``.

        Raises
        ------
        ProblemError
            If the service answers with a problem that its contract names.
        BadRequest
            If a header holds anything but printable ASCII characters.
        NotFound
            If a path parameter is empty, ``.`` or ``..``.
        ServiceUnavailable
            If the service does not respond in time, responds outside its contract, or has failed
            so often that the circuit breaker is open (which never stops a health check).
        """
        url = self._url + operation.path.format_map(
            {name: _segment(value) for name, value in (path or {}).items()}
        )
        if query is not None:
            url += "?" + urlencode(query_parameters(query), quote_via=quote)
        for name, value in (headers or {}).items():
            if not _HEADER_VALUE.fullmatch(value):
                raise BadRequest(f"The header {name} must consist of printable ASCII characters.")
        data = b"" if body is None else msgspec.json.encode(body)
        with tracing.span(
            f"{operation.method} {operation.path}",
            tracing.CLIENT,
            {
                "http.request.method": operation.method,
                "url.template": operation.path,
                "server.address": self.service,
                "peer.service": self.service,
                "toyshop.operation": operation.name,
            },
        ) as span:
            sent = {"Accept": "application/json", **context.headers(), **(headers or {})}
            if data:
                sent["Content-Type"] = "application/json"
            try:
                response = self._send(operation, url, data, sent, span)
                span.attributes["http.response.status_code"] = response.status
                log.debug(
                    "call answered",
                    downstream=self.service,
                    operation=operation.name,
                    status=response.status,
                    duration_ms=round(span.seconds() * 1000, 1),
                )
                return self._read(operation, response)
            except _CallFailed as failure:
                span.fail(failure.kind, failure.reason)
                log.warning(
                    "call failed",
                    downstream=self.service,
                    operation=operation.name,
                    reason=failure.reason,
                )
                raise ServiceUnavailable(
                    "The service is temporarily unavailable. Try again later."
                ) from None
            except ProblemError as error:
                span.refuse(error.status)
                raise

    def _send(
        self,
        operation: Operation[Any],
        url: str,
        data: bytes,
        headers: Mapping[str, str],
        span: tracing.Span,
    ) -> Response:
        attempt, is_sent = 0, False
        try:
            while True:
                attempt += 1
                if attempt > 1:
                    span.attributes["http.request.resend_count"] = attempt - 1
                time_left = context.current().remaining()
                if time_left <= _MIN_TIME_LEFT:
                    raise _CallFailed("deadline", "the deadline has passed")
                if operation is not HEALTH and not self._breaker.allows():
                    log.metric("toyshop.breaker.open", downstream=self.service)
                    raise _CallFailed("breaker", "the circuit breaker is open")
                try:
                    response = self._transport.send(
                        operation.method, url, data, headers, time_left=time_left
                    )
                except MissingCredentialsError:
                    raise _CallFailed("credentials", "no credentials to sign with") from None
                except TransportError as error:
                    is_sent = is_sent or error.sent
                    if time_left >= min(self._transport.read_timeout, MIN_USEFUL_TIMEOUT):
                        self._record(operation, ok=False)
                    failure = Failure.NO_RESPONSE if error.sent else Failure.NOT_SENT
                    if not self._retry.allows(attempt, failure, repeatable=operation.repeatable):
                        raise _CallFailed(str(error), str(error)) from None
                else:
                    is_sent = True
                    if response.status not in RETRYABLE_STATUSES or not self._retry.allows(
                        attempt, Failure.RETRYABLE_STATUS, repeatable=operation.repeatable
                    ):
                        return response
                    self._record(operation, ok=response.status in operation.problems)
                delay = self._retry.delay(attempt)
                time.sleep(min(delay, context.current().remaining()))
        finally:
            # how quickly a call is refused says nothing about the service
            if is_sent:
                log.metric(
                    "http.client.request.duration",
                    span.seconds(),
                    "Seconds",
                    downstream=self.service,
                )

    def _read(self, operation: Operation[A], response: Response) -> Reply[A]:
        if response.status in operation.problems:
            self._record(operation, ok=True)
            raise _problem_of(response)
        if response.status not in operation.status:
            raise self._contract_broken(operation, f"unexpected status {response.status}")
        value: Any = None
        if operation.answer is not None:
            try:
                value = msgspec.json.decode(response.data, type=operation.answer)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise self._contract_broken(operation, f"invalid body: {error}") from None
        self._record(operation, ok=True)
        return Reply(response.status, value)

    def _record(self, operation: Operation[Any], *, ok: bool) -> None:
        # A service can answer health checks and still fail at everything else.
        if operation is not HEALTH:
            (self._breaker.succeeded if ok else self._breaker.failed)()

    def _contract_broken(self, operation: Operation[Any], reason: str) -> "_CallFailed":
        self._record(operation, ok=False)
        return _CallFailed("contract", reason)


class _CallFailed(Exception):
    """A call brought no answer of the contract."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def _segment(value: str) -> str:
    # No id looks like this, and every hop would resolve it to another path (RFC 3986, 5.2.4).
    if value in ("", ".", ".."):
        raise NotFound("There is nothing at this address.")
    return quote(value, safe="")


def _problem_of(response: Response) -> ProblemError:
    if response.headers.get("Content-Type", "").startswith(CONTENT_TYPE):
        try:
            problem = msgspec.json.decode(response.data, type=Problem)
            members = msgspec.json.decode(response.data, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return error_for(response.status, "The request was refused.")
        error = error_for(response.status, problem.detail, problem.errors or [])
        if problem.type not in ("about:blank", error.type):
            error.type, error.title = problem.type, problem.title
            error.extensions = {
                name: value
                for name, value in members.items()
                if name not in Problem.__struct_fields__
            }
        return error
    return error_for(response.status, "The request was refused.")
