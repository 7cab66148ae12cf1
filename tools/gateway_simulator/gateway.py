"""The gateway itself: how a request is executed, kept, and made to fail."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from gateway_simulator.errors import Answer, StripeError, server_error
from gateway_simulator.faults import Fault, Faults
from gateway_simulator.forms import Form, Params
from gateway_simulator.idempotency import IdempotencyKeys, KeyedRequest
from gateway_simulator.store import Store, UnitOfWork
from gateway_simulator.webhooks import Webhooks


@dataclass(frozen=True)
class Call:
    """What an operation gets: where to work, on which object, with what."""

    work: UnitOfWork
    id: str
    params: Params
    key: str | None


Operation = Callable[[Call], Answer]


@dataclass(frozen=True)
class Incoming:
    """One API request, free of HTTP."""

    request_id: str
    method: str
    path: str
    object_id: str
    form: Form
    key: str | None


@dataclass(frozen=True)
class Outgoing:
    """What is answered, and how it came about.

    Attributes
    ----------
    answer
        Status and body.
    kept
        Whether the same key gets the same answer from now on.
    original_request
        Id of the request that was first answered so, when this one is a replay.
    garbled
        Whether the body is to be made unreadable on its way.
    """

    answer: Answer
    kept: bool = False
    original_request: str | None = None
    garbled: bool = False


class Gateway:
    """State, idempotency keys, faults and webhooks of one simulator."""

    def __init__(self, store: Store, webhooks: Webhooks | None = None) -> None:
        self.store = store
        self.faults = Faults()
        self._keys = IdempotencyKeys(store)
        self._webhooks = webhooks

    async def answer(self, operation: Operation, incoming: Incoming) -> Outgoing:
        """Execute a request once for its key, with the fault that is set for it.

        Raises
        ------
        StripeError
            For an answer that is not kept under the key.
        """
        fault = self.faults.take(incoming.method, incoming.path)
        if fault is not None and fault.kind == "throttle":
            raise StripeError(429, "Request rate limit exceeded.", code="rate_limit")
        keyed = None
        if incoming.key is not None:
            keyed = KeyedRequest(incoming.key, incoming.path, incoming.form)
        with self._keys.hold(keyed) as kept:
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            if kept is not None:
                outgoing = Outgoing(kept.answer, True, original_request=kept.request_id)
            else:
                outgoing = Outgoing(
                    self._execute(operation, incoming, keyed, fault), keyed is not None
                )
        # The key is free again: on the wire an answer is lost, in the gateway it is not.
        if fault is not None and fault.kind == "timeout_after":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind == "garbage":
            return Outgoing(outgoing.answer, outgoing.kept, outgoing.original_request, True)
        return outgoing

    def commit(self, work: UnitOfWork) -> None:
        """Make a unit of work true, and tell of it."""
        if self._webhooks is None:
            work.commit()
            return
        self._webhooks.plan(work)
        work.commit()
        self._webhooks.deliver(work.events)

    def _execute(
        self,
        operation: Operation,
        incoming: Incoming,
        keyed: KeyedRequest | None,
        fault: Fault | None,
    ) -> Answer:
        kind = fault.kind if fault is not None else None
        work = self.store.begin()
        try:
            if kind == "error_500":
                raise server_error()
            params = Params(incoming.form)
            answer = operation(Call(work, incoming.object_id, params, incoming.key))
        except StripeError as error:
            if not error.executed:
                raise
            # What the operation had begun is dropped; only its answer is kept.
            work, answer = self.store.begin(), error.answer
        if kind == "error_500_after":
            answer = server_error().answer
        if keyed is not None:
            self._keys.keep(work, keyed, answer, incoming.request_id)
        self.commit(work)
        return answer
