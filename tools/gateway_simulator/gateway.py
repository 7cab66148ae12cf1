"""The gateway: executes requests, with their idempotency keys and injected faults."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway_simulator.errors import Answer, StripeError, invalid_parameter, server_error
from gateway_simulator.faults import Fault, Faults
from gateway_simulator.forms import Form, Params
from gateway_simulator.idempotency import IdempotencyKeys, KeyedRequest
from gateway_simulator.keys import Keys
from gateway_simulator.store import Store, UnitOfWork
from gateway_simulator.webhooks import Webhooks


@dataclass(frozen=True)
class Call:
    """Arguments of an operation.

    Attributes
    ----------
    work
        Unit of work for all reads and changes.
    id
        Id in the path of the request; empty if the path has none.
    params
        Parameters of the request.
    idempotency_key
        Key of the request, if it has one.
    """

    work: UnitOfWork
    id: str
    params: Params
    idempotency_key: str | None


Operation = Callable[[Call], Answer]


@dataclass(frozen=True)
class ApiRequest:
    """An API request, independent of the HTTP server.

    Attributes
    ----------
    request_id
        New id of the request.
    method
        HTTP method.
    path
        Path without the query string.
    object_id
        Id in the path; empty if the path has none.
    form
        Decoded parameters.
    idempotency_key
        Idempotency key, if the request has one.
    """

    request_id: str
    method: str
    path: str
    object_id: str
    form: Form
    idempotency_key: str | None


@dataclass(frozen=True)
class ApiResponse:
    """The response to an API request, independent of the HTTP server.

    Attributes
    ----------
    answer
        Status and body.
    is_stored
        Whether the answer is stored for the idempotency key.
    original_request
        Id of the request that the stored answer belongs to, if it is replayed.
    is_garbage
        Whether an unreadable body is sent instead of the answer's.
    """

    answer: Answer
    is_stored: bool = False
    original_request: str | None = None
    is_garbage: bool = False


class Gateway:
    """A simulated gateway.

    Parameters
    ----------
    store
        State of the gateway.
    webhooks
        Sends the events; by default, they are not sent.

    Attributes
    ----------
    faults
        Faults to inject into the next requests.
    keys
        The account's keys.
    """

    def __init__(self, store: Store, webhooks: Webhooks | None = None) -> None:
        self.store = store
        self.faults = Faults()
        self.keys = webhooks.keys if webhooks else Keys(store.directory)
        self._keys = IdempotencyKeys(store)
        self._webhooks = webhooks

    def skew_webhooks(self, seconds: float) -> None:
        """Let the clock that signs webhooks differ from the system's, until a restart."""
        if self._webhooks is not None:
            self._webhooks.skew_seconds = seconds

    async def execute(self, operation: Operation, request: ApiRequest) -> ApiResponse:
        """Execute a request, at most once per idempotency key, and inject a matching fault.

        Parameters
        ----------
        operation
            Operation that the request calls.
        request
            The request.

        Raises
        ------
        StripeError
            If the response is an error that is not stored for the key.
        """
        fault = self.faults.consume(request.method, request.path)
        if fault is not None and fault.kind == "throttle":
            raise StripeError(429, "Request rate limit exceeded.", code="rate_limit")
        if fault is not None and fault.kind == "reject":
            raise invalid_parameter("injected", "This account may not use the parameter.")
        keyed = None
        if request.idempotency_key is not None:
            keyed = KeyedRequest(request.idempotency_key, request.path, request.form)
        with self._keys.reserve(keyed) as stored:
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            if stored is not None:
                response = ApiResponse(stored.answer, True, original_request=stored.request_id)
            else:
                response = ApiResponse(
                    self._run(operation, request, keyed, fault), keyed is not None
                )
        # The key is released first: a retry during the delay gets the stored answer at once.
        if fault is not None and fault.kind == "timeout_after":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "garbage":
            return replace(response, is_garbage=True)
        return response

    def commit(self, work: UnitOfWork) -> None:
        """Commit a unit of work and start to deliver its events.

        Raises
        ------
        OSError
            If the changes could not be written.
        """
        if self._webhooks is None:
            work.commit()
            return
        self._webhooks.add_deliveries(work)
        work.commit()
        self._webhooks.deliver(work.events)

    def _run(
        self,
        operation: Operation,
        request: ApiRequest,
        keyed: KeyedRequest | None,
        fault: Fault | None,
    ) -> Answer:
        kind = fault.kind if fault is not None else None
        work = self.store.begin()
        try:
            if kind == "error_500":
                raise server_error()
            params = Params(request.form)
            answer = operation(Call(work, request.object_id, params, request.idempotency_key))
        except StripeError as error:
            if not error.executed:
                raise
            # The changes of the failed operation are discarded; only its answer is stored.
            work, answer = self.store.begin(), error.answer
        if kind == "error_500_after":
            answer = server_error().answer
        if keyed is not None:
            self._keys.store(work, keyed, answer, request.request_id)
        self.commit(work)
        return answer
