"""The gateway simulator's core without sockets, behind Stripe's real client.

State, idempotency keys, faults and events are the simulator's own. Instead of a journal it keeps
everything in memory, and requests are function calls.
"""

import json
import re
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import stripe

from gateway_simulator import disputes, faults, intents, ledger, refunds
from gateway_simulator.api import OPERATIONS, new_request_id
from gateway_simulator.dashboard import ACTIONS
from gateway_simulator.errors import Answer, Json, StripeError
from gateway_simulator.forms import Params, decode
from gateway_simulator.gateway import ApiRequest, Gateway, Operation
from gateway_simulator.keys import Keys
from gateway_simulator.store import Store
from support.world.calls import ExternalCalls, Fault

T = TypeVar("T")

# the simulator's own fault for each of these faults
_SIMULATOR_FAULTS: dict[Fault, faults.Kind] = {
    "throttled": "throttle",
    "error": "error_500",
    "error_after": "error_500_after",
    "garbage": "garbage",
}
_ROUTES: list[tuple[str, re.Pattern[str], Operation]] = [
    (method, re.compile(path.replace("{id}", "(?P<id>[^/]+)")), operation)
    for method, path, operation in OPERATIONS
]


class MemoryStore(Store):
    """The simulator's state without a journal."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Json]] = {}

    def write(self, rows: dict[str, dict[str, Json]]) -> None:
        """Write rows."""
        self._apply(rows)


class EventForwarder:
    """Replaces the simulator's webhooks: forwards each event to a function.

    Parameters
    ----------
    on_event
        Receives each event.
    """

    def __init__(self, on_event: Callable[[Json], None]) -> None:
        self._on_event = on_event
        # none is rolled in a simulated world
        self.keys = Keys(Path("in-memory"))

    def add_deliveries(self, work: Any) -> None:
        """Do nothing: the gateway of a simulated world does not crash."""

    def deliver(self, events: Iterable[Json]) -> None:
        """Forward the events of a committed change."""
        for event in events:
            self._on_event(event)


class MemoryGateway:
    """The gateway: requests of the shop, actions of the shopper, and the ledger.

    Parameters
    ----------
    calls
        Records each request of the shop and injects its fault.
    on_event
        Receives each event for which the gateway has to send a webhook.
    delay
        Receives the name and the action of each request that is carried out later.
    """

    def __init__(
        self,
        calls: ExternalCalls,
        on_event: Callable[[Json], None],
        delay: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self.store = MemoryStore()
        self._gateway = Gateway(self.store, EventForwarder(on_event))  # type: ignore[arg-type]
        self._calls = calls
        self._delay = delay

    def request(
        self, method: str, url: str, headers: Any, body: Any
    ) -> tuple[bytes, int, dict[str, str]]:
        """Answer a request of the shop, or fail with the fault injected into it.

        Returns
        -------
        tuple
            Body, status and headers, as Stripe's HTTP clients return them.

        Raises
        ------
        stripe.APIConnectionError
            If a fault leaves the request without a response.
        """
        path = urlsplit(url).path
        # Ids are random, but the name of a call must be the same in every run.
        name = f"gateway {method} {re.sub('pi_[A-Za-z0-9]+', 'pi', path)}"

        def do() -> tuple[bytes, int, dict[str, str]]:
            return self._answer(method, url, headers, body)

        def do_with_fault(fault: Fault) -> tuple[bytes, int, dict[str, str]]:
            match fault:
                case "throttled" | "error" | "error_after" | "garbage":
                    kind = _SIMULATOR_FAULTS[fault]
                    self._gateway.faults.add(faults.Fault(kind, "*", "*", 0.0, 1))
                    return do()
                case "request_lost" | "connection_refused":
                    raise stripe.APIConnectionError("no response")
                case "response_lost":
                    do()
                    raise stripe.APIConnectionError("no response")
                case "delayed":
                    self._delay(name, do)
                    raise stripe.APIConnectionError("no response")
                case "repeated":
                    do()
            return do()

        return self._calls.call(name, do, do_with_fault)

    def _answer(
        self, method: str, url: str, headers: Any, body: Any
    ) -> tuple[bytes, int, dict[str, str]]:
        parts = urlsplit(url)
        operation, object_id = _match_route(method, parts.path)
        request = ApiRequest(
            request_id=new_request_id(),
            method=method,
            path=parts.path,
            object_id=object_id,
            form=decode(parts.query if method == "GET" else body or ""),
            idempotency_key=headers.get("Idempotency-Key") if method == "POST" else None,
        )
        try:
            response = _run_without_waiting(self._gateway.execute(operation, request))
        except StripeError as error:
            return json.dumps(error.answer.body).encode(), error.answer.status, {}
        if response.is_garbage:
            return b"<html><body><h1>502 Bad Gateway</h1>", 200, {}
        return json.dumps(response.answer.body).encode(), response.answer.status, {}

    def forget_idempotency_keys(self) -> None:
        """Move the gateway's clock forward by more than the day for which it stores a key."""
        self.store.advance_clock(25 * 3600)

    def authenticate(self, intent_id: str, outcome: Literal["succeeded", "failed"]) -> None:
        """Complete the authentication by the shopper's bank."""
        work = self.store.begin()
        intents.authenticate(work, intent_id, outcome)
        self._gateway.commit(work)

    def pay_from_browser(self, intent_id: str, payment_method: str) -> Answer:
        """Confirm an intent as the shopper's browser can, which has its client secret."""
        work = self.store.begin()
        params = Params({"payment_method": payment_method})
        answer = intents.confirm(work, intent_id, params, None)
        self._gateway.commit(work)
        return answer

    def use_dashboard(self, path: str, object_id: str = "", **fields: str) -> Json | None:
        """Do something in the gateway's dashboard; return ``None`` if the gateway refuses it.

        Parameters
        ----------
        path
            Path of the action, as in the simulator's control API.
        object_id
            Id in that path.
        fields
            Fields of the action's body.
        """
        work = self.store.begin()
        try:
            answer = ACTIONS[path].run(work, object_id, Params(dict(fields)))
        except StripeError:
            return None
        self._gateway.commit(work)
        return answer.body

    def reversals_of(self, intent_id: str) -> tuple[list[Json], list[Json]]:
        """Return the refunds and the disputes of an intent, oldest first."""
        refunds_, disputes_ = (
            [row for row in self.store.rows(table).values() if row["payment_intent"] == intent_id]
            for table in (refunds.TABLE, disputes.TABLE)
        )
        return refunds_, disputes_

    def intents_of(self, order_id: str) -> list[Json]:
        """Return all intents of an order, oldest first."""
        rows = self.store.rows(intents.TABLE).values()
        return [row for row in rows if row["metadata"].get("order_id") == order_id]

    def ledger(self) -> list[Json]:
        """Return all attempted charges and refunds."""
        return ledger.entries(self.store)


class InProcessClient(stripe.HTTPClient):
    """The HTTP client of ``StripeGateway``, with function calls instead of sockets.

    Parameters
    ----------
    current_gateway
        Returns the gateway of the current world.
    """

    name = "in process"

    def __init__(self, current_gateway: Callable[[], MemoryGateway]) -> None:
        super().__init__()
        self._current_gateway = current_gateway

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None
    ) -> tuple[Any, int, Any]:
        """Send a request."""
        return self._current_gateway().request(method.upper(), url, headers, post_data)

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _match_route(method: str, path: str) -> tuple[Operation, str]:
    for known, pattern, operation in _ROUTES:
        match = pattern.fullmatch(path)
        if match and known == method:
            return operation, match.groupdict().get("id", "")
    raise AssertionError(f"the gateway simulator does not serve {method} {path}")


def _run_without_waiting(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits: faults that take time are not set on the simulator."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("the simulator's core has waited for something")
