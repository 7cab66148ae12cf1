"""The gateway simulator's core without sockets, behind Stripe's real client.

Its state, its idempotency keys, its faults and its events are the simulator's own; what is new
here is the journal (none: a world lives in memory) and the way (a function call).
"""

import json
import re
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import stripe

from gateway_simulator import intents, ledger
from gateway_simulator.api import OPERATIONS, new_request_id
from gateway_simulator.errors import Answer, Json, StripeError
from gateway_simulator.faults import Fault, Kind
from gateway_simulator.forms import Params, decode
from gateway_simulator.gateway import Gateway, Incoming, Operation
from gateway_simulator.store import Store
from support.world.outside import Outside, Trouble

T = TypeVar("T")

# Of each trouble, the simulator's own fault.
_FAULTS: dict[Trouble, Kind] = {
    "throttled": "throttle",
    "faulty": "error_500",
    "faulty_after": "error_500_after",
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
        """Make rows visible."""
        self._apply(rows)


class Announcer:
    """Stands where the simulator's webhooks do: hands each event to the world's deliveries."""

    def __init__(self, tell: Callable[[Json], None]) -> None:
        self._tell = tell

    def plan(self, work: Any) -> None:
        """Do nothing: a world does not crash as a whole."""

    def deliver(self, events: Iterable[Json]) -> None:
        """Hand over the events of committed work."""
        for event in events:
            self._tell(event)


class MemoryGateway:
    """The gateway as the world sees it: the shop's requests, the shopper, the books.

    Parameters
    ----------
    outside
        Through which the shop reaches it.
    tell
        Takes the events that webhooks tell of.
    later
        Takes what happens at some later time.
    """

    def __init__(
        self,
        outside: Outside,
        tell: Callable[[Json], None],
        later: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self.store = MemoryStore()
        self._gateway = Gateway(self.store, Announcer(tell))  # type: ignore[arg-type]
        self._outside = outside
        self._later = later

    def request(
        self, method: str, url: str, headers: Any, body: Any
    ) -> tuple[bytes, int, dict[str, str]]:
        """Take a request of the shop's, with what befalls it."""
        path = urlsplit(url).path
        # Ids are random; what a call is called must not be.
        name = f"gateway {method} {re.sub('pi_[A-Za-z0-9]+', 'pi', path)}"

        def do() -> tuple[bytes, int, dict[str, str]]:
            return self._answer(method, url, headers, body)

        def spoiled(trouble: Trouble) -> tuple[bytes, int, dict[str, str]]:
            match trouble:
                case "throttled" | "faulty" | "faulty_after" | "garbage":
                    self._gateway.faults.add(Fault(_FAULTS[trouble], "*", "*", 0.0, 1))
                    return do()
                case "request_lost" | "refused":
                    raise stripe.APIConnectionError("no answer")
                case "answer_lost":
                    do()
                    raise stripe.APIConnectionError("no answer")
                case "late":
                    self._later(name, do)
                    raise stripe.APIConnectionError("no answer")
                case "twice":
                    do()
            return do()

        return self._outside.call(name, do, spoiled)

    def _answer(
        self, method: str, url: str, headers: Any, body: Any
    ) -> tuple[bytes, int, dict[str, str]]:
        parts = urlsplit(url)
        operation, object_id = _route(method, parts.path)
        incoming = Incoming(
            request_id=new_request_id(),
            method=method,
            path=parts.path,
            object_id=object_id,
            form=decode(parts.query if method == "GET" else body or ""),
            key=headers.get("Idempotency-Key") if method == "POST" else None,
        )
        try:
            outgoing = _finished(self._gateway.answer(operation, incoming))
        except StripeError as error:
            return json.dumps(error.answer.body).encode(), error.answer.status, {}
        if outgoing.garbled:
            return b"<html><body><h1>502 Bad Gateway</h1>", 200, {}
        return json.dumps(outgoing.answer.body).encode(), outgoing.answer.status, {}

    def forget_keys(self) -> None:
        """Move the gateway's clock by more than the day that a key is kept."""
        self.store.advance_clock(25 * 3600)

    def authenticate(self, intent_id: str, outcome: Literal["succeeded", "failed"]) -> None:
        """Have the shopper's bank say yes or no."""
        work = self.store.begin()
        intents.authenticate(work, intent_id, outcome)
        self._gateway.commit(work)

    def pay_from_browser(self, intent_id: str, method: str) -> Answer:
        """Confirm an intent as the shopper's browser may, which has its client secret."""
        work = self.store.begin()
        answer = intents.confirm(work, intent_id, Params({"payment_method": method}), None)
        self._gateway.commit(work)
        return answer

    def intents_of(self, order_id: str) -> list[Json]:
        """Return all intents of an order, oldest first."""
        rows = self.store.rows(intents.TABLE).values()
        return [row for row in rows if row["metadata"].get("order_id") == order_id]

    def ledger(self) -> list[Json]:
        """Return every attempt to take or give back money."""
        return ledger.entries(self.store)


class InProcessClient(stripe.HTTPClient):
    """Stripe's HTTP client as ``StripeGateway`` makes it, with a function call for a socket.

    Parameters
    ----------
    gateway
        Gives the gateway of the present world.
    """

    name = "in process"

    def __init__(self, gateway: Callable[[], MemoryGateway]) -> None:
        super().__init__()
        self._of_the_world = gateway

    def request(
        self, method: str, url: str, headers: Any, post_data: Any = None
    ) -> tuple[Any, int, Any]:
        """Send a request."""
        return self._of_the_world().request(method.upper(), url, headers, post_data)

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _route(method: str, path: str) -> tuple[Operation, str]:
    for known, pattern, operation in _ROUTES:
        match = pattern.fullmatch(path)
        if match and known == method:
            return operation, match.groupdict().get("id", "")
    raise AssertionError(f"the shop asks the gateway for {method} {path}, which it does not serve")


def _finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never waits: the faults that do are made by the world."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("the simulator's core has waited for something")
