"""A simulated world: the shop's real code in one process and one thread, on fakes of AWS.

All services run as their ``app.py`` wires them. DynamoDB, SNS, SQS, S3, SES and Cognito are
in-memory fakes below the real clients of botocore and PynamoDB; the gateway is the simulator's core
below the real ``stripe`` package. Nothing happens on its own: the test decides what is delivered
next, which faults occur, and when time passes. The same choices give the same result.
"""

import hashlib
import json
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
import stripe
import time_machine

from chassis import threads
from contracts import orders as orders_api
from contracts import payments as payments_api
from contracts.operations import Operation
from gateway_simulator.webhooks import signature
from support.aws_calls import intercept
from support.world import apps, event_sources
from support.world.apps import Answer
from support.world.calls import ExternalCalls, ProcessCrashed
from support.world.cloud import MemoryCloud
from support.world.deliveries import Deliveries, Delivery, now
from support.world.downstream_connections import DownstreamConnections
from support.world.event_sources import Message
from support.world.gateway import InProcessClient, MemoryGateway
from support.world.tables import Item, MemoryTables

START = datetime(2026, 11, 24, tzinfo=UTC)
PRICE = 2500
CUSTOMER = "cus_1"
CITY = "Sydney"

_active: list["World"] = []
_stripe = InProcessClient(lambda: _active[-1].gateway)

Step = Callable[[list[Delivery]], None]
"""Makes one of the deliveries that are due."""


def oldest_first(due: list[Delivery]) -> None:
    """Make the oldest delivery of the first kind."""
    due[0].run(False)


def newest_first(due: list[Delivery]) -> None:
    """Make the newest delivery of the last kind."""
    due[-1].run(False)


class NeverIdle(AssertionError):
    """A world in which something always remains to be delivered."""


class World:
    """One shop with everything it depends on; a context manager.

    Parameters
    ----------
    read_lag
        Seconds in which eventually consistent reads of a table do not return a change.

    Attributes
    ----------
    calls
        Records the calls of all processes, and injects faults.
    deliveries
        What waits to be delivered.
    accepted_orders
        The ids returned for the order with each number; a second id is a violation.
    accepted_cancellations
        The ids of the orders whose cancellation was accepted.
    accepted_retries
        The keys of the accepted requests to pay again, by order.
    possible_cities
        The cities that each order may have: the last one accepted, and those requested since
        without a definite answer.
    emails_sent
        The number of copies of each email that SES accepted, by message id.
    emails_in_order
        The message ids of the emails that SES accepted while their sender waited for its response,
        in this order.
    allowed_copies
        The number of second copies allowed for each email, by message id: how often SES accepted it
        and the attempt then ended before that was recorded.
    """

    def __init__(self, read_lag: float = 1.0) -> None:
        self.calls = ExternalCalls()
        templates = [apps.read_template(service, "resources.yaml") for service in apps.SERVICES]
        self.tables = MemoryTables(templates, read_lag)
        self.queues = event_sources.queues()
        self.deliveries = Deliveries(self.calls, self.tables, self.queues, self._send_webhook)
        self.cloud = MemoryCloud(
            self.tables,
            self.queues,
            self.deliveries.publish,
            now,
            self._on_email,
            self.deliveries.delay,
        )
        self.gateway = MemoryGateway(self.calls, self.deliveries.add_webhook, self.deliveries.delay)
        self.emails_sent: Counter[str] = Counter()
        self.emails_in_order: list[str] = []
        self.allowed_copies: Counter[str] = Counter()
        self.accepted_orders: dict[int, set[str]] = {}
        self.accepted_cancellations: set[str] = set()
        self.accepted_retries: dict[str, set[str]] = {}
        self.possible_cities: dict[str, set[str]] = {}
        # of each running API process, the emails that it has sent
        self._emails_of_processes: list[list[str]] = []
        self._stack = ExitStack()

    def __enter__(self) -> "World":
        """Connect the apps of this process to this world."""
        enter = self._stack.enter_context
        enter(mock.patch.dict(os.environ, apps.CREDENTIALS))
        for service in apps.SERVICES:
            apps.load_app(service)
        for breaker in apps.BREAKERS:
            breaker.succeeded()
        # a new process has no index yet
        apps.load_app("toys").components.catalogue_index()._index = None
        self.clock = enter(time_machine.travel(START, tick=False))
        world = self

        def call_aws(_original: object, service: str, operation: str, params: Any) -> Any:
            return world._call_aws(service, operation, params)

        intercept(enter(pytest.MonkeyPatch.context()), call_aws)
        connections = DownstreamConnections(
            self.calls,
            self.serve_request,
            self.deliveries.delay,
            lambda key: self.cloud.objects.get(key, {}).get("Body"),
        )
        enter(mock.patch.object(apps.CONNECTIONS, "current", connections, create=True))
        enter(mock.patch.object(stripe, "RequestsClient", _stripe_client))
        # one after the other, so that the same choices give the same result
        enter(mock.patch.object(threads, "concurrently", lambda one, two: (one(), two())))
        _active.append(self)
        self._stack.callback(_active.remove, self)
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect the apps."""
        self._stack.close()

    # Clients

    def place_order(self, number: int, payment_method: str = "pm_card_visa") -> Answer:
        """Place an order; the same number uses the same idempotency key again."""
        fingerprint = hashlib.sha256(f"{number}{payment_method}".encode()).hexdigest()
        line = {
            "toy_id": "toy_1",
            "name": "Kite",
            "quantity": 1,
            "unit_price": {"amount": PRICE + number, "currency": "AUD"},
        }
        address = {
            "name": "A", "line1": "1", "city": CITY, "postal_code": "2000", "country": "AU",
        }  # fmt: skip
        answer = self.call_api(
            orders_api.PLACE,
            "orders",
            body={
                "customer_id": CUSTOMER,
                "idempotency_key": f"order-number-{number}",
                "fingerprint": fingerprint,
                "contact": {"email": "a@example.com", "name": "A"},
                "lines": [line],
                "shipping_address": address,
                "payment_method": payment_method,
            },
        )
        if answer.status in (200, 201):
            order_id = json.loads(answer.data)["id"]
            self.accepted_orders.setdefault(number, set()).add(order_id)
        return answer

    def cancel_order(self, order_id: str) -> Answer:
        """Cancel an order."""
        answer = self.call_api(orders_api.CANCEL, "orders", {"order_id": order_id}, body={})
        if answer.status == 202:
            self.accepted_cancellations.add(order_id)
        return answer

    def pay_again(
        self, order_id: str, key: int, payment_method: str = "pm_card_visa", status: str = ""
    ) -> Answer:
        """Pay an order again; the same key repeats the request.

        Parameters
        ----------
        status
            The order's status that the storefront has read, if it is not the current one.
        """
        fingerprint = hashlib.sha256(payment_method.encode()).hexdigest()
        answer = self.call_api(
            payments_api.RETRY,
            "payments",
            body={
                "order_id": order_id,
                "order_status": status or self.orders()[order_id]["status"]["S"],
                "payment_method": payment_method,
                "idempotency_key": f"payment-number-{key}",
                "fingerprint": fingerprint,
            },
        )
        if answer.status == 202:
            self.accepted_retries.setdefault(order_id, set()).add(f"payment-number-{key}")
        return answer

    def change_city(self, order_id: str, city: str) -> Answer:
        """Change the city of an order's shipping address."""
        version = self.orders()[order_id]["version"]["N"]
        answer = self.call_api(
            orders_api.CHANGE,
            "orders",
            {"order_id": order_id},
            body={"shipping_address": {"city": city}},
            headers={"If-Match": f'"{version}"'},
        )
        if answer.status == 200:
            self.possible_cities[order_id] = {city}
        elif answer.status >= 500:
            self.possible_cities.setdefault(order_id, {CITY}).add(city)
        return answer

    def cancel_expired(self) -> int:
        """Run the storefront's scheduled function; return how many orders it cancelled.

        Raises
        ------
        ProblemError
            If a service does not answer.
        ProcessCrashed
            If the process crashes.
        """
        # a while after the last change, which the reads of a list may miss for a second
        self.advance(2)
        with self.calls.hop("storefront_api cancel_expired"):
            components = apps.load_app("storefront_api").components
            cancelled: int = components.expiry.handle(lambda: 300.0)["cancelled"]
        return cancelled

    def orders(self) -> dict[str, Item]:
        """Return the items of the orders table by order id, oldest first."""
        return self.tables.tables["toyshop-local-orders"].items

    def call_api(
        self,
        operation: Operation[Any],
        service: str,
        path: dict[str, str] | None = None,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        callers: tuple[str, ...] = (),
    ) -> Answer:
        """Call an operation of a service's API.

        Parameters
        ----------
        path
            Values of the path's parameters.
        body
            Content of the request, sent as JSON.
        callers
            The hops that wait for the answer; none for a client.
        """
        sent_headers = {"Content-Type": "application/json", **(headers or {})}
        url = operation.path.format_map(path or {})
        content = json.dumps(body).encode()
        return self.serve_request(service, operation.method, url, content, sent_headers, callers)

    def serve_request(
        self,
        service: str,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        callers: tuple[str, ...] = (),
    ) -> Answer:
        """Serve a request in a process of a service's API; 502 if the process crashes.

        Parameters
        ----------
        callers
            The hops that wait for the answer; none for a client.
        """
        self._emails_of_processes.append([])
        try:
            with self.calls.hop(f"{service} API", callers):
                answer = apps.invoke_api(service, method, path, body, headers)
        except ProcessCrashed:
            answer = Answer(502, {}, b"")
        if not callers and answer.status >= 500:
            self.calls.retries.append("client")
        emails = self._emails_of_processes.pop()
        if answer.status >= 500:
            self.allowed_copies.update(one for one in emails if not self._is_recorded(one))
        return answer

    # Deliveries and time

    def due(self) -> list[Delivery]:
        """Return what may be delivered now."""
        return self.deliveries.due()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.shift(seconds)

    def run_until_idle(self, step: Step = oldest_first, *, max_deliveries: int = 1000) -> None:
        """Deliver until nothing remains, and let time pass whenever nothing is due yet.

        Parameters
        ----------
        step
            Makes one of the deliveries that are due.
        max_deliveries
            Number of steps after which the world is regarded as never idle.

        Raises
        ------
        NeverIdle
            If something remains to be delivered after that many steps.
        """
        for _ in range(max_deliveries):
            due = self.due()
            if due:
                step(due)
                continue
            next_time = self.deliveries.next_due_time()
            if next_time is None:
                return
            self.advance(next_time - now() + 0.001)
        names = ", ".join(delivery.name for delivery in self.due())
        raise NeverIdle(f"after {max_deliveries} deliveries, these are still due: {names}")

    def forget_idempotency_keys(self) -> None:
        """Make the gateway forget all idempotency keys; delayed requests are carried out first."""
        self.deliveries.run_delayed_requests()
        self.gateway.forget_idempotency_keys()

    # Operators

    def dead_letters(self) -> dict[str, list[Message]]:
        """Return the messages of all dead-letter queues that are not empty, by queue."""
        return {
            name: list(queue.messages)
            for name, queue in self.queues.items()
            if name not in self.deliveries.consumers and queue.messages
        }

    def replay_dead_letters(self) -> int:
        """Send every dead letter back to its source queue; return their number."""
        count = 0
        for queue in self.queues.values():
            if queue.dead_letters is None:
                continue
            parked = self.queues[queue.dead_letters].messages
            while parked:
                queue.send(parked.pop(0).body, now())
                count += 1
        return count

    # What the fakes call

    def _call_aws(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        table = params.get("TableName", "")
        return self.calls.call(
            f"{service} {operation} {table}".strip(),
            lambda: self.cloud.call(service, operation, params),
            lambda fault: self.cloud.call_with_fault(fault, service, operation, params),
        )

    def _send_webhook(self, event: dict[str, Any]) -> bool:
        payload = json.dumps(event, separators=(",", ":")).encode()
        secret = apps.load_app("payments").settings.stripe_webhook_secret
        answer = self.call_api(
            payments_api.RECEIVE_WEBHOOK,
            "payments",
            body={
                "payload": b64encode(payload).decode(),
                "signature": signature(payload, secret, int(now())),
            },
            callers=("gateway",),
        )
        return answer.status == 204

    def _on_email(self, message_id: str) -> None:
        self.emails_sent[message_id] += 1
        if self._emails_of_processes:
            self.emails_in_order.append(message_id)
            self._emails_of_processes[-1].append(message_id)
        else:  # a delayed request, whose sender has given up
            self.allowed_copies[message_id] += 1

    def _is_recorded(self, message_id: str) -> bool:
        item = self.tables.tables["toyshop-local-notifications"].items.get(message_id)
        return item is not None and item["status"]["S"] == "sent"


def _stripe_client(timeout: float) -> InProcessClient:
    return _stripe
